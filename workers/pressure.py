"""How many calls an engine gets at once: fewer when it says it has too many, more while it copes."""

import threading
import time
from collections.abc import Callable

from schemas.errors import QuireError

_SHRINK = 0.7
_PAUSE_S = 1.0
"""Calls that were under way together complain together; they count once."""


class Pressure:
    """Additive increase, multiplicative decrease, between 1 and ``most``."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(most)
        self._allowed = float(most)
        self._running = 0
        self._shrunk_at = clock() - _PAUSE_S
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def allowed(self) -> int:
        return int(self._allowed)

    def enter(self) -> bool:
        """Take a place; False when as many are under way as the engine bears."""
        with self._lock:
            if self._running >= int(self._allowed):
                return False
            self._running += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._running -= 1

    def coped(self) -> None:
        """A call was answered: one more at a time after a round of such answers."""
        with self._lock:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    def failed(self, error: QuireError) -> None:
        """A call failed. Too many at once: fewer. Nobody there: one at a time looks whether it is back."""
        with self._lock:
            if error.code in ("engine_unavailable", "engine_lost"):
                self._allowed = 1.0
            elif error.code == "engine_overloaded" and self._clock() - self._shrunk_at >= _PAUSE_S:
                self._allowed = max(1.0, self._allowed * _SHRINK)
                self._shrunk_at = self._clock()
