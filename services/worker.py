"""The worker side of a process: threads that answer wakes, the duties nobody wakes for, and a good end."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.ledger import Queue
from pipeline.ports import PageReader, Waker
from workers.celery_app import Carrier
from workers.context import Context
from workers.execute import Executor
from workers.policy import DEATHS_ALLOWED
from workers.pulse import LEASE_S
from workers.sweep import Duty, Sweeper, bury, poll
from workers.wakes import Elsewhere, Wakes

IN_PROCESS = "memory://localhost"
GRACE_S = 5.0
"""How long work in flight may take to end by itself when the process stops."""

_ABANDON_S = 5.0

_DELIVERIES = 8
"""At once: they wait for others most of the time."""


def slots_for(queues: Sequence[Queue], cores: int, reader: PageReader) -> dict[Queue, int]:
    """How many jobs of each kind run at once in one process."""
    sizes = {
        Queue.PLAN: 1,
        Queue.RASTER: cores,
        Queue.READ: max(1, reader.spec.max_in_flight),
        Queue.FINISH: 1,
        Queue.DELIVER: _DELIVERIES,
        Queue.BATCH: 1,
    }
    return {queue: size for queue, size in sizes.items() if queue in queues}


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a process works. ``others`` wakes processes elsewhere for what nobody here is free to do.

    ``sole``: nobody else works on this store, so whatever is leased at the start belongs to the dead.
    """

    broker_url: str = IN_PROCESS
    others: Waker | None = None
    duties: Sequence[Duty] = ()
    sole: bool = True
    grace_s: float = GRACE_S
    lease_s: float = LEASE_S


@dataclass(frozen=True, slots=True)
class _Running:
    executor: Executor
    sweeper: Sweeper
    carrier: Carrier


class Workers:
    """Works on some queues, in this process."""

    def __init__(self, context: Context, slots: Mapping[Queue, int], terms: Terms) -> None:
        self._slots = slots
        self._terms = terms
        self._carrier: Carrier | None = None
        self.wakes = Wakes(slots, self._send, context.meter)
        self.waker: Waker = Elsewhere(self.wakes, terms.others) if terms.others else self.wakes
        """To hand to whoever adds work."""

        self._context = replace(context, waker=self.waker)
        self._running: _Running | None = None

    def start(self) -> None:
        ledger, terms = self._context.ledger, self._terms
        if terms.sole:
            ledger.bury(0, DEATHS_ALLOWED)
        executor = Executor(self._context, self._slots.get(Queue.READ, 1), terms.lease_s)
        executor.start()
        carrier = Carrier(
            terms.broker_url,
            sum(self._slots.values()),
            lambda queue: self.wakes.answer(queue, executor.drain),
        )
        carrier.start(list(self._slots))
        self._carrier = carrier
        watching = [poll(ledger, self.wakes.idle, self.wakes.wake), bury(ledger, terms.lease_s)]
        sweeper = Sweeper([*watching, *terms.duties])
        sweeper.start()
        self._running = _Running(executor, sweeper, carrier)

    def alive(self) -> bool:
        """False when a thread that it cannot do without has ended: somebody should start it anew."""
        running = self._running
        return running is None or (running.executor.alive() and running.sweeper.alive())

    def stop(self) -> None:
        """Let work in flight end, for a while; then hand it back."""
        running, self._running = self._running, None
        if running is None:
            return
        running.sweeper.stop()
        running.executor.stop_claiming()
        if not self._rests_within(self._terms.grace_s):
            running.executor.abandon()
            self._rests_within(_ABANDON_S)
        running.executor.stop()
        self._carrier = None
        running.carrier.stop()

    def _rests_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self.wakes.resting():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _send(self, queue: Queue) -> None:
        if self._carrier is not None:
            self._carrier.send(queue)
