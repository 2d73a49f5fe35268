"""Receivers that do not answer are left alone for a while, so that they do not hold up the others."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

_FIRST_S, _LONGEST_S = 2.0, 60.0
_MANY = 10_000


@dataclass(slots=True)
class _Rest:
    until: float
    failures: int


def origin_of(url: str) -> str:
    """Scheme, host and port: what fails as one."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


class Rests:
    """Of one process, which finds out for itself; may be used by many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rests: dict[str, _Rest] = {}

    def left(self, origin: str) -> float:
        """Seconds for which it is not to be called; 0 when it may be."""
        with self._lock:
            rest = self._rests.get(origin)
            return max(0.0, rest.until - self._clock()) if rest else 0.0

    def failed(self, origin: str) -> None:
        """It did not answer: twice as long as the last time."""
        with self._lock:
            rest = self._rests.get(origin)
            if rest is not None and rest.until > self._clock():
                return  # calls that were under way together failed together
            failures = rest.failures + 1 if rest else 1
            seconds = min(_LONGEST_S, _FIRST_S * 2 ** min(failures - 1, 8))
            if len(self._rests) >= _MANY:
                self._rests.clear()
            self._rests[origin] = _Rest(self._clock() + seconds, failures)

    def answered(self, origin: str) -> None:
        with self._lock:
            self._rests.pop(origin, None)
