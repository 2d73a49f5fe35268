"""Whether a tenant may add work: so many pages may wait and so many be read in a month, not more."""

import threading
import time
from dataclasses import dataclass

from schemas.errors import Refused
from schemas.ids import TenantId
from services.stores import backlog, usage_rows
from services.stores.engine import Database
from services.stores.usage_rows import Quota

_REMEMBERED_S = 1.0
_COST = 20
"""Counting takes at most this part of one connection's time, however long it takes."""

_RETRY_S = 10.0
_TENANTS = 10_000


class BacklogFull(Refused):
    status = 429
    code = "backlog_full"
    retryable = True


@dataclass(slots=True)
class _Known:
    pages: int
    quota: Quota
    until: float


class Admission:
    """Counts what waits at most once a second and tenant, and what was let in since.

    So the bound may be passed by what is let in within that second, by as many processes as answer. A
    document counts as one page until it was opened.
    """

    def __init__(self, database: Database, max_pages: int) -> None:
        self._database = database
        self._max = max_pages
        self._lock = threading.Lock()
        self._known: dict[TenantId, _Known] = {}

    def admit(self, tenant: TenantId) -> None:
        """Raises `BacklogFull` when enough waits already, `QuotaExceeded` when the month's pages are gone.

        The quota is kept exactly where pages are added (`services.stores.unit`); here it spares the upload.
        """
        with self._lock:
            known = self._known.get(tenant)
        if known is None or known.until < time.monotonic():
            known = self._count(tenant)
        if known.quota.left == 0:
            assert known.quota.pages is not None
            raise usage_rows.exceeded(known.quota.pages, "you have had all pages", known.quota.resets_s)
        with self._lock:
            if known.pages < self._max:
                known.pages += 1
                return
        raise BacklogFull(
            detail=f"{self._max} pages of yours wait to be read already; send more when some are done",
            retry_after_s=_RETRY_S,
        )

    def room(self, tenant: TenantId, wanted: int) -> int:
        """Take up to ``wanted`` places; how many there were.

        Batches leave half of the bound to documents that are posted one by one.
        """
        with self._lock:
            known = self._known.get(tenant)
        if known is None or known.until < time.monotonic():
            known = self._count(tenant)
        with self._lock:
            taken = max(0, min(wanted, -(-self._max // 2) - known.pages))
            known.pages += taken
            return taken

    def _count(self, tenant: TenantId) -> _Known:
        started = time.monotonic()
        with self._database.read() as connection:
            pages = backlog.pages_of(connection, tenant, self._max)
            quota = usage_rows.quota_of(connection, tenant)
        now = time.monotonic()
        known = _Known(pages, quota, now + max(_REMEMBERED_S, _COST * (now - started)))
        with self._lock:
            if len(self._known) >= _TENANTS:
                self._known.clear()
            self._known[tenant] = known
        return known
