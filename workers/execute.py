"""The loop of a worker: claim a job, do it, commit; what fails goes to `workers.failures`."""

import time
from collections.abc import Callable

import structlog

from pipeline.ledger import Claim, Fenced, PageEnd, Queue
from schemas.errors import QuireError, StoreUnavailable
from workers.cage import Cancelled
from workers.commit import Commit
from workers.context import Context
from workers.failures import Failures, ours
from workers.finish import FinishJob
from workers.gate import Gate
from workers.meter import JobOutcome
from workers.pages import Lost, PageJobs
from workers.pressure import Pressure
from workers.pulse import LEASE_S, Pulse
from workers.steps import without_engine
from workers.surroundings import around, mark_failed

_log = structlog.get_logger(__name__)


class Executor:
    """Does the jobs of one process; its methods may be called from many threads.

    ``in_flight``: how many calls of the engine may be under way here as long as it copes.
    """

    def __init__(self, context: Context, in_flight: int = 1 << 16, lease_s: float = LEASE_S) -> None:
        self._context = context
        self._commit = Commit(context.ledger)
        self._failures = Failures(self._commit, context.waker, self._left_of)
        self._pulse = Pulse(context.ledger, lease_s)
        self._gate = Gate()
        self._meter = context.meter
        self._pressure = Pressure(in_flight)
        self._stopping = False
        pages = PageJobs(context, self._commit, self._failures)
        self._jobs: dict[Queue, Callable[[Claim, Lost], None]] = {
            Queue.PLAN: pages.plan,
            Queue.RASTER: pages.raster,
            Queue.READ: pages.read,
            Queue.FINISH: FinishJob(context, self._commit).finish,
        }

    def start(self) -> None:
        """Become known to the store; without that nothing can be claimed."""
        self._pulse.start()

    def alive(self) -> bool:
        """Leases are renewed; without that the work goes to others."""
        return self._pulse.alive()

    def stop_claiming(self) -> None:
        self._stopping = True

    def abandon(self) -> None:
        """End what is at work; it is handed back, not failed."""
        self._commit.stop()
        for errands in self._context.errands.values():
            errands.abandon()
        self._pulse.abandon()

    def stop(self) -> None:
        """Hand back what is left. Call when no thread is inside `drain` any more."""
        self._pulse.stop()

    def drain(self, queue: Queue) -> int:
        """Do jobs of a queue until none can be claimed; how many were done."""
        done = 0
        while not self._stopping and self.one(queue):
            done += 1
        return done

    def one(self, queue: Queue) -> bool:
        """Do one job; False when none can be claimed, or the engine has enough to do."""
        errands = self._context.errands.get(queue)
        if errands is not None:
            return errands.one(self._pulse.process)
        if queue is not Queue.READ:
            return self._one(queue)
        if not self._pressure.enter():
            return False
        try:
            return self._one(queue)
        finally:
            self._pressure.leave()

    def _one(self, queue: Queue) -> bool:
        with self._gate.shared():
            claim = self._claim(queue)
            if claim is None:
                return False
            if not claim.alone:
                with around(claim, self._context.tracer):
                    self._do(claim)
                return True
        with self._gate.alone(), around(claim, self._context.tracer):
            self._do(claim)
        return True

    def _claim(self, queue: Queue) -> Claim | None:
        try:
            return self._context.ledger.claim(queue, self._pulse.process)
        except StoreUnavailable as error:
            _log.warning("claim_failed", queue=str(queue), code=error.code)
            return None

    def _do(self, claim: Claim) -> None:
        started = time.monotonic()
        self._pulse.at_work(claim)

        def lost() -> bool:
            return self._pulse.lost(claim)

        try:
            if claim.alone:
                self._commit(claim, lambda unit: unit.alone())
            # After a failed try: a child that carries nothing of earlier pages, so that the page is to blame.
            again = claim.attempts > 0
            with self._context.cage.within(cancelled=lost, affinity=claim.run, alone=again):
                self._jobs[claim.queue](claim, lost)
            if claim.queue is Queue.READ:
                self._pressure.coped()
            outcome: JobOutcome = "done"
        except (Fenced, Cancelled):
            outcome = "lost"
            _log.info("job_lost")
        except Exception as error:  # noqa: BLE001  # whatever happens to a job, the others go on
            outcome = "failed"
            self._fail(claim, ours(error), started)
        finally:
            self._pulse.over(claim)
        self._meter.job(claim.queue, outcome, time.monotonic() - started)

    def _left_of(self, claim: Claim, error: QuireError) -> PageEnd | None:
        if claim.prepared is None:
            return None
        return self._context.cage.run(without_engine, claim.prepared, error.code)

    def _fail(self, claim: Claim, error: QuireError, started: float) -> None:
        ms = round((time.monotonic() - started) * 1000)
        if claim.queue is Queue.READ:
            self._pressure.failed(error)
        mark_failed(error.code)
        _log.warning("job_failed", code=error.code, detail=error.detail, ms=ms)
        try:
            self._failures.of_job(claim, error, ms)
        except QuireError as second:
            _log.warning("job_lost", code=second.code)
