"""Wakes: hints that a queue may have work, never more of them than there are slots to answer."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.ledger import Queue
from pipeline.ports import Waker
from workers.meter import Meter, Unmeasured

_LOST_S = 5.0
"""A wake not answered for so long never arrived; its slot is free again."""


@dataclass(slots=True)
class _Slots:
    size: int
    sent: deque[float] = field(default_factory=deque)
    running: int = 0
    missed: bool = False

    def free(self) -> int:
        while self.sent and time.monotonic() - self.sent[0] > _LOST_S:
            self.sent.popleft()
        return self.size - self.running - len(self.sent)


class Wakes:
    """`Waker` for the process that also does the work; ``send`` carries a wake to one of its threads."""

    def __init__(
        self, slots: Mapping[Queue, int], send: Callable[[Queue], None], meter: Meter | None = None
    ) -> None:
        self._slots = {queue: _Slots(size) for queue, size in slots.items()}
        self._send = send
        self._meter = meter or Unmeasured()
        self._lock = threading.Lock()

    def wake(self, queue: str) -> None:
        self.offer(queue)

    def offer(self, queue: str) -> bool:
        """Send a wake if a slot is free to answer it; else who is at work looks once more before resting."""
        name = Queue(queue)
        with self._lock:
            slots = self._slots.get(name)
            if slots is None:
                return False
            if slots.free() <= 0:
                slots.missed = True
                return False
            slots.sent.append(time.monotonic())
        self._send(name)
        self._meter.wake(name, "sent")
        return True

    def answer(self, queue: str, drain: Callable[[Queue], int]) -> None:
        """Do what a wake asks for; too late a wake finds its slot taken and asks for nothing."""
        name = Queue(queue)
        self._meter.wake(name, "answered")
        slots = self._slots[name]
        with self._lock:
            if slots.sent:
                slots.sent.popleft()
            if slots.running >= slots.size:
                return
            slots.running += 1
        try:
            drain(name)
            while self._rest(slots):
                drain(name)
        except BaseException:
            with self._lock:
                slots.running -= 1
            raise

    def idle(self, queue: Queue) -> int:
        """How many slots of a queue nobody is using."""
        with self._lock:
            slots = self._slots.get(queue)
            return slots.free() if slots is not None else 0

    def resting(self) -> bool:
        """True when nothing is at work."""
        with self._lock:
            return not any(slots.running for slots in self._slots.values())

    def _rest(self, slots: _Slots) -> bool:
        """Give the slot back, unless a wake was missed meanwhile: then look once more."""
        with self._lock:
            again, slots.missed = slots.missed, False
            if not again:
                slots.running -= 1
            return again


class Elsewhere:
    """`Waker` for a process among others: whom nobody here is free to answer, somebody else may be."""

    def __init__(self, here: Wakes, others: Waker) -> None:
        self._here = here
        self._others = others

    def wake(self, queue: str) -> None:
        if not self._here.offer(queue):
            self._others.wake(queue)
