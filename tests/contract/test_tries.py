"""What went wrong with a page and was tried again can be seen with the page."""

from dataclasses import replace

from pipeline.ledger import Failure, Later, PageEnd, Queue
from schemas.errors import BadInput, ErrorInfo
from schemas.ids import DEFAULT_TENANT
from schemas.page import PageState
from services.page_views import PageViews
from tests.contract.store import Store
from workers.commit import Commit
from workers.failures import Failures
from workers.wakes import Wakes

BUSY = ErrorInfo(code="engine_unavailable", detail="no answer", retryable=True)
BROKEN = ErrorInfo(code="page_corrupt", detail="broken")


def test_tries_are_shown_in_their_order_with_the_page_they_were_of(store: Store) -> None:
    run = store.planned(2)
    process = store.process()
    claim = store.claim(Queue.RASTER, process)
    with store.ledger.holding(claim) as unit:
        unit.failed(Failure(BUSY, counted=False, ms=7, page=claim.page))
        unit.later(Later(0, counted=False))
    claim = store.claim(Queue.RASTER, process)
    with store.ledger.holding(claim) as unit:
        unit.failed(Failure(BROKEN, counted=True, ms=9, page=claim.page))
        unit.done()
        unit.end_page(PageEnd(1, PageState.FAILED, BROKEN))
    views = PageViews(store.database)
    tries = views.one(DEFAULT_TENANT, run, 1).page.tries
    assert [(entry.code, entry.counted, entry.ms) for entry in tries] == [
        ("engine_unavailable", False, 7),
        ("page_corrupt", True, 9),
    ]
    assert all(entry.at.endswith("Z") for entry in tries)
    assert [len(found.page.tries) for found in views.each(DEFAULT_TENANT, run, None)] == [2, 0]


def test_a_page_of_which_nothing_can_be_written_fails_and_does_not_keep_its_job(store: Store) -> None:
    """What was left of the page holds something that no store takes."""
    run = store.planned(1)
    process = store.process()
    claim = replace(store.claim(Queue.RASTER, process), queue=Queue.READ)
    left = PageEnd(1, PageState.READ, content=b"{}", summary={"words": object()})
    failures = Failures(Commit(store.ledger), Wakes({}, lambda queue: None), lambda claim, error: left)
    failures.of_job(claim, BadInput("page_corrupt", "broken"), 3)
    assert store.page_states(run) == {1: "failed"}
    assert store.claim(Queue.FINISH, process).run == run
    tries = PageViews(store.database).one(DEFAULT_TENANT, run, 1).page.tries
    assert [entry.code for entry in tries] == ["internal"]
