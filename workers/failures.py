"""The only place that decides on another try: logs what went wrong, then gives the work back or up."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from pipeline.ledger import Claim, Failure, Later, Outcome, PageEnd, Queue, UnitOfWork
from pipeline.ports import Waker
from schemas.errors import QuireError
from schemas.page import PageState
from schemas.result import RunState
from workers import policy
from workers.commit import Commit

_log = structlog.get_logger(__name__)


def ours(error: Exception) -> QuireError:
    """Any exception as one of ours; what is not was a bug, told by its type and never by its message."""
    if isinstance(error, QuireError):
        return error
    _log.error("bug", exc_info=error)
    return QuireError("internal", f"{type(error).__name__} while processing")


@dataclass(frozen=True, slots=True)
class Failures:
    """Ends of jobs and pages that did not go well."""

    commit: Commit
    waker: Waker
    left_of: Callable[[Claim, QuireError], PageEnd | None]
    """What a page still says when its engine has failed for good."""

    def of_job(self, claim: Claim, error: QuireError, ms: int) -> None:
        """A job failed as a whole."""
        later = policy.after(error, claim.attempts, claim.setbacks, alone=claim.alone)
        left = self._left(claim, error) if later is None and claim.queue is Queue.READ else None
        try:
            self._write(claim, error, ms, later, left)
        except QuireError:
            raise
        except Exception as bug:  # noqa: BLE001  # what cannot be written must not keep the job for ever
            self._write(claim, ours(bug), ms, later, None)
        if later is None:
            # It may have been the last page, or all there was.
            self.waker.wake(Queue.FINISH)
            self.waker.wake(Queue.DELIVER)

    def _write(
        self, claim: Claim, error: QuireError, ms: int, later: Later | None, left: PageEnd | None
    ) -> None:
        def write(unit: UnitOfWork) -> None:
            unit.failed(Failure(error.info(), later is None or later.counted, ms, claim.page))
            if later is not None:
                unit.later(later)
            elif left is not None:
                unit.done()
                unit.end_page(left)
            else:
                _give_up(unit, claim, error)

        self.commit(claim, write)

    def _left(self, claim: Claim, error: QuireError) -> PageEnd | None:
        try:
            left = self.left_of(claim, error)
        except QuireError as second:  # the first one is what counts
            _log.warning("page_lost", code=second.code)
            return None
        return left and replace(left, attempts=claim.attempts + 1)

    def of_page(self, claim: Claim, page: int, following: int | None, error: QuireError, ms: int) -> bool:
        """One page of a raster job failed; True when the job goes on with the following one."""
        if len(claim.pages) == 1:
            self.of_job(claim, error, ms)
            return False
        later = policy.after(error, 0, claim.setbacks)

        def write(unit: UnitOfWork) -> None:
            unit.failed(Failure(error.info(), later is None or later.counted, ms, page))
            if later is None:
                unit.end_page(PageEnd(page, PageState.FAILED, error.info()))
            elif later.counted:
                unit.split(page, later)
            else:
                unit.later(later)  # not the page's fault: the whole job waits, here
                return
            advance(unit, following)

        self.commit(claim, write)
        if later is None and following is None:
            self.waker.wake(Queue.FINISH)
        return later is None or later.counted


def _give_up(unit: UnitOfWork, claim: Claim, error: QuireError) -> None:
    if claim.queue in (Queue.RASTER, Queue.READ):
        pages = unit.remaining()
        unit.done()
        for page in pages:
            unit.end_page(PageEnd(page, PageState.FAILED, error.info(), attempts=claim.attempts + 1))
    else:
        unit.end_run(Outcome(RunState.FAILED, error.info(), {"warnings": list(claim.facts.warnings)}))


def advance(unit: UnitOfWork, following: int | None) -> None:
    """Move a raster job to its next page, or end it."""
    if following is None:
        unit.done()
    else:
        unit.work_on(following)
