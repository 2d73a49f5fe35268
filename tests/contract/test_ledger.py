"""What workers rely on in the transactional store: claims, fences, the ends of pages and runs."""

import threading

import pytest
import sqlalchemy as sa

from pipeline.ledger import Fenced, Later, Outcome, PageEnd, PageToRead, Queue
from pipeline.orders import PageImage
from schemas.errors import Conflict, ErrorInfo, NotFound
from schemas.field import Field, FieldState, FieldType
from schemas.ids import DEFAULT_TENANT, DocumentId, TenantId
from schemas.page import PageState
from schemas.result import RunState
from services.stores import commands
from services.stores.query_tables import fields
from services.stores.tables import documents, page_contents
from tests.contract.store import PLAN, Store, ended

GOOD = Outcome(RunState.SUCCEEDED, None, {"warnings": []})


def test_a_job_is_claimed_by_one_process_only(store: Store) -> None:
    store.document()
    first = store.ledger.claim(Queue.PLAN, store.process())
    assert first is not None
    assert store.ledger.claim(Queue.PLAN, store.process()) is None


def test_many_claimers_at_once_share_the_jobs_without_doubles(store: Store) -> None:
    run = store.planned(40)
    process, got, start = store.process(), [], threading.Barrier(8)

    def claim_all() -> None:
        start.wait()
        while (claim := store.ledger.claim(Queue.RASTER, process)) is not None:
            got.append(claim.page)

    threads = [threading.Thread(target=claim_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(page for page in got if page) == list(range(1, 41))
    assert len(store.jobs(run)) == 40


def test_a_commit_needs_the_token_of_the_newest_claim(store: Store) -> None:
    store.document()
    old = store.claim(Queue.PLAN, store.process())
    with store.ledger.holding(old) as unit:
        unit.later(Later(0, counted=False))
    new = store.claim(Queue.PLAN, store.process())
    assert new.job == old.job
    with pytest.raises(Fenced), store.ledger.holding(old) as unit:
        unit.plan([1], 1, PLAN)
    with store.ledger.holding(new) as unit:
        unit.plan([1], 1, PLAN)
        unit.done()


def test_a_process_given_up_for_dead_cannot_commit(store: Store) -> None:
    run = store.planned(1)
    claim = store.claim(Queue.RASTER, store.process())
    store.ledger.bury(0, 3)
    with pytest.raises(Fenced), store.ledger.holding(claim) as unit:
        unit.end_page(ended(1))
    assert store.page_states(run) == {1: "pending"}


def test_an_error_inside_a_unit_undoes_all_of_it(store: Store) -> None:
    run = store.planned(1)
    claim = store.claim(Queue.RASTER, store.process())

    def half() -> None:
        with store.ledger.holding(claim) as unit:
            unit.end_page(ended(1))
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert store.page_states(run) == {1: "pending"}
    assert store.run(run).pages_left == 1


def test_a_page_ends_once_however_often_it_is_ended(store: Store) -> None:
    run = store.planned(2, chunk=2)
    claim = store.claim(Queue.RASTER, store.process())
    with store.ledger.holding(claim) as unit:
        assert unit.end_page(ended(1)) == 1
        assert unit.end_page(PageEnd(1, PageState.FAILED, ErrorInfo(code="x", detail="x"))) is None
    with store.ledger.holding(claim) as unit:
        assert unit.end_page(ended(1, PageState.BLANK)) is None
    row = store.run(run)
    assert (row.pages_left, row.pages_failed) == (1, 0)
    assert store.page_states(run) == {1: "read", 2: "pending"}
    assert store.event_types(run).count("page.finished") == 1


@pytest.mark.parametrize("page_count", [1, 5])
def test_the_last_page_adds_one_finish_job_whichever_it_is(store: Store, page_count: int) -> None:
    run = store.planned(page_count)
    process = store.process()
    claims = [store.claim(Queue.RASTER, process) for _ in range(page_count)]
    for claim in reversed(claims):
        assert not [job for job in store.jobs(run) if job.queue == "finish"]
        with store.ledger.holding(claim) as unit:
            unit.end_page(ended(claim.pages[0]))
            unit.done()
    assert [job.queue for job in store.jobs(run)] == ["finish"]


def test_pages_ending_at_once_in_many_threads_are_all_counted(store: Store) -> None:
    run = store.planned(24)
    process = store.process()
    claims = [store.claim(Queue.RASTER, process) for _ in range(24)]
    start = threading.Barrier(24)

    def end(index: int) -> None:
        start.wait()
        with store.ledger.holding(claims[index]) as unit:
            unit.end_page(ended(claims[index].pages[0]))
            unit.done()

    threads = [threading.Thread(target=end, args=(index,)) for index in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.run(run).pages_left == 0
    assert [job.queue for job in store.jobs(run)] == ["finish"]
    assert store.event_types(run).count("page.finished") == 24


def test_a_second_plan_or_finish_of_a_run_cannot_exist(store: Store) -> None:
    run = store.planned(1)
    process = store.process()
    store.end_pages(process)
    claim = store.claim(Queue.FINISH, process)
    with store.ledger.holding(claim) as unit:
        unit._add(Queue.FINISH, [commands.jobs.Work()])  # type: ignore[attr-defined]  # what a bug would do
    assert [job.queue for job in store.jobs(run)] == ["finish"]


def test_a_run_ends_once_erases_its_password_and_tells_in_the_same_transaction(store: Store) -> None:
    document, run = store.document(password="geheim")
    process = store.process()
    plan = store.claim(Queue.PLAN, process)
    assert plan.facts.password == "geheim"
    with store.ledger.holding(plan) as unit:
        unit.plan([1], 8, PLAN)
        unit.done()
    store.end_pages(process)
    claim = store.claim(Queue.FINISH, process)
    amount = Field(
        path="items[2].amount",
        type=FieldType.MONEY,
        state=FieldState.FOUND,
        value=1.5,
        decimal="1.50",
        currency="EUR",
    )
    with store.ledger.holding(claim) as unit:
        unit.parts("table", 0, [b'{"id":"t1"}'])
        unit.overlay([(1, {"kinds": {}})])
        unit.end_run(Outcome(RunState.SUCCEEDED, None, {"warnings": []}, [amount]))
    row = store.run(run)
    assert (row.state, row.password) == ("succeeded", None)
    assert store.jobs(run) == []
    assert store.event_types(run) == ["document.processing", "page.finished", "document.succeeded"]
    with store.database.read() as connection:
        assert (
            connection.scalar(sa.select(documents.c.state).where(documents.c.id == document)) == "succeeded"
        )
        field = connection.execute(sa.select(fields)).one()
    assert (field.path, field.list_path, field.item_index) == ("items[].amount", "items", 2)
    assert (field.scaled, field.currency) == (1_500_000, "EUR")


def test_delays_hold_a_job_back(store: Store) -> None:
    store.document()
    process = store.process()
    with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
        unit.later(Later(3600, counted=True))
    assert store.ledger.claim(Queue.PLAN, process) is None
    assert store.ledger.runnable() == {}


def test_counted_tries_and_setbacks_are_kept_apart(store: Store) -> None:
    store.document()
    process = store.process()
    for counted in (True, False, False):
        with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
            unit.later(Later(0, counted=counted))
    claim = store.claim(Queue.PLAN, process)
    assert (claim.attempts, claim.setbacks) == (1, 2)


def test_interactive_work_goes_before_bulk(store: Store) -> None:
    _, bulk = store.document(priority=commands.BULK)
    _, interactive = store.document(priority=commands.INTERACTIVE)
    process = store.process()
    assert [store.claim(Queue.PLAN, process).run for _ in range(2)] == [interactive, bulk]


def test_a_tenant_with_much_work_does_not_hold_up_another(store: Store) -> None:
    store.planned(50, tenant=TenantId("many"))
    process = store.process()
    for _ in range(10):
        store.claim(Queue.RASTER, process)
    one = store.planned(1, tenant=TenantId("one"))
    order = [store.claim(Queue.RASTER, process).run for _ in range(3)]
    assert one in order[:2]


@pytest.mark.parametrize("known", [False, True])
def test_a_tenant_gains_nothing_by_having_been_idle(store: Store, known: bool) -> None:
    if known:
        store.planned(1, tenant=TenantId("late"))
        store.claim(Queue.RASTER, store.process())
    store.planned(20, tenant=TenantId("busy"))
    process = store.process()
    for _ in range(15):
        store.claim(Queue.RASTER, process)
    late = store.planned(20, tenant=TenantId("late"))
    order = [store.claim(Queue.RASTER, process).run == late for _ in range(10)]
    assert 4 <= sum(order) <= 6


def test_what_a_page_needs_to_be_read_travels_with_its_job(store: Store) -> None:
    run = store.planned(1)
    process = store.process()
    claim = store.claim(Queue.RASTER, process)
    image = store.blob(content=b"image")
    page = PageToRead(1, b'{"number":1}', PageImage(b"image", "image/png", 28, 56))
    with store.ledger.holding(claim) as unit:
        unit.to_read(page, image)
        unit.done()
    read = store.claim(Queue.READ, process)
    assert read.prepared == b'{"number":1}'
    assert read.image is not None
    assert (read.image.blob, read.image.width, read.image.height) == (image, 28, 56)
    assert store.page_states(run) == {1: "reading"}
    with store.ledger.holding(read) as unit:
        unit.render_again()
    assert store.claim(Queue.RASTER, process).pages == (1,)


def test_cancelling_takes_the_work_from_whoever_is_at_it(store: Store) -> None:
    document, run = store.document()
    process = store.process()
    with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
        unit.plan([1, 2, 3], 1, PLAN)
        unit.done()
    first = store.claim(Queue.RASTER, process)
    with store.ledger.holding(first) as unit:
        unit.end_page(ended(1))
        unit.done()
    second = store.claim(Queue.RASTER, process)
    with store.database.write() as connection:
        commands.cancel_run(connection, DEFAULT_TENANT, document)
    assert store.ledger.held(process) == set()
    with pytest.raises(Fenced), store.ledger.holding(second) as unit:
        unit.end_page(ended(2))
    assert store.page_states(run) == {1: "read", 2: "cancelled", 3: "cancelled"}
    row = store.run(run)
    assert (row.state, row.pages_left) == ("cancelled", 0)
    assert store.jobs(run) == []
    with store.database.write() as connection:  # asking twice is no error
        commands.cancel_run(connection, DEFAULT_TENANT, document)
    assert store.event_types(run)[-1] == "document.cancelled"
    assert store.event_types(run).count("document.cancelled") == 1


def test_a_finished_run_cannot_be_cancelled_and_a_good_one_not_retried(store: Store) -> None:
    document, _ = store.document()
    process = store.process()
    with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
        unit.plan([1], 1, PLAN)
        unit.done()
    with pytest.raises(Conflict), store.database.write() as connection:
        commands.retry_run(connection, DEFAULT_TENANT, document)
    store.end_pages(process)
    with store.ledger.holding(store.claim(Queue.FINISH, process)) as unit:
        unit.end_run(GOOD)
    for command in (commands.cancel_run, commands.retry_run):
        with pytest.raises(Conflict), store.database.write() as connection:
            command(connection, DEFAULT_TENANT, document)


def test_a_retry_redoes_only_what_failed(store: Store) -> None:
    document, first = store.document()
    process = store.process()
    with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
        unit.plan([1, 2, 3], 3, PLAN)
        unit.done()
    with store.ledger.holding(store.claim(Queue.RASTER, process)) as unit:
        unit.end_page(ended(1))
        unit.end_page(PageEnd(2, PageState.FAILED, ErrorInfo(code="x", detail="x")))
        unit.end_page(ended(3, PageState.BLANK))
        unit.done()
    with store.ledger.holding(store.claim(Queue.FINISH, process)) as unit:
        unit.end_run(Outcome(RunState.PARTIAL, None, {}))
    with store.database.write() as connection:
        second = commands.retry_run(connection, DEFAULT_TENANT, document)
    with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
        unit.plan([1, 2, 3], 3, PLAN)
        unit.done()
    claim = store.claim(Queue.RASTER, process)
    assert claim.pages == (2,)
    assert store.page_states(second) == {1: "read", 2: "pending", 3: "blank"}
    assert (store.run(second).pages_left, store.run(second).usage_reused_pages) == (1, 2)
    with store.ledger.holding(claim) as unit:
        unit.end_page(ended(2))
        unit.done()
    pages = [page for chunk in store.ledger.ended_pages(second, 2) for page in chunk]
    assert [page.number for page in pages] == [1, 2, 3]
    assert all(page.content is not None for page in pages)
    assert store.page_states(first)[2] == "failed"  # a finished run never changes


def test_deleting_takes_everything_with_it_and_stops_the_work(store: Store) -> None:
    document, run = store.document()
    process = store.process()
    with store.ledger.holding(store.claim(Queue.PLAN, process)) as unit:
        unit.plan([1, 2], 1, PLAN)
        unit.done()
    claim = store.claim(Queue.RASTER, process)
    with store.ledger.holding(claim) as unit:
        unit.end_page(ended(1))
    with store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, document)
    with pytest.raises(Fenced), store.ledger.holding(claim) as unit:
        unit.end_page(ended(2))
    assert (store.page_states(run), store.jobs(run), store.event_types(run)) == ({}, [], [])
    with store.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(page_contents)) == 0
    with pytest.raises(NotFound), store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, document)


