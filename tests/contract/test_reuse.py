"""The same page of the same tenant is read once, whatever becomes of who reads it."""

import pytest
import sqlalchemy as sa

from pipeline.ledger import Outcome, PageEnd, PageToRead, Queue
from pipeline.orders import PageImage
from schemas.errors import ErrorInfo
from schemas.ids import DEFAULT_TENANT, DocumentId, ProcessId, RunId, TenantId
from schemas.page import PageState
from schemas.reading import Spent
from schemas.result import RunState
from services.stores import commands
from services.stores.tables import page_contents, runs
from tests.contract.store import Store, ended

KEY = "k"
BROKEN = ErrorInfo(code="page_corrupt", detail="broken")


def _read(store: Store, process: ProcessId, *, state: PageState = PageState.READ) -> list[int]:
    """Do the next raster job; which pages had to be read for it."""
    claim = store.claim(Queue.RASTER, process)
    todo = list(claim.pages)
    if claim.reuse:
        with store.ledger.holding(claim) as unit:
            todo = list(unit.look_again())
    if not todo:
        return []
    with store.ledger.holding(claim) as unit:
        unit.done()
        for number in todo:
            error = BROKEN if state.failed else None
            content = None if state.failed else ended(number).content
            unit.end_page(PageEnd(number, state, error, content, spent=Spent(visual_tokens=7)))
    return todo


def _contents(store: Store, run: RunId) -> dict[int, bytes]:
    with store.database.read() as connection:
        rows = connection.execute(sa.select(page_contents).where(page_contents.c.run_id == run))
        return {row.number: row.content for row in rows}


def _document(store: Store, run: RunId) -> DocumentId:
    return DocumentId(store.run(run).document_id)


def _delete(store: Store, run: RunId) -> None:
    with store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, _document(store, run))


def _cancel(store: Store, run: RunId) -> None:
    with store.database.write() as connection:
        commands.cancel_run(connection, DEFAULT_TENANT, _document(store, run))


def test_pages_read_before_are_copied_at_once(store: Store) -> None:
    process, first = store.process(), store.planned(3, chunk=3, reuse=KEY)
    assert _read(store, process) == [1, 2, 3]
    second = store.planned(3, reuse=KEY)
    assert store.page_states(second) == {1: "read", 2: "read", 3: "read"}
    assert _contents(store, second) == _contents(store, first)
    row = store.run(second)
    assert (row.pages_left, row.usage_pages, row.usage_reused_pages) == (0, 3, 3)
    assert row.usage_visual_tokens == 0
    assert [job.queue for job in store.jobs(second)] == ["finish"]


def test_a_third_is_copied_from_the_second_or_the_first_all_the_same(store: Store) -> None:
    process = store.process()
    store.planned(1, reuse=KEY)
    _read(store, process)
    store.planned(1, reuse=KEY)
    assert store.page_states(store.planned(1, reuse=KEY)) == {1: "read"}


def test_only_pages_asked_for_before_are_copied(store: Store) -> None:
    process = store.process()
    store.document()
    store.plan([2, 5], chunk=8, reuse=KEY)
    _read(store, process)
    store.document()
    second = store.plan([1, 2, 3, 5], chunk=8, reuse=KEY)
    assert store.page_states(second) == {1: "pending", 2: "read", 3: "pending", 5: "read"}
    assert _read(store, process) == [1, 3]
    assert store.run(second).pages_left == 0


@pytest.mark.parametrize("other", [{"reuse": "another"}, {"reuse": None}, {"tenant": TenantId("b")}])
def test_nothing_is_shared_with_another_key_tenant_or_who_does_not_want_it(
    store: Store, other: dict[str, object]
) -> None:
    store.planned(1, reuse=KEY)
    _read(store, store.process())
    run = store.planned(1, **{"reuse": KEY, **other})  # type: ignore[arg-type]  # of either kind
    assert store.page_states(run) == {1: "pending"}
    assert store.run(run).usage_reused_pages == 0


def test_what_failed_is_read_again(store: Store) -> None:
    process = store.process()
    store.planned(1, reuse=KEY)
    _read(store, process, state=PageState.FAILED)
    run = store.planned(1, reuse=KEY)
    assert store.page_states(run) == {1: "pending"}
    assert _read(store, process) == [1]
    assert store.page_states(store.planned(1, reuse=KEY)) == {1: "read"}


def test_what_was_deleted_is_read_again(store: Store) -> None:
    process, first = store.process(), store.planned(1, reuse=KEY)
    _read(store, process)
    _delete(store, first)
    assert store.page_states(store.planned(1, reuse=KEY)) == {1: "pending"}


