"""How often and how long a call is tried again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep

_FIRST_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Retries:
    """After a first try that failed for a reason that may pass. `Retries(0)` tries once."""

    most: int | None = 5
    """None: as often as ``patience_s`` allows."""

    patience_s: float = 60.0
    """No try begins later than this after the first began."""

    longest_pause_s: float = 20.0
    """Between tries, unless the service names a longer one (Retry-After)."""


class Tries:
    """The tries of one call."""

    def __init__(self, retries: Retries, pause: Callable[[float], None] = sleep) -> None:
        self._retries = retries
        self._pause = pause
        self._began = monotonic()
        self._made = 0

    def again(self, retry_after_s: float | None = None) -> bool:
        """Pause for the next try; False when there is none."""
        if self._retries.most is not None and self._made >= self._retries.most:
            return False
        if retry_after_s is None:
            # Jitter: clients that failed together must not come back together.
            pause = min(self._retries.longest_pause_s, _FIRST_PAUSE_S * 2 ** min(self._made, 20))
            pause *= random.uniform(0.5, 1)  # noqa: S311  # no secret
        else:
            pause = retry_after_s + random.uniform(0, min(1.0, retry_after_s / 4))  # noqa: S311  # no secret
        if monotonic() - self._began + pause > self._retries.patience_s:
            return False
        self._made += 1
        self._pause(pause)
        return True