def test_another_tenant_sees_nothing(store: Store) -> None:
    document, _ = store.document(TenantId("a"))
    for command in (commands.cancel_run, commands.retry_run, commands.delete_document):
        with pytest.raises(NotFound), store.database.write() as connection:
            command(connection, TenantId("b"), document)


def test_text_that_one_database_would_refuse_is_cleaned(store: Store) -> None:
    run = store.planned(1)
    claim = store.claim(Queue.RASTER, store.process())
    bad = "a\x00b\ud800c"
    content = b'{"page":{"number":1,"text":"a\\u0000b"}}'
    with store.ledger.holding(claim) as unit:
        unit.end_page(
            PageEnd(1, PageState.READ, ErrorInfo(code="x", detail=bad), content, summary={bad: [bad]})
        )
        unit.done()
    (page,) = next(iter(store.ledger.ended_pages(run, 8)))
    assert page.error is not None
    assert page.error.detail == "ab\N{REPLACEMENT CHARACTER}c"
    assert page.summary == {"ab\N{REPLACEMENT CHARACTER}c": ["ab\N{REPLACEMENT CHARACTER}c"]}
    assert page.content == b'{"page":{"number":1,"text":"ab"}}'


def test_a_run_far_ahead_of_its_readers_waits_as_a_whole(store: Store) -> None:
    run = store.planned(3)
    other = store.planned(1)
    process = store.process()
    claim = store.claim(Queue.RASTER, process)
    assert (claim.run, store.ledger.unread(run)) == (run, 0)
    image = store.blob(content=b"i")
    with store.ledger.holding(claim) as unit:
        unit.to_read(PageToRead(1, b"{}", PageImage(b"i", "image/png", 28, 28)), image)
        unit.hold_off(3600)
    assert store.ledger.unread(run) == 1
    assert store.claim(Queue.RASTER, process).run == other
    assert store.ledger.claim(Queue.RASTER, process) is None
    assert store.claim(Queue.READ, process).run == run


def test_a_commit_made_again_after_its_answer_was_lost_adds_no_second_reading(store: Store) -> None:
    run = store.planned(2, chunk=2)
    claim = store.claim(Queue.RASTER, store.process())
    image = store.blob(content=b"i")
    for _ in range(2):
        with store.ledger.holding(claim) as unit:
            unit.to_read(PageToRead(1, b"{}", PageImage(b"i", "image/png", 28, 28)), image)
            unit.work_on(2)
    assert sorted(job.queue for job in store.jobs(run)) == ["raster", "read"]


def test_a_long_queue_does_not_hide_the_others_from_the_poll(store: Store) -> None:
    store.planned(400)
    store.document()
    runnable = store.ledger.runnable()
    assert runnable[Queue.PLAN] == 1
    assert runnable[Queue.RASTER] > 100


def test_ids_that_cannot_be_find_nothing(store: Store) -> None:
    document, _ = store.document()
    for name in (f"{document}\x00", "\ud800", "\x00", "é" * 3000):
        with pytest.raises(NotFound), store.database.write() as connection:
            commands.cancel_run(connection, DEFAULT_TENANT, DocumentId(name))
