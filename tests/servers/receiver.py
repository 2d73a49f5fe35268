"""A receiver of webhooks on loopback: keeps what arrives, and can be down or refuse for a while."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.servers.server import free_port


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``statuses`` says what a path is answered; others get 204."""

    port: int = field(default_factory=free_port)
    statuses: dict[str, int] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)
    _server: "_Server | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.receiver = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Nobody listens: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def keep(self, received: Received) -> None:
        with self._came:
            self.received.append(received)
            self._came.notify_all()

    def at(self, path: str, count: int = 1) -> list[Received]:
        """What came to a path, once there are so many."""
        with self._came:
            self._came.wait_for(lambda: len(self._of(path)) >= count)
            return self._of(path)

    def _of(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]

    def __enter__(self) -> "Receiver":
        self.up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.down()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status = self.server.receiver.statuses.get(self.path, 204)
        headers = {name.lower(): text for name, text in self.headers.items()}
        self.server.receiver.keep(Received(self.path, headers, body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Quiet."""
