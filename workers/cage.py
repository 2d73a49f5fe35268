"""The cage: hostile work runs in child processes with a deadline, a memory limit and an end.

Children are executed afresh, never forked from a process with threads. Each serves one call at a time over a
socket of its own, so a dead child names its culprit and can hold no lock that another needs.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar, cast

from schemas.errors import CageKilled, Conflict, QuireError, Unavailable
from workers.cage_keeper import Keeper
from workers.cage_process import Child
from workers.cage_wire import answer_of, call_message
from workers.meter import Meter, Unmeasured

P = ParamSpec("P")
R = TypeVar("R")

_START_DEADLINE_S = 120.0  # importing the parsers and models takes seconds on a busy machine
_STARTS = 3
_LOOK_S = 0.25
_DETAILS = {
    "cage_timeout": "reading it took longer than allowed",
    "cage_memory": "reading it needs more memory than allowed",
    "cage_crash": "the process that read it crashed",
}


class Cancelled(Conflict):
    """The call was ended because nobody wants its answer any more."""

    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Limits:
    """What applies to the calls of one thread inside `ProcessCage.within`."""

    deadline_s: float
    cancelled: Callable[[], bool] | None = None
    affinity: str | None = None
    """Prefer the child that served this key last: it may have the file still open."""

    alone: bool = False
    """Use a child that served nobody before, and nobody after."""


@dataclass(slots=True, eq=False)
class _Slot:
    """The right to keep one child at work."""

    child: Child | None = None


@dataclass(slots=True, eq=False)
class _Ticket:
    """A caller's place in the line."""

    called: threading.Event = field(default_factory=threading.Event)
    slot: _Slot | None = None


class ProcessCage:
    """`Cage` with ``size`` children, kept warm. Safe to call from many threads, served in order."""

    def __init__(
        self,
        size: int,
        *,
        deadline_s: float = 50.0,
        memory_bytes: int = 2 << 30,
        calls_per_child: int = 500,
        preload: Sequence[str] = (),
        meter: Meter | None = None,
    ) -> None:
        self._default = Limits(deadline_s)
        self._memory_bytes = memory_bytes
        self._calls_per_child = calls_per_child
        self._meter = meter or Unmeasured()
        self._keeper = Keeper(lambda: Child(memory_bytes, preload), memory_bytes)
        self._lock = threading.Lock()
        self._slots = [_Slot() for _ in range(size)]
        self._idle = list(self._slots)
        self._line: deque[_Ticket] = deque()
        self._closed = False
        self._scope = threading.local()

    @property
    def size(self) -> int:
        return len(self._slots)

    def warm(self) -> None:
        """Start the children now instead of at the first calls."""
        for slot in self._slots:
            if slot.child is None:
                slot.child = self._keeper.start_child()

    @contextmanager
    def within(
        self,
        *,
        deadline_s: float | None = None,
        cancelled: Callable[[], bool] | None = None,
        affinity: str | None = None,
        alone: bool = False,
    ) -> Iterator[None]:
        """Limits for the calls this thread makes inside, also those made for it by an engine."""
        before = self._limits()
        self._scope.limits = Limits(deadline_s or before.deadline_s, cancelled, affinity, alone)
        try:
            yield
        finally:
            self._scope.limits = before

    def run(self, step: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        message = call_message(step, args, kwargs)
        limits = self._limits()
        slot = self._acquire(limits)
        try:
            if limits.alone:
                self._bury(slot)
            answer = self._call(slot, message, limits)
            ok, value = _opened(answer)
        except BaseException as error:
            if isinstance(error, CageKilled):
                self._bury(slot)
                self._meter.cage_killed(error.code)
            self._release(slot)
            raise
        if isinstance(value, CageKilled):
            self._meter.cage_killed(value.code)
        if limits.alone or isinstance(value, CageKilled) or self._worn(slot.child):
            self._bury(slot)
        self._release(slot)
        if ok:
            return cast("R", value)
        raise value

    def close(self) -> None:
        """End all children; calls in flight raise `CageKilled`, callers in line `Unavailable`."""
        with self._lock:
            self._closed = True
            line, self._line = self._line, deque()
        for ticket in line:
            ticket.called.set()
        self._keeper.close()
        for slot in self._slots:
            self._bury(slot)

    def _limits(self) -> Limits:
        return getattr(self._scope, "limits", self._default)

    def _call(self, slot: _Slot, message: bytes, limits: Limits) -> bytearray:
        """Have the slot's child serve the call; one that died before it was asked is replaced."""
        failure: QuireError = Unavailable("cage_unavailable", "no child process could be started")
        for _ in range(_STARTS):
            child = slot.child = slot.child or self._keeper.start_child()
            with self._keeper.watching(child, _START_DEADLINE_S, limits.cancelled):
                try:
                    child.make_ready()
                except Unavailable as error:
                    failure = error
                    self._bury(slot)
                    continue
            with self._keeper.watching(child, limits.deadline_s, limits.cancelled) as watch:
                sent = child.send(message)
                answer = child.receive() if sent else None
            child.key = limits.affinity or child.key
            if watch.verdict is not None or answer is None:
                self._bury(slot)
            if answer is not None:
                return answer
            if sent or watch.verdict is not None:
                raise _ended(watch.verdict)
        raise failure

    def _acquire(self, limits: Limits) -> _Slot:
        with self._lock:
            if self._closed:
                raise Unavailable("cage_unavailable", "the service is stopping")
            if self._idle:
                return self._idle.pop(self._best(limits.affinity))
            ticket = _Ticket()
            self._line.append(ticket)
        while not ticket.called.wait(_LOOK_S):
            if limits.cancelled is not None and limits.cancelled() and self._leave(ticket):
                raise Cancelled("cancelled", "the run was cancelled")
        if ticket.slot is None:
            raise Unavailable("cage_unavailable", "the service is stopping")
        return ticket.slot

    def _best(self, affinity: str | None) -> int:
        """Index of the idle slot to take: one that knows the file, else the one that rested longest."""
        for index, slot in enumerate(self._idle):
            if affinity is not None and slot.child is not None and slot.child.key == affinity:
                return index
        started = (index for index, slot in enumerate(self._idle) if slot.child is not None)
        return next(started, 0)

    def _leave(self, ticket: _Ticket) -> bool:
        """Step out of the line; False when a slot was handed over in the meantime."""
        with self._lock:
            if ticket.called.is_set():
                return False
            self._line.remove(ticket)
            return True

    def _release(self, slot: _Slot) -> None:
        with self._lock:
            if self._line:
                ticket = self._line.popleft()
                ticket.slot = slot
                ticket.called.set()
            else:
                self._idle.append(slot)

    def _worn(self, child: Child | None) -> bool:
        """Native parsers leak: end a child after many calls, or when it has come near the limit."""
        if child is None:
            return False
        return child.calls >= self._calls_per_child or child.resident_bytes() > self._memory_bytes // 2

    def _bury(self, slot: _Slot) -> None:
        child, slot.child = slot.child, None
        if child is not None:
            child.bury()


def _opened(answer: bytearray) -> tuple[bool, Any]:
    try:
        return answer_of(answer)
    except Exception as error:  # what a child under a file's control may send is not ours to trust
        raise CageKilled("cage_crash", "the process that read it gave no valid answer") from error


def _ended(verdict: str | None) -> QuireError:
    if verdict == "cancelled":
        return Cancelled("cancelled", "the run was cancelled")
    code = verdict or "cage_crash"
    return CageKilled(code, _DETAILS[code])
