"""Which of several servers gets the next request: the least busy one that is well."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.errors import EngineUnavailable

_FAULTS_ALLOWED = 3
"""Failures in a row after which an endpoint is left alone for a while."""

_REST_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""How long, getting longer while its probes fail."""

_BUSY_S = 1.0
"""How long a server that had no room is passed over, where it does not say itself."""

_BUSY_AT_MOST_S = 120.0


class Health(StrEnum):
    CLOSED = "closed"  # the circuit: requests flow
    OPEN = "open"  # left alone until its rest is over
    HALF_OPEN = "half_open"  # one probe is on its way


@dataclass(slots=True, eq=False)
class Endpoint:
    """One server as we know it. ``queued``: requests it keeps waiting, by its own figures."""

    url: str
    outstanding: int = 0
    running: int = 0
    queued: int = 0
    health: Health = Health.CLOSED
    faults: int = 0
    rests: int = 0
    until: float = 0.0
    busy_until: float = 0.0
    draining: bool = False

    @property
    def load(self) -> int:
        """Requests there, whoever sent them."""
        return max(self.outstanding, self.running + self.queued)


@dataclass(slots=True)
class Endpoints:
    """Not thread-safe: it lives on the client's event loop."""

    all: Sequence[Endpoint]
    max_queued: int
    now: Callable[[], float] = field(default=time.monotonic)

    def pick(self, tried: Sequence[Endpoint] = ()) -> Endpoint:
        """Raises `EngineUnavailable`: engine_overloaded or engine_unavailable, with when to come back."""
        open_to_us = [e for e in self.all if e not in tried and e.health is Health.CLOSED and not e.draining]
        free = [e for e in open_to_us if not self._busy(e)]
        if free:
            return min(free, key=lambda e: e.load)
        busy = [e for e in self.all if e.health is Health.CLOSED and not e.draining and self._busy(e)]
        if busy:
            wait = max(_BUSY_S, min(e.busy_until for e in busy) - self.now())
            raise EngineUnavailable("engine_overloaded", "the engine has no room now", retry_after_s=wait)
        wait = max(0.0, min((e.until for e in self.all), default=0.0) - self.now())
        raise EngineUnavailable("engine_unavailable", "no engine answers", retry_after_s=wait or None)

    def _busy(self, endpoint: Endpoint) -> bool:
        return endpoint.busy_until > self.now() or endpoint.queued >= self.max_queued

    def due(self) -> list[Endpoint]:
        """Endpoints whose rest is over: each wants one probe before it gets requests again."""
        return [e for e in self.all if e.health is Health.OPEN and e.until <= self.now()]

    @contextmanager
    def using(self, endpoint: Endpoint) -> Iterator[None]:
        endpoint.outstanding += 1
        try:
            yield
        finally:
            endpoint.outstanding -= 1

    def went_well(self, endpoint: Endpoint) -> None:
        endpoint.faults = endpoint.rests = 0
        endpoint.health = Health.CLOSED

    def was_busy(self, endpoint: Endpoint, wait_s: float | None) -> None:
        """It said 429 or 503: alive, and full."""
        endpoint.busy_until = self.now() + min(wait_s or _BUSY_S, _BUSY_AT_MOST_S)

    def failed(self, endpoint: Endpoint) -> None:
        """It broke a connection, or failed by itself."""
        endpoint.faults += 1
        if endpoint.health is Health.HALF_OPEN or endpoint.faults >= _FAULTS_ALLOWED:
            endpoint.health = Health.OPEN
            endpoint.until = self.now() + _REST_S[min(endpoint.rests, len(_REST_S) - 1)]
            endpoint.rests += 1

    def drain(self, url: str) -> bool:
        """No new requests for it; what runs there may end. False: no such endpoint."""
        for endpoint in self.all:
            if endpoint.url == url:
                endpoint.draining = True
                return True
        return False
