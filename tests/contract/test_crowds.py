"""Many threads at the same pages: nothing is forgotten, nothing is counted twice, nobody waits for ever."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from pipeline.ledger import Claim, Fenced, PageEnd, Queue
from schemas.errors import ErrorInfo
from schemas.ids import DEFAULT_TENANT, DocumentId, RunId
from schemas.page import PageState
from services.stores import commands
from services.stores.engine import GaveWay
from services.stores.tables import documents, pages, runs
from tests.contract.store import PLAN, Store, ended

_BROKEN = ErrorInfo(code="page_corrupt", detail="broken")
_PAGES = (1, 2, 3, 4)


class Crowd:
    """Threads that post and work on one store; an error in any of them is an error of the test."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.process = store.process()
        self.errors: list[Exception] = []
        self._blob = store.blob()

    def run(self, *tasks: Callable[[], None]) -> None:
        def guarded(task: Callable[[], None]) -> None:
            try:
                task()
            except Exception as error:  # noqa: BLE001  # whatever it is, the test must fail of it
                self.errors.append(error)

        threads = [threading.Thread(target=guarded, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.errors == []

    def post(self, reuse: str | None) -> tuple[DocumentId, RunId]:
        new = commands.NewDocument(DEFAULT_TENANT, self._blob, "application/pdf", 5)
        made = self.store.database.settle(
            lambda connection: commands.create_document(connection, new, commands.NewRun({}))
        )
        while (claim := self.store.ledger.claim(Queue.PLAN, self.process)) is not None:
            self._committed(lambda claim=claim: self._plan(claim, reuse))  # type: ignore[misc]  # bound at once
        return made

    def work(self, state: PageState) -> bool:
        """Do one raster job."""
        claim = self.store.ledger.claim(Queue.RASTER, self.process)
        if claim is None:
            return False
        self._committed(lambda: self._end(claim, state))
        return True

    def _plan(self, claim: Claim, reuse: str | None) -> None:
        with self.store.ledger.holding(claim) as unit:
            unit.plan(_PAGES, 2, replace(PLAN, reuse=reuse))
            unit.done()

    def _end(self, claim: Claim, state: PageState) -> None:
        todo = list(claim.pages)
        if claim.reuse:
            with self.store.ledger.holding(claim) as unit:
                todo = list(unit.look_again())
        if todo:
            with self.store.ledger.holding(claim) as unit:
                unit.done()
                for number in todo:
                    failed = PageEnd(number, state, _BROKEN)
                    unit.end_page(failed if state.failed else ended(number, state))

    @staticmethod
    def _committed(write: Callable[[], None]) -> None:
        """As `workers.commit` does it: again while the store asks for that, not when the job is gone."""
        while True:
            try:
                write()
            except GaveWay:
                continue
            except Fenced:
                pass
            return


@pytest.mark.parametrize("reuse", ["key", None])
def test_posting_working_failing_cancelling_and_deleting_at_once(store: Store, reuse: str | None) -> None:
    crowd = Crowd(store)

    def poster(number: int) -> Callable[[], None]:
        def post() -> None:
            for turn in range(5):
                _post(crowd, reuse, number + turn)

        return post

    def worker(number: int) -> Callable[[], None]:
        def work() -> None:
            for turn in range(30):
                crowd.work(PageState.FAILED if (number + turn) % 5 == 0 else PageState.READ)

        return work

    crowd.run(*(poster(number) for number in range(6)), *(worker(number) for number in range(6)))
    _nothing_is_forgotten(store)
    while crowd.work(PageState.READ):
        _nothing_is_forgotten(store)
    with store.database.read() as connection:
        assert connection.scalars(sa.select(pages.c.state).where(pages.c.state == "pending")).all() == []
        for run in connection.execute(sa.select(runs)).all():
            failed = sa.select(sa.func.count()).where(pages.c.run_id == run.id, pages.c.state == "failed")
            assert (run.pages_left or 0, run.pages_failed) == (0, connection.scalar(failed))
            finish = [job.queue for job in store.jobs(RunId(run.id))]
            assert finish == ([] if run.state == "cancelled" else ["finish"])


def _post(crowd: Crowd, reuse: str | None, turn: int) -> None:
    document, _ = crowd.post(reuse)
    database = crowd.store.database
    if turn % 4 == 0:
        database.settle(lambda connection: commands.delete_document(connection, DEFAULT_TENANT, document))
    elif turn % 4 == 1:
        database.settle(lambda connection: _cancel(connection, document))


def _cancel(connection: sa.Connection, document: DocumentId) -> None:
    """Unless it has ended."""
    state = sa.select(documents.c.state).where(documents.c.id == document)
    if connection.scalar(state) in ("queued", "processing"):
        commands.cancel_run(connection, DEFAULT_TENANT, document)


def _nothing_is_forgotten(store: Store) -> None:
    """Every open page has a job, or waits for an open page that knows it."""
    with store.database.read() as connection:
        open_pages = connection.execute(sa.select(pages).where(pages.c.state == "pending")).all()
    at_work = {
        (job.run_id, number)
        for run in {page.run_id for page in open_pages}
        for job in store.jobs(RunId(run))
        for number in job.payload.get("pages", ())
    }
    known = {page.reuse_key for page in open_pages if page.wanted}
    for page in open_pages:
        if (page.run_id, page.number) not in at_work:
            assert page.waits_for in known
