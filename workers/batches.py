"""The work on batches, a short step at a time: find members, make documents of them, cancel, retry."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

import structlog

from pipeline.batches import BatchClaim, BatchStore, BatchUnit, Room, Task
from pipeline.ledger import Fenced, Queue
from pipeline.ports import Waker
from schemas.errors import Conflict, NotFound, QuireError, StoreUnavailable
from schemas.ids import DocumentId, ProcessId, TenantId
from schemas.result import RunState
from workers import policy
from workers.cage import Cancelled
from workers.expand import AT_ONCE, Expansion
from workers.failures import ours
from workers.meter import JobOutcome, Meter
from workers.surroundings import names_of_batch

_log = structlog.get_logger(__name__)

FOLD_S = 0.5
"""How late the counters of a batch may be."""

_FETCHED_AT_ONCE = 32
_DOCUMENTS_AT_ONCE = 100
_DROPPED_AT_ONCE = 5000
_WAKES = 8
_NO_ROOM_S = 2.0
_UNDER_WAY = tuple(str(state) for state in RunState if not state.terminal)
_NOT_WELL = (str(RunState.FAILED), str(RunState.PARTIAL), str(RunState.CANCELLED))


@dataclass(frozen=True, slots=True)
class BatchSteps:
    """The errands of the queue `batch`. One call does one step, then the tenants' turns decide again."""

    store: BatchStore
    expansion: Expansion
    room: Room
    waker: Waker
    meter: Meter
    stopping: Event = field(default_factory=Event)

    def one(self, process: ProcessId) -> bool:
        """Do one step; False when none can be claimed."""
        try:
            claim = self.store.claim(process)
        except StoreUnavailable as error:
            _log.warning("claim_failed", queue=str(Queue.BATCH), code=error.code)
            return False
        if claim is None:
            return False
        started, outcome = time.monotonic(), self._outcome(claim)
        self.meter.job(Queue.BATCH, outcome, time.monotonic() - started)
        return True

    def _outcome(self, claim: BatchClaim) -> JobOutcome:
        with names_of_batch(claim):
            try:
                self._step(claim)
            except (Fenced, Cancelled):
                _log.info("job_lost")
                return "lost"
            except Exception as error:  # noqa: BLE001  # whatever happens to a batch, the others go on
                self._failed(claim, ours(error))
                return "failed"
        return "done"

    def abandon(self) -> None:
        """The process has to end: what is being unpacked is handed back."""
        self.stopping.set()

    def fold(self) -> None:
        """Bring the counters of batches up to date, and say which have finished."""
        if self.store.fold():
            self.waker.wake(Queue.DELIVER)

    def _step(self, claim: BatchClaim) -> None:
        if claim.task is Task.CANCEL:
            self._cancel(claim)
        elif claim.task is Task.RETRY:
            self._retry(claim)
        else:
            self._expand(claim)

    def _expand(self, claim: BatchClaim) -> None:
        """Find members, then make documents of those that wait, as many as there is room for.

        Where there is none, finding goes on; what was found waits in the store.
        """
        expanded = claim.expanded or self._find(claim)
        waiting = self.store.waiting(claim.batch, AT_ONCE)
        if not all(member.stored for member in waiting):
            waiting = waiting[:_FETCHED_AT_ONCE]
        room = self.room.room(claim.tenant, len(waiting)) if waiting else 0
        found = self.expansion.fetch(claim.tenant, waiting[:room])

        def write(unit: BatchUnit) -> None:
            unit.admit(found)
            if not waiting and expanded:
                unit.rest()
            else:
                unit.again(delay_s=_NO_ROOM_S if expanded and room < len(waiting) else 0.0)

        self._write(claim, write)
        for _ in range(min(room, _WAKES)):
            self.waker.wake(Queue.PLAN)

    def _find(self, claim: BatchClaim) -> bool:
        """True when all members are known."""
        members, progress = self.expansion.find(claim, self.stopping.is_set)
        self._write(claim, lambda unit: unit.add(members, progress))
        return progress.done

    def _cancel(self, claim: BatchClaim) -> None:
        """First what is no document yet, then the documents, each for itself."""
        with self.store.holding(claim) as unit:
            if unit.drop_waiting(_DROPPED_AT_ONCE) == _DROPPED_AT_ONCE:
                unit.again()
                return
        self._each(claim, _UNDER_WAY, self.store.cancel, _DOCUMENTS_AT_ONCE, None)
        self.waker.wake(Queue.DELIVER)

    def _retry(self, claim: BatchClaim) -> None:
        room = self.room.room(claim.tenant, _DOCUMENTS_AT_ONCE)
        if room == 0:
            self._write(claim, lambda unit: unit.again(delay_s=_NO_ROOM_S, at=claim.at))
            return
        self._each(claim, _NOT_WELL, self.store.retry, room, Task.EXPAND)
        self.waker.wake(Queue.PLAN)

    def _each(
        self,
        claim: BatchClaim,
        states: tuple[str, ...],
        do: Callable[[TenantId, DocumentId], None],
        most: int,
        then: Task | None,
    ) -> None:
        """Do something to some documents of the batch; with the last of them the task is over."""
        some = self.store.documents(claim, states, most)
        for document in some:
            try:
                do(claim.tenant, document)
            except (Conflict, NotFound):
                continue  # it ended, or was deleted, in the meantime

        def write(unit: BatchUnit) -> None:
            if some:
                unit.again(at=some[-1])
            elif then is not None:
                unit.again(task=then)
            else:
                unit.rest()

        self._write(claim, write)

    def _write(self, claim: BatchClaim, write: Callable[[BatchUnit], None]) -> None:
        with self.store.holding(claim) as unit:
            write(unit)

    def _failed(self, claim: BatchClaim, error: QuireError) -> None:
        """The step is tried again, or the archive is given up: what was found of it goes on."""
        _log.warning("job_failed", code=error.code, detail=error.detail)
        later = policy.after(error, claim.attempts, claim.setbacks)

        def write(unit: BatchUnit) -> None:
            if later is not None:
                unit.later(later)
            else:
                unit.fail(error.info())

        try:
            self._write(claim, write)
        except QuireError as second:
            _log.warning("job_lost", code=second.code)
