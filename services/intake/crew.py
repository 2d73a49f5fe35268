"""Threads that do what they are handed, so many at once; the first fault ends them all."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_S = 0.2


class Crew(Generic[T]):
    """Daemons: an interrupted command leaves them where they are; what they did is on record elsewhere."""

    def __init__(self, size: int, work: Callable[[T], None]) -> None:
        self._work = work
        self._handed: queue.Queue[T] = queue.Queue(size)
        self._lock = threading.Lock()
        self._open = 0
        self._stopped = threading.Event()
        self._fault: BaseException | None = None
        for _ in range(size):
            threading.Thread(target=self._serve, name="crew", daemon=True).start()

    @property
    def idle(self) -> bool:
        """Nothing handed over is unfinished."""
        with self._lock:
            return self._open == 0

    def hand(self, task: T) -> None:
        """Wait until somebody is free to take it. Raises the fault that ended the crew."""
        with self._lock:
            self._open += 1
        while True:
            self.check()
            with suppress(queue.Full):
                self._handed.put(task, timeout=_LOOK_S)
                return

    def check(self) -> None:
        if self._fault is not None:
            raise self._fault

    def pause(self, seconds: float = _LOOK_S) -> None:
        """Let time pass, unless the crew has ended."""
        self._stopped.wait(seconds)
        self.check()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            task = self._handed.get()
            try:
                self._work(task)
            except BaseException as error:  # noqa: BLE001  # raised again by `check`
                self._fault = self._fault or error
                self._stopped.set()
            finally:
                with self._lock:
                    self._open -= 1
