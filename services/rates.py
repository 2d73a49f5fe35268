"""How often a key may ask: a bucket of requests that fills with time, kept in the database."""

import math
import threading
import time
from dataclasses import dataclass

import sqlalchemy as sa

from schemas.errors import Refused
from schemas.ids import KeyId, TenantId
from services.stores import jobs
from services.stores.access_tables import rate_buckets
from services.stores.engine import Database, now_us

_WHOLE = 1_000_000
_MINUTE_US = 60_000_000
_BURST = 6
"""A bucket holds a minute's requests divided by this: ten seconds' worth."""

_SUM = 120
"""A process takes half a second's worth at once, so that most requests cost no write."""

_KEYS = 10_000


class RateLimited(Refused):
    """The key asks too often."""

    status = 429
    code = "rate_limited"
    retryable = True


@dataclass(frozen=True, slots=True)
class Bucket:
    """``tokens``: millionths of requests, as of ``at`` (microseconds)."""

    tokens: int
    at: int

    def filled(self, now: int, per_minute: int) -> "Bucket":
        """As it stands now; a clock that went backwards takes nothing away."""
        passed = max(0, now - self.at)
        tokens = self.tokens + passed * per_minute * _WHOLE // _MINUTE_US
        return Bucket(min(capacity(per_minute) * _WHOLE, tokens), max(now, self.at))

    def taking(self, most: int) -> tuple["Bucket", int]:
        """Take whole requests, as many as there are up to ``most``."""
        taken = min(most, self.tokens // _WHOLE)
        return Bucket(self.tokens - taken * _WHOLE, self.at), taken

    def wait_s(self, per_minute: int) -> float:
        """Until there is one whole request."""
        return max(0, _WHOLE - self.tokens) * _MINUTE_US / (per_minute * _WHOLE) / 1_000_000


def capacity(per_minute: int) -> int:
    return max(1, per_minute // _BURST)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a key's rate after a request, as the headers tell it."""

    per_minute: int
    left: int
    full_in_s: int

    def headers(self) -> dict[str, str]:
        """RateLimit header fields (draft-ietf-httpapi-ratelimit-headers-10)."""
        return {
            "RateLimit-Policy": f'"key";q={self.per_minute};w=60',
            "RateLimit": f'"key";r={self.left};t={self.full_in_s}',
        }


@dataclass(slots=True)
class _Sum:
    """What this process has taken and not spent, and when asking the database again makes sense."""

    left: int
    remaining: int
    blocked_until: float = 0.0


class Rates:
    """Of one process. As many requests as processes have taken and not spent may come on top of the rate."""

    def __init__(self, database: Database, per_minute: int) -> None:
        self._database = database
        self._per_minute = per_minute
        self._sums: dict[KeyId, _Sum] = {}
        self._lock = threading.Lock()

    def take(self, tenant: TenantId, key: KeyId, per_minute: int | None) -> Allowance | None:
        """Spend one request of a key. Raises `RateLimited`; None: this key has no limit."""
        rate = per_minute if per_minute is not None else self._per_minute
        if rate == 0:
            return None
        with self._lock:
            purse = self._sums.get(key)
            if purse is not None and purse.left > 0:
                purse.left -= 1
                return _allowance(rate, purse.left + purse.remaining)
            wait = purse.blocked_until - time.monotonic() if purse is not None else 0.0
        if wait > 0:
            raise _limited(rate, wait)
        return self._fetch(tenant, key, rate)

    def _fetch(self, tenant: TenantId, key: KeyId, rate: int) -> Allowance:
        with self._database.write() as connection:
            bucket, taken = _draw(connection, tenant, key, rate)
        wait = 0.0 if taken else bucket.wait_s(rate)
        remaining = bucket.tokens // _WHOLE
        with self._lock:
            if len(self._sums) >= _KEYS:
                self._sums.clear()
            purse = self._sums.setdefault(key, _Sum(0, 0))
            purse.remaining = remaining
            purse.left += max(0, taken - 1)
            purse.blocked_until = time.monotonic() + wait
        if not taken:
            raise _limited(rate, wait)
        return _allowance(rate, taken - 1 + remaining)


def _draw(connection: sa.Connection, tenant: TenantId, key: KeyId, rate: int) -> tuple[Bucket, int]:
    mine = rate_buckets.c.key_id == key
    full = {"key_id": key, "tenant_id": tenant, "tokens": capacity(rate) * _WHOLE, "at": now_us()}
    insert = jobs.insert(connection.dialect.name, rate_buckets)
    connection.execute(insert.values(full).on_conflict_do_nothing())
    row = connection.execute(
        sa.select(rate_buckets.c.tokens, rate_buckets.c.at, now_us().label("now"))
        .where(mine)
        .with_for_update()
    ).one()
    bucket, taken = Bucket(row.tokens, row.at).filled(row.now, rate).taking(max(1, rate // _SUM))
    connection.execute(sa.update(rate_buckets).where(mine).values(tokens=bucket.tokens, at=bucket.at))
    return bucket, taken


def _allowance(rate: int, left: int) -> Allowance:
    missing = max(0, capacity(rate) - left)
    return Allowance(rate, left, math.ceil(missing * 60 / rate))


def _limited(rate: int, wait_s: float) -> RateLimited:
    error = RateLimited(detail=f"this key may ask {rate} times a minute", retry_after_s=wait_s)
    error.headers = _allowance(rate, 0).headers()
    return error