def test_documents_posted_at_once_are_read_once(store: Store) -> None:
    process = store.process()
    leader, *others = [store.planned(2, reuse=KEY) for _ in range(4)]
    assert [len(store.jobs(run)) for run in others] == [0, 0, 0]  # nobody polls
    work = [_read(store, process) for _ in range(2 + 3 * 2)]
    assert sorted(page for pages_read in work for page in pages_read) == [1, 2]
    for run in others:
        assert store.page_states(run) == {1: "read", 2: "read"}
        assert _contents(store, run) == _contents(store, leader)
        row = store.run(run)
        assert (row.pages_left, row.usage_reused_pages, row.usage_visual_tokens) == (0, 2, 0)
        assert [job.queue for job in store.jobs(run)] == ["finish"]
        assert store.event_types(run).count("page.finished") == 2
    assert store.run(leader).usage_visual_tokens == 14
    assert store.ledger.claim(Queue.RASTER, process) is None


def test_a_waiting_page_is_copied_while_its_leader_goes_on(store: Store) -> None:
    process = store.process()
    store.planned(5, chunk=1, reuse=KEY)
    waiting = store.planned(5, reuse=KEY)
    _read(store, process)
    claims = [store.claim(Queue.RASTER, process) for _ in range(5)]
    (again,) = [claim for claim in claims if claim.run == waiting]
    with store.ledger.holding(again) as unit:
        assert unit.look_again() == []
    assert store.page_states(waiting)[1] == "read"


@pytest.mark.parametrize("how", ["fails", "cancelled", "deleted", "quarantined"])
def test_when_the_leader_comes_to_nothing_one_of_the_others_leads(store: Store, how: str) -> None:
    process = store.process()
    leader, second, third = [store.planned(1, reuse=KEY) for _ in range(3)]
    if how == "fails":
        _read(store, process, state=PageState.FAILED)
    elif how == "cancelled":
        _cancel(store, leader)
    elif how == "deleted":
        _delete(store, leader)
    else:
        poison = store.process()
        store.claim(Queue.RASTER, poison)
        store.ledger.bury(0, 1)
        poison = store.process()
        store.alone(store.claim(Queue.RASTER, poison))
        store.ledger.bury(0, 1)
        process = store.process()
    assert _read(store, process) == [1]  # one of them reads
    assert _read(store, process) == []  # the other looked, or copied
    while (claim := store.ledger.claim(Queue.RASTER, process)) is not None:
        with store.ledger.holding(claim) as unit:
            assert unit.look_again() == []
    assert {store.page_states(run)[1] for run in (second, third)} == {"read"}
    assert sum(store.run(run).usage_reused_pages for run in (second, third)) == 1
    assert sum(store.run(run).usage_visual_tokens for run in (second, third)) == 7


def test_others_wait_again_for_whoever_leads_next(store: Store) -> None:
    process = store.process()
    leader, second, third = [store.planned(1, reuse=KEY) for _ in range(3)]
    _cancel(store, leader)
    claims = [store.claim(Queue.RASTER, process) for _ in range(2)]
    with store.ledger.holding(claims[0]) as unit:
        assert unit.look_again() == [1]
    with store.ledger.holding(claims[1]) as unit:
        assert unit.look_again() == []
    assert {claim.run for claim in claims} == {second, third}
    assert store.jobs(claims[1].run) == []
    with store.ledger.holding(claims[0]) as unit:
        unit.done()
        unit.end_page(ended(1))
    assert _read(store, process) == []
    assert store.page_states(claims[1].run) == {1: "read"}


@pytest.mark.parametrize("end", [_cancel, _delete])
def test_who_waits_may_be_cancelled_or_deleted(store: Store, end: object) -> None:
    process = store.process()
    leader, waiting = store.planned(2, reuse=KEY), store.planned(2, reuse=KEY)
    assert callable(end)
    end(store, waiting)
    assert [_read(store, process) for _ in range(2)] == [[1], [2]]
    assert store.ledger.claim(Queue.RASTER, process) is None
    assert store.run(leader).pages_left == 0


def test_a_run_of_the_same_document_reuses_what_an_earlier_one_read(store: Store) -> None:
    process, first = store.process(), store.planned(2, reuse=KEY)
    _read(store, process)
    _read(store, process, state=PageState.FAILED)
    with store.ledger.holding(store.claim(Queue.FINISH, process)) as unit:
        unit.end_run(Outcome(RunState.PARTIAL, None, {}))
    with store.database.write() as connection:
        again = commands.create_run(connection, DEFAULT_TENANT, _document(store, first), commands.NewRun({}))
    store.plan([1, 2], reuse=KEY)
    assert store.page_states(again) == {1: "read", 2: "pending"}


