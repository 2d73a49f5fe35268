"""Wakes for other processes, sent by a thread of their own and dropped when nobody takes them."""

import threading
import time
from collections import Counter
from collections.abc import Callable

import structlog

from pipeline.ledger import Queue
from workers.celery_app import Sender
from workers.meter import Meter, Unmeasured

_log = structlog.get_logger(__name__)

OUTSTANDING = 64
"""Wakes of a queue that nobody has taken yet. More would only wake who is at work already."""

_CIRCUIT_S = 2.0


class Outbox:
    """`Waker` over a broker. Losing a wake costs a poll interval, so a broker that is down costs no more:
    wakes are thrown away for a while instead of being tried one by one."""

    def __init__(self, connect: Callable[[], Sender], meter: Meter | None = None) -> None:
        self._connect = connect
        self._meter = meter or Unmeasured()
        self._due: Counter[str] = Counter()
        self._news = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Once what is due has been sent."""
        with self._news:
            self._stopped = True
            self._news.notify()
        self._thread.join()

    def wake(self, queue: str) -> None:
        with self._news:
            self._due[str(queue)] = min(self._due[str(queue)] + 1, OUTSTANDING)
            self._news.notify()

    def _run(self) -> None:
        sender = self._connect()
        try:
            while (due := self._take()) is not None:
                if not self._sent(sender, due):
                    self._wait_out()
        finally:
            sender.close()

    def _sent(self, sender: Sender, due: Counter[str]) -> bool:
        for queue, wakes in due.items():
            try:
                sender.send(queue, wakes, OUTSTANDING)
            except Exception as error:  # noqa: BLE001  # whatever the broker's client raises
                _log.warning("wake_failed", error=type(error).__name__)
                self._meter.wake(Queue(queue), "unsent")
                sender.reset()
                return False
            self._meter.wake(Queue(queue), "sent")
        return True

    def _take(self) -> Counter[str] | None:
        """What is to be sent, once there is something; None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._due or self._stopped)
            due, self._due = self._due, Counter()
            return due or None

    def _wait_out(self) -> None:
        until = time.monotonic() + _CIRCUIT_S
        with self._news:
            self._news.wait_for(lambda: self._stopped, timeout=until - time.monotonic())
            self._due.clear()
