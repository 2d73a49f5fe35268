"""An HTTP server on loopback that answers what a test lays out, in that order, and keeps what was asked."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """``breaks``: the connection ends before the answer does. ``silent``: nothing comes."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def said(value: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def refused(status: int, code: str, **headers: str) -> Reply:
    problem = {"status": status, "code": code, "detail": f"about {code}", "retryable": status == 503}
    return said(problem, status, **headers)


class Stage:
    """The last reply is given again when there is no other."""

    def __init__(self, *replies: Reply) -> None:
        self.asked: list[Asked] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.replies, self._server.asked = deque(replies), self.asked
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Stage":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.over.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    replies: deque[Reply]
    asked: list[Asked]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.over = threading.Event()

    def next(self) -> Reply:
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): text for name, text in self.headers.items()}
        reply = self.server.next()
        self.server.asked.append(Asked(self.command, self.path, headers, body))
        if reply.silent:
            self.server.over.wait()
            return
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, text in reply.headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.breaks else reply.body)
        self.close_connection = self.close_connection or reply.breaks

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # http.server's names

    def log_message(self, *args: Any) -> None:
        """Quiet."""
