"""A tenant may have so many pages waiting, and not more; counting them stays cheap."""

import pytest

from pipeline.ledger import Queue
from schemas.ids import DEFAULT_TENANT, TenantId
from services.admission import Admission, BacklogFull
from services.stores import backlog, commands
from tests.contract.store import Store, ended

OTHER = TenantId("other")


def _pages(store: Store, tenant: TenantId = DEFAULT_TENANT, up_to: int = 1000) -> int:
    with store.database.read() as connection:
        return backlog.pages_of(connection, tenant, up_to)


def test_pages_and_unopened_documents_are_counted_until_they_end(store: Store) -> None:
    store.planned(3)
    document, _ = store.document()
    assert _pages(store) == 4
    assert _pages(store, OTHER) == 0
    claim = store.claim(Queue.RASTER, store.process())
    with store.ledger.holding(claim) as unit:
        unit.done()
        unit.end_page(ended(claim.pages[0]))
    assert _pages(store) == 3
    with store.database.write() as connection:
        commands.cancel_run(connection, DEFAULT_TENANT, document)
    assert _pages(store) == 2


def test_who_has_enough_waiting_is_told_to_come_back(store: Store) -> None:
    store.planned(2)
    admission = Admission(store.database, 3)
    admission.admit(DEFAULT_TENANT)
    with pytest.raises(BacklogFull) as refused:
        admission.admit(DEFAULT_TENANT)
    assert (refused.value.status, refused.value.code, refused.value.retryable) == (429, "backlog_full", True)
    assert refused.value.retry_after_s
    admission.admit(OTHER)


def test_counting_ends_at_the_bound(store: Store) -> None:
    for _ in range(5):
        store.document()
    assert _pages(store, up_to=2) == 3