def test_a_leader_whose_process_died_still_leads(store: Store) -> None:
    leader, waiting = store.planned(1, reuse=KEY), store.planned(1, reuse=KEY)
    store.claim(Queue.RASTER, store.process())
    store.ledger.bury(0, 3)
    assert store.jobs(waiting) == []
    process = store.process()
    assert _read(store, process) == [1]
    assert _read(store, process) == []
    assert store.page_states(leader) == store.page_states(waiting) == {1: "read"}


def test_a_process_that_dies_while_it_looks_again_loses_nothing(store: Store) -> None:
    leader, waiting = store.planned(3, reuse=KEY), store.planned(3, reuse=KEY)
    _cancel(store, leader)
    dead = store.process()
    with store.ledger.holding(store.claim(Queue.RASTER, dead)) as unit:
        assert unit.look_again() == [1, 2, 3]
    store.ledger.bury(0, 3)
    process = store.process()
    done = [_read(store, process) for _ in range(2)]
    assert sorted(page for some in done for page in some) == [1, 2, 3]
    assert store.run(waiting).pages_left == 0


def test_looking_again_is_repeated_when_its_answer_was_lost(store: Store) -> None:
    leader, waiting = store.planned(2, chunk=2, reuse=KEY), store.planned(2, reuse=KEY)
    _cancel(store, leader)
    claim = store.claim(Queue.RASTER, store.process())
    for _ in range(2):
        with store.ledger.holding(claim) as unit:
            assert unit.look_again() == [1, 2]
    assert store.page_states(waiting) == {1: "pending", 2: "pending"}


def test_a_job_that_fails_after_it_looked_again_fails_only_its_own_pages(store: Store) -> None:
    process = store.process()
    leader, second = store.planned(2, chunk=2, reuse=KEY), store.planned(2, reuse=KEY)
    _cancel(store, leader)
    store.document()
    store.plan([2], reuse=KEY)  # it takes the lead of page 2 before the second looks
    claim = store.claim(Queue.RASTER, process)
    assert (claim.run, claim.pages) == (second, (1, 2))
    with store.ledger.holding(claim) as unit:
        assert unit.look_again() == [1]
        assert unit.remaining() == [1]
    assert _read(store, process) == [2]
    assert store.page_states(second) == {1: "pending", 2: "pending"}


def test_what_somebody_waits_for_becomes_as_urgent_as_they_are(store: Store) -> None:
    bulk = store.planned(3, reuse=KEY, priority=commands.BULK)
    process = store.process()
    first = store.claim(Queue.RASTER, process)
    other = store.planned(50, priority=commands.BULK)
    store.planned(3, reuse=KEY, priority=commands.INTERACTIVE)
    order = [store.claim(Queue.RASTER, process).run for _ in range(3)]
    assert order == [bulk, bulk, other]
    image = store.blob(content=b"i")
    with store.ledger.holding(first) as unit:  # what was under way already moves up with its next step
        unit.to_read(PageToRead(1, b"{}", PageImage(b"i", "image/png", 28, 28)), image)
        unit.done()
    with store.database.read() as connection:
        assert {job.priority for job in store.jobs(bulk)} == {commands.INTERACTIVE}
        assert connection.scalar(sa.select(runs.c.priority).where(runs.c.id == bulk)) == commands.BULK


@pytest.mark.parametrize("read_first", [True, False])
def test_two_tenants_that_hold_the_same_key_stay_apart(store: Store, read_first: bool) -> None:
    """Who waits does so for its own tenant's page, whatever another has read, whichever was there first."""
    process, other = store.process(), TenantId("b")
    order = [DEFAULT_TENANT, other] if read_first else [other, DEFAULT_TENANT]
    for tenant in order:
        store.planned(1, reuse=KEY, tenant=tenant)
    claims = {claim.tenant: claim for claim in [store.claim(Queue.RASTER, process) for _ in order]}
    with store.ledger.holding(claims[DEFAULT_TENANT]) as unit:
        unit.done()
        unit.end_page(ended(1))
    waiting = store.planned(1, reuse=KEY, tenant=other)
    assert store.page_states(waiting) == {1: "pending"}
    assert store.jobs(waiting) == []
    with store.ledger.holding(claims[other]) as unit:
        unit.done()
        unit.end_page(ended(1))
    assert _read(store, process) == []
    assert store.page_states(waiting) == {1: "read"}
