"""A TCP proxy on loopback that can be cut, frozen, slowed and restored: outages on demand."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
_CHUNK = 65_536


class Proxy:
    """Stands before ``host:port``. Each method returns once it holds for old and new connections alike."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._flow = asyncio.Event()
        self._flow.set()
        self._delay_s = 0.0
        self._budget: int | None = None
        self.connections = 0
        """How many were made so far."""
        self.requested = 0
        """Bytes that clients have sent so far."""
        self.port = 0
        self._call(self._listen())

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection and refuse new ones, like a host without the service."""
        self._call(self._cut())

    def freeze(self) -> None:
        """Accept and keep connections, deliver nothing, like a network that drops every packet."""
        self._call(self._set_flow(flowing=False))

    def slow(self, delay_s: float) -> None:
        """Wait before passing on each piece."""
        self._delay_s = delay_s

    def break_after(self, sent: int) -> None:
        """Break, once, the connection on which a client goes beyond so many more bytes sent by all."""
        self._budget = sent

    def restore(self) -> None:
        """As if nothing had been."""
        self._delay_s, self._budget = 0.0, None
        self._call(self._set_flow(flowing=True))
        self._call(self._listen())

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._call(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=512)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        pairs = list(self._pairs)
        for pair in pairs:
            pair.cancel()
        await asyncio.gather(*pairs, return_exceptions=True)

    async def _set_flow(self, *, flowing: bool) -> None:
        (self._flow.set if flowing else self._flow.clear)()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pair = asyncio.current_task()
        assert pair is not None
        self._pairs.add(pair)
        writers = [writer]
        try:
            await self._flow.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            writers.append(far_writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass_on(reader, far_writer, counted=True))
                ways.create_task(self._pass_on(far_reader, writer, counted=False))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            for each in writers:
                _reset(each)
        finally:
            self._pairs.discard(pair)
            for each in writers:
                each.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._flow.wait()
            if counted:
                self._count(len(data))
            writer.write(data)
            await writer.drain()
        with suppress(OSError):  # the other side is gone already
            writer.write_eof()

    def _count(self, sent: int) -> None:
        self.requested += sent
        if self._budget is None:
            return
        self._budget -= sent
        if self._budget < 0:
            self._budget = None
            raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection so that the other end notices: RST, not an orderly end."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
