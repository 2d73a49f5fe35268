"""The keeper of the cage: one thread that starts children and ends those that are over a limit."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from schemas.errors import Unavailable
from workers.cage_process import Child

_TICK_S = 0.05


@dataclass(slots=True, eq=False)
class Watch:
    """A child at work. ``verdict`` is why the keeper ended it, None while it has not."""

    child: Child
    until: float
    cancelled: Callable[[], bool] | None
    verdict: str | None = None


class Keeper:
    """Children are started in this thread alone: Linux ties a child's parent-death signal to the thread
    that started it, and threads of a worker pool come and go."""

    def __init__(self, start: Callable[[], Child], memory_bytes: int) -> None:
        self._start = start
        self._memory_bytes = memory_bytes
        self._orders: list[Future[Child]] = []
        self._watches: set[Watch] = set()
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._keep, name="cage-keeper", daemon=True)
        self._thread.start()

    def start_child(self) -> Child:
        order: Future[Child] = Future()
        with self._news:
            if self._closed:
                raise Unavailable("cage_unavailable", "the service is stopping")
            self._orders.append(order)
            self._news.notify()
        return order.result()

    @contextmanager
    def watching(
        self, child: Child, deadline_s: float, cancelled: Callable[[], bool] | None
    ) -> Iterator[Watch]:
        watch = Watch(child, time.monotonic() + deadline_s, cancelled)
        with self._news:
            self._watches.add(watch)
            if self._closed:
                child.kill()
            if len(self._watches) == 1:  # else it looks in a moment anyway
                self._news.notify()
        try:
            yield watch
        finally:
            with self._news:
                self._watches.discard(watch)

    def close(self) -> None:
        """End what is at work and start nothing more."""
        with self._news:
            self._closed = True
            for watch in self._watches:
                watch.child.kill()
            self._news.notify()
        self._thread.join()

    def _keep(self) -> None:
        while True:
            with self._news:
                if not self._orders and not self._closed:
                    self._news.wait(_TICK_S if self._watches else None)
                orders, self._orders = self._orders, []
                watches = list(self._watches)
                closed = self._closed
            for order in orders:
                self._serve(order, closed)
            if closed:
                return
            for watch in watches:
                self._judge(watch)

    def _serve(self, order: Future[Child], closed: bool) -> None:
        try:
            if closed:
                raise Unavailable("cage_unavailable", "the service is stopping")
            order.set_result(self._start())
        except Exception as error:  # noqa: BLE001  # belongs to whoever ordered; the keeper must live on
            order.set_exception(error)

    def _judge(self, watch: Watch) -> None:
        if watch.verdict is not None:
            return
        if time.monotonic() > watch.until:
            watch.verdict = "cage_timeout"
        elif watch.child.resident_bytes() > self._memory_bytes:
            watch.verdict = "cage_memory"
        elif watch.cancelled is not None and watch.cancelled():
            watch.verdict = "cancelled"
        if watch.verdict is not None:
            watch.child.kill()
