"""The worker side inside the one process of the embedded service."""

import time
from dataclasses import dataclass, replace

from pipeline.ledger import Queue
from pipeline.ports import PageReader
from services.stores.upkeep import Upkeep
from workers.celery_app import Carrier
from workers.context import Context
from workers.execute import Executor
from workers.policy import DEATHS_ALLOWED
from workers.sweep import TIDY_S, Duty, Sweeper, bury, poll
from workers.wakes import Wakes

_GRACE_S = 5.0
"""How long work in flight may take to end by itself when the service stops."""


def slots_for(cores: int, reader: PageReader) -> dict[Queue, int]:
    """How many jobs of each kind run at once in one process."""
    return {
        Queue.PLAN: 1,
        Queue.RASTER: cores,
        Queue.READ: max(1, reader.spec.max_in_flight),
        Queue.FINISH: 1,
    }


@dataclass(frozen=True, slots=True)
class _Running:
    executor: Executor
    sweeper: Sweeper
    carrier: Carrier


class EmbeddedWorkers:
    """Start once the folder lock is held: whatever was leased belongs to processes that are gone."""

    def __init__(
        self,
        context: Context,
        slots: dict[Queue, int],
        upkeep: Upkeep | None = None,
        *,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._grace_s = grace_s
        self._slots = slots
        self._upkeep = upkeep
        self._carrier: Carrier | None = None
        self.wakes = Wakes(slots, self._send, context.meter)
        """The waker to hand to whoever adds work."""

        self._context = replace(context, waker=self.wakes)
        self._running: _Running | None = None

    def start(self) -> None:
        ledger = self._context.ledger
        ledger.bury(0, DEATHS_ALLOWED)
        executor = Executor(self._context)
        executor.start()
        carrier = Carrier(
            "memory://localhost",
            sum(self._slots.values()),
            lambda queue: self.wakes.answer(queue, executor.drain),
        )
        carrier.start(list(self._slots))
        self._carrier = carrier
        duties = [poll(ledger, self.wakes.idle, self.wakes.wake), bury(ledger)]
        if self._upkeep is not None:
            duties.append(Duty("tidy", TIDY_S, self._upkeep.tidy))
        sweeper = Sweeper(duties)
        sweeper.start()
        self._running = _Running(executor, sweeper, carrier)

    def stop(self) -> None:
        """Let work in flight end, for a while; then hand it back."""
        running, self._running = self._running, None
        if running is None:
            return
        running.sweeper.stop()
        running.executor.stop_claiming()
        if not self._rests_within(self._grace_s):
            running.executor.abandon()
            self._rests_within(_GRACE_S)
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
