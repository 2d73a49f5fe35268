"""Tells waiting clients what happened: one poller per process reads new events for all of them.

A waiter is a queue in memory: it holds neither a thread nor a database connection. What the poller brings may
repeat and, for a slow client, may have gaps; the waiter reads the rows again where it matters.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from services.stores.engine import Database
from services.stores.tables import events

POLL_S = 0.1
_QUEUE = 256
_BATCH = 1000
_GAPS = 200
_GAP_S = 10.0
"""Numbers are given before transactions commit: on Postgres a smaller one may appear after a larger one."""

_log = logging.getLogger("quire.watch")

Event = sa.Row[*tuple[Any, ...]]


@dataclass(eq=False, slots=True)
class Waiter:
    """One client's view of one document."""

    document_id: str
    queue: "asyncio.Queue[Event | None]" = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    lost: bool = False
    """The client was too slow for the queue: it must read from the database again."""

    def tell(self, event: Event) -> None:
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lost = True

    async def next(self, timeout_s: float) -> Event | None:
        """The next event, or None when there was none for so long, or the process stops."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self.queue.get()
        except TimeoutError:
            return None


class Watch:
    """The poller. It sleeps while nobody waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiters: dict[str, set[Waiter]] = {}
        self._somebody = asyncio.Event()
        self._seen = -1
        self._gaps: dict[int, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False
        """The process stops: whoever waits should say so to its client and go."""

    def close(self) -> None:
        """Release all waiters; callable from any thread and from signal handlers."""
        self.closed = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._release)

    def nudge(self, document_id: str) -> None:
        """Have the waiters of a document look for themselves: what happened left no event."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._release, document_id)

    def _release(self, document_id: str | None = None) -> None:
        groups = [self._waiters.get(document_id, set())] if document_id else list(self._waiters.values())
        for waiter in [waiter for group in groups for waiter in group]:
            waiter.lost = True
            with contextlib.suppress(asyncio.QueueFull):
                waiter.queue.put_nowait(None)

    async def run(self) -> None:
        """Poll until cancelled; a database out of reach is waited for."""
        self._loop = asyncio.get_running_loop()
        while True:
            await self._somebody.wait()
            try:
                rows = await asyncio.to_thread(self._read)
            except Exception:  # noqa: BLE001  # whatever it is, the waiters' own reads will say it
                _log.warning("could not read events", exc_info=True)
                await asyncio.sleep(1.0)
                continue
            for row in rows:
                for waiter in self._waiters.get(row.document_id, ()):
                    waiter.tell(row)
            if len(rows) < _BATCH:
                await asyncio.sleep(POLL_S)

    @asynccontextmanager
    async def waiting(self, document_id: str) -> AsyncIterator[Waiter]:
        """A waiter that hears of everything that happens to a document from now on."""
        waiter = Waiter(document_id)
        self._waiters.setdefault(document_id, set()).add(waiter)
        if not self._somebody.is_set():
            # Nobody polled: events up to now are the waiter's own to read, so start from the newest.
            self._seen = -1
            self._gaps.clear()
            self._somebody.set()
        try:
            yield waiter
        finally:
            left = self._waiters[document_id]
            left.discard(waiter)
            if not left:
                del self._waiters[document_id]
            if not self._waiters:
                self._somebody.clear()

    @property
    def waiters(self) -> int:
        return sum(len(group) for group in self._waiters.values())

    def _read(self) -> Sequence[Event]:
        with self._database.read() as connection:
            if self._seen < 0:
                # A little back: what was committed between the waiter's arrival and this first look.
                newest = connection.scalar(sa.select(sa.func.max(events.c.seq)))
                self._seen = max(0, (newest or 0) - _BATCH)
            new = sa.or_(events.c.seq > self._seen, events.c.seq.in_(self._open_gaps()))
            rows = connection.execute(sa.select(events).where(new).order_by(events.c.seq).limit(_BATCH)).all()
        for row in rows:
            self._note(row.seq)
        return rows

    def _note(self, seq: int) -> None:
        """A number seen. Those left out before it belong to transactions still open, or undone."""
        self._gaps.pop(seq, None)
        missing = range(max(self._seen + 1, seq - _GAPS), seq)
        self._gaps.update(dict.fromkeys(missing, time.monotonic() + _GAP_S))
        self._seen = max(self._seen, seq)

    def _open_gaps(self) -> list[int]:
        now = time.monotonic()
        self._gaps = {seq: until for seq, until in self._gaps.items() if until > now}
        return list(self._gaps)[-_GAPS:]


@asynccontextmanager
async def running(watch: Watch) -> AsyncIterator[None]:
    """The poller for as long as the context lasts."""
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
