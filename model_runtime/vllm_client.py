"""`ChatModel` on OpenAI-compatible servers: vLLM first of all, SGLang and hosted APIs as well.

Synchronous outside; inside, one thread runs an event loop with all streams. Closing a blocked read from
another thread does not work; cancelling a task does, and a server stops once its stream is closed.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from model_runtime.chat import Finish, Reply, Turn
from model_runtime.chat_wire import Served
from model_runtime.conversation import Conversation, family_in
from model_runtime.endpoints import Endpoint, Endpoints
from model_runtime.engine_url import EngineUrl
from model_runtime.families import Family
from model_runtime.image_check import check
from schemas.errors import EngineUnavailable, QuireError

T = TypeVar("T")

_TICK_S = 0.1
_LOOK_S = 5.0
"""How long asking a server what it hosts may take, when the process starts with it."""

_LOOK_AGAIN_S = 15.0
_CLOSING_S = 5.0


class VllmChat:
    """`ChatModel`. Constructing it opens nothing; the thread starts with the first call."""

    def __init__(self, url: EngineUrl, key: str | None = None) -> None:
        self._url = url
        self._endpoints = Endpoints([Endpoint(base) for base in url.bases], url.options.max_queued)
        self._conversation = Conversation(self._endpoints, url.options, key)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._last = Served("")
        self._look_from = 0.0

    @property
    def max_in_flight(self) -> int:
        return self._url.options.max_in_flight

    @property
    def served(self) -> Served:
        """What is hosted, as far as it is known: waits for a server once at most, then asks in passing."""
        self._last = self._conversation.served or self._look_in_passing() or self._last
        return self._last

    @property
    def family(self) -> Family:
        return family_in(self._url.options, self.served)

    def _look_in_passing(self) -> Served | None:
        first, now = not self._look_from, time.monotonic()
        if now < self._look_from:
            return None
        self._look_from = now + _LOOK_AGAIN_S
        with contextlib.suppress(QuireError):
            if first:
                return self.look()
            work = self._conversation.discover(_LOOK_S)
            asyncio.run_coroutine_threadsafe(work, self._running_loop(work))
        return None

    def look(self) -> Served:
        """Ask what is served. Raises `EngineUnavailable`."""
        return self._wait(self._conversation.discover(_LOOK_S), lambda: False)

    def complete(self, turn: Turn, cancelled: Callable[[], bool]) -> Reply:
        for image in turn.images:
            check(image)
        if cancelled():
            return Reply("", Finish.CANCELLED)
        try:
            return self._wait(self._conversation.ask(turn), cancelled)
        except concurrent.futures.CancelledError:
            return Reply("", Finish.CANCELLED)

    def drain(self, url: str) -> bool:
        """Send that endpoint nothing more; what runs there may end."""
        return self._endpoints.drain(url)

    def close(self) -> None:
        """Streams still open are closed, which stops the server's work on them."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._conversation.close(), loop).result(_CLOSING_S)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(_CLOSING_S)

    def _wait(self, work: Coroutine[Any, Any, T], cancelled: Callable[[], bool]) -> T:
        call = asyncio.run_coroutine_threadsafe(work, self._running_loop(work))
        while not call.done():
            concurrent.futures.wait((call,), timeout=_TICK_S)
            if not call.done() and cancelled():
                call.cancel()
        return call.result()

    def _running_loop(self, work: Coroutine[Any, Any, T]) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                work.close()
                raise EngineUnavailable("engine_unavailable", "the engine's client has been closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop,), name="engine-streams", daemon=True
                )
                self._thread.start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_end_all())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _end_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
