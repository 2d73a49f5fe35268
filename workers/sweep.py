"""The sweeper: finds what no message tells — work due now, processes gone silent, bytes nobody refers to."""

import threading
import time
from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done every so often; it runs in the sweeper's thread, so it must be short."""

    name: str
    every_s: float
    do: Callable[[], object]


class Sweeper:
    """One thread that does its duties in turn; one that fails is logged and done again next time."""

    def __init__(self, duties: list[Duty]) -> None:
        self._duties = duties
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due = dict.fromkeys(self._duties, 0.0)
        while True:
            for duty in self._duties:
                if time.monotonic() >= due[duty]:
                    self._once(duty)
                    due[duty] = time.monotonic() + duty.every_s
            pause = min(due.values()) - time.monotonic()
            if self._stop.wait(max(pause, 0.01)):
                return

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
