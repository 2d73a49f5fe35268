"""The sweeper: finds what no message tells — work due now, processes gone silent, bytes nobody refers to."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from pipeline.ledger import Ledger, Queue
from schemas.errors import QuireError
from workers.policy import DEATHS_ALLOWED
from workers.pulse import LEASE_S

_log = structlog.get_logger(__name__)

POLL_S = 1.0
BURY_S = 5.0
TIDY_S = 60.0
_REST_S = 5.0
"""How long a duty may end by itself; it can be cut off anywhere, as by a kill."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done every so often."""

    name: str
    every_s: float
    do: Callable[[], object]


class Sweeper:
    """A thread for each duty: one that waits for a store that is down holds up no other."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(duty,), name=f"sweep-{duty.name}", daemon=True)
            for duty in duties
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        self._stop.set()
        until = time.monotonic() + _REST_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, duty: Duty) -> None:
        while not self._stop.is_set():
            self._once(duty)
            self._stop.wait(duty.every_s)

    @staticmethod
    def _once(duty: Duty) -> None:
        try:
            duty.do()
        except QuireError as error:
            _log.warning("duty_failed", duty=duty.name, code=error.code)
        except Exception as error:  # noqa: BLE001  # the other duties must go on
            _log.error("duty_bug", duty=duty.name, exc_info=error)


def poll(ledger: Ledger, idle: Callable[[Queue], int], wake: Callable[[Queue], None]) -> Duty:
    """Wake idle slots for work that is due: delays have passed, or a wake was lost."""

    def look() -> None:
        for queue, jobs in ledger.runnable().items():
            for _ in range(min(jobs, idle(queue))):
                wake(queue)

    return Duty("poll", POLL_S, look)


def bury(ledger: Ledger, lease_s: float = LEASE_S) -> Duty:
    return Duty("bury", min(BURY_S, lease_s / 3), lambda: ledger.bury(lease_s, DEATHS_ALLOWED))
