"""What tenants may use, on both databases: rates of keys, pages of a month, what was spent, who did what."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.ledger import Outcome, Queue
from schemas.ids import DEFAULT_TENANT, KeyId, TenantId
from schemas.page import PageState
from schemas.result import RunState
from services.acting import Actor, acting
from services.admission import Admission
from services.rates import RateLimited, Rates, capacity
from services.retention import Retention
from services.stores import audit_rows, commands, tenant_rows, usage_rows
from services.stores.access_tables import audit, rate_buckets, usage_months
from services.stores.audit_rows import Action, AuditFilter
from services.stores.engine import Database
from services.stores.usage_rows import QuotaExceeded
from tests.contract.store import PLAN, Store

KEY, OTHER = KeyId("key_a"), TenantId("other")
HOUR = 3_600_000_000


def _spend(rates: Rates, key: KeyId = KEY, rate: int | None = None) -> int:
    """Requests until the key is refused."""
    for count in range(10_000):
        try:
            rates.take(DEFAULT_TENANT, key, rate)
        except RateLimited:
            return count
    raise AssertionError("never refused")


def test_a_key_may_ask_so_often_and_then_again_after_a_while(database: Database) -> None:
    rates = Rates(database, 60)  # ten at once, one a second
    assert capacity(60) == 10
    assert 10 <= _spend(rates) <= 12  # more flows in while they are asked
    assert _spend(rates, KeyId("key_b")) >= 10
    _flow(database, 5)
    assert 5 <= _spend(Rates(database, 60)) <= 7


def test_who_asks_too_often_is_told_when_to_come_back(database: Database) -> None:
    rates = Rates(database, 1)
    rates.take(DEFAULT_TENANT, KEY, None)
    for _ in range(2):  # the second time without asking the database
        with pytest.raises(RateLimited) as refused:
            rates.take(DEFAULT_TENANT, KEY, None)
        told = refused.value
        assert (told.status, told.code, told.retryable) == (429, "rate_limited", True)
        assert 50 < (told.retry_after_s or 0) <= 60
        assert told.headers["RateLimit"].startswith('"key";r=0')


def test_processes_share_what_a_key_may_ask(database: Database) -> None:
    one, two = Rates(database, 600), Rates(database, 600)
    assert one.take(DEFAULT_TENANT, KEY, None) is not None
    together = 1 + _spend(two) + _spend(one)
    assert 100 <= together <= 130


def test_a_key_may_have_its_own_rate_or_none(database: Database) -> None:
    rates = Rates(database, 60)
    assert rates.take(DEFAULT_TENANT, KEY, 0) is None
    assert _spend(rates, KeyId("key_b"), rate=120) >= 20
    assert Rates(database, 0).take(DEFAULT_TENANT, KEY, None) is None


def test_what_is_left_is_told(database: Database) -> None:
    allowances = [Rates(database, 60).take(DEFAULT_TENANT, KEY, None) for _ in range(3)]
    left = [allowance.left for allowance in allowances if allowance is not None]
    assert left == sorted(left, reverse=True)
    assert left[0] == 9


def _flow(database: Database, seconds: int) -> None:
    """As if this time had passed."""
    with database.write() as connection:
        connection.execute(sa.update(rate_buckets).values(at=rate_buckets.c.at - seconds * 1_000_000))


def _limit(database: Database, pages: int | None, tenant: TenantId = DEFAULT_TENANT) -> None:
    with database.write() as connection:
        tenant_rows.make(connection, tenant)
        tenant_rows.put(connection, tenant_rows.TenantRow(tenant, None, pages))


def _month(database: Database, tenant: TenantId = DEFAULT_TENANT) -> dict[str, Any]:
    with database.read() as connection:
        rows = usage_rows.months(connection, tenant, 12)
    return dict(rows[0]._mapping) if rows else {}


def test_pages_count_once_when_they_are_let_in(store: Store) -> None:
    store.planned(3)
    assert _month(store.database)["admitted"] == 3
    store.planned(2, tenant=OTHER)
    assert (_month(store.database)["admitted"], _month(store.database, OTHER)["admitted"]) == (3, 2)


def test_what_is_copied_or_waited_for_is_not_counted(store: Store) -> None:
    store.planned(3, reuse="same")
    store.planned(3, reuse="same")  # waits for the first
    assert _month(store.database)["admitted"] == 3
    store.end_pages(store.process())
    store.planned(4, reuse="same")  # three are copied
    assert _month(store.database)["admitted"] == 4


def test_what_failed_is_not_counted_again_when_it_is_retried(store: Store) -> None:
    run = store.planned(2)
    store.end_pages(store.process(), PageState.FAILED)
    claim = store.claim(Queue.FINISH, store.process())
    with store.ledger.holding(claim) as unit:
        unit.end_run(Outcome(RunState.FAILED, None, {}))
        unit.done()
    with store.database.write() as connection:
        commands.retry_run(connection, DEFAULT_TENANT, claim.document)
    store.plan([1, 2])
    assert _month(store.database)["admitted"] == 2
    assert store.run(run).state == "failed"


def test_more_pages_than_a_month_has_left_are_refused_as_a_whole(store: Store) -> None:
    _limit(store.database, 5)
    store.planned(3)
    store.document()
    claim = store.claim(Queue.PLAN, store.process())
    with pytest.raises(QuotaExceeded) as refused, store.ledger.holding(claim) as unit:
        unit.plan([1, 2, 3], 1, replace(PLAN, reuse=None))
    assert (refused.value.status, refused.value.code) == (429, "quota_exceeded")
    assert "the 2 left of 5" in refused.value.detail
    assert 0 < (refused.value.retry_after_s or 0) <= 31 * 86_400
    assert _month(store.database)["admitted"] == 3
    with store.ledger.holding(claim) as unit:
        unit.plan([1, 2], 1, replace(PLAN, reuse=None))
    assert _month(store.database)["admitted"] == 5
    with pytest.raises(QuotaExceeded):
        Admission(store.database, 1000).admit(DEFAULT_TENANT)
    Admission(store.database, 1000).admit(OTHER)
    _limit(store.database, 6)
    Admission(store.database, 1000).admit(DEFAULT_TENANT)


def test_last_months_pages_do_not_count(store: Store) -> None:
    _limit(store.database, 3)
    store.planned(3)
    with store.database.write() as connection:
        connection.execute(sa.update(usage_months).values(month="2001-01"))
    store.planned(3)
    with store.database.read() as connection:
        months = [row.month for row in usage_rows.months(connection, DEFAULT_TENANT, 12)]
    assert months[1] == "2001-01"


def test_what_was_spent_outlives_the_document(store: Store) -> None:
    store.planned(2)
    store.end_pages(store.process())
    claim = store.claim(Queue.FINISH, store.process())
    assert _month(store.database)["pages"] == 0, "counted when the run ends, or is deleted before"
    with store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, claim.document)
    month = _month(store.database)
    assert (month["runs"], month["pages"], month["admitted"]) == (1, 2, 2)
    document, _ = store.document()
    with store.database.write() as connection:
        commands.cancel_run(connection, DEFAULT_TENANT, document)
    with store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, document)
    assert _month(store.database)["runs"] == 2, "once, although it was cancelled and then deleted"


@pytest.mark.parametrize(
    ("service", "tenant", "asked", "hours"),
    [
        (None, None, None, None),
        (720, None, None, 720),
        (720, 24, None, 24),
        (720, 24, 1, 1),
        (720, 0, None, None),
        (None, 24, None, 24),
        (0, None, None, None),
    ],
)
def test_documents_are_kept_as_request_else_tenant_else_service_say(
    database: Database, service: int | None, tenant: int | None, asked: int | None, hours: int | None
) -> None:
    with database.write() as connection:
        tenant_rows.make(connection, OTHER)
        tenant_rows.put(connection, tenant_rows.TenantRow(OTHER, tenant, None))
        found = Retention(service).expires_at(connection, OTHER, asked, 5)
    assert found == (None if hours is None else 5 + hours * HOUR)


def test_acts_are_noted_in_the_name_of_who_did_them(store: Store) -> None:
    store.document()  # by nobody: a worker, on behalf of an earlier request
    with acting(Actor("robot", KEY)):
        document, run = store.document()
        with store.database.write() as connection:
            commands.cancel_run(connection, DEFAULT_TENANT, document)
    with acting(Actor("another")), store.database.write() as connection:
        audit_rows.note(connection, OTHER, Action.DOCUMENT_DELETED, "doc_x")
    with store.database.read() as connection:
        rows = audit_rows.page(connection, DEFAULT_TENANT, AuditFilter(), None, 10)
        assert [(row.action, row.object_id, row.actor, row.key_id) for row in rows] == [
            ("run.cancelled", run, "robot", KEY),
            ("document.created", document, "robot", KEY),
        ]
        older = audit_rows.page(connection, DEFAULT_TENANT, AuditFilter(), rows[0].seq, 10)
        assert [row.seq for row in older] == [rows[1].seq]
        of = AuditFilter(action="run.cancelled", object_id=run, key_id=KEY)
        assert len(audit_rows.page(connection, DEFAULT_TENANT, of, None, 10)) == 1
        assert audit_rows.page(connection, DEFAULT_TENANT, AuditFilter(key_id="key_b"), None, 10) == []


def test_what_is_undone_leaves_no_entry_and_old_entries_go(database: Database) -> None:
    with acting(Actor("robot")):
        with suppress(RuntimeError), database.write() as connection:
            audit_rows.note(connection, OTHER, Action.SCHEMA_PUT, "undone")
            raise RuntimeError
        with database.write() as connection:
            audit_rows.note(connection, OTHER, Action.SCHEMA_PUT, "old")
            connection.execute(sa.update(audit).values(at=audit.c.at - 2 * HOUR))
            audit_rows.note(connection, OTHER, Action.SCHEMA_PUT, "new")
    with database.write() as connection:
        assert audit_rows.forget(connection, HOUR) == 1
    with database.read() as connection:
        rows = audit_rows.page(connection, OTHER, AuditFilter(), None, 10)
    assert [row.object_id for row in rows] == ["new"]
