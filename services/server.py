"""The HTTP server around the application: sockets, signals, shutdown that open streams do not delay."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from schemas.errors import Conflict
from services.api.app import create_app
from services.container import Parts, embedded
from services.settings import Settings

_SHUTDOWN_S = 5


class Server(uvicorn.Server):
    """Tells waiting clients at the first signal that the service stops; uvicorn would wait for them."""

    def __init__(self, parts: Parts, started: Callable[[], None] | None = None) -> None:
        """``started`` is called once signals are handled and requests answered."""
        super().__init__(
            uvicorn.Config(
                create_app(parts),
                log_config=None,
                access_log=False,  # services.api.notes writes a line for each request
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_SHUTDOWN_S,
                lifespan="on",
            )
        )
        self._watch = parts.watch
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._started is not None:
            self._started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._watch.close()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """From another thread."""
        self._watch.close()
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by name: asyncio switches Nagle's algorithm off only where it is named. With it each answer
    # on a connection that is kept waits 40 ms for the acknowledgement of its headers.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise Conflict("port_in_use", f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def in_background(parts: Parts) -> Iterator[str]:
    """The API in a thread of this process, on a free port; its URL."""
    with contextlib.closing(listen("127.0.0.1", 0)) as listener:
        server = Server(parts)
        thread = threading.Thread(target=server.run, args=([listener],), name="http", daemon=True)
        thread.start()
        try:
            yield url_of(listener)
        finally:
            server.stop()
            thread.join()


@contextmanager
def background(settings: Settings) -> Iterator[str]:
    """The whole embedded service in threads of this process; its URL."""
    with embedded(settings) as parts, in_background(parts) as url:
        yield url
