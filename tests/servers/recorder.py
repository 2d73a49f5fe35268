"""An HTTP proxy on loopback that keeps the bodies of requests, and streams the answers through."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import httpx

_KEPT_HEADERS = frozenset({"content-type", "authorization", "accept"})


class Recorder:
    """Stands before the server at ``target``."""

    def __init__(self, target: str) -> None:
        self._kept: list[tuple[str, bytes]] = []
        self._client = httpx.Client(base_url=target, timeout=600)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.client, self._server.kept = self._client, self._kept
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def bodies(self, path: str) -> list[bytes]:
        """Of all requests to a path, in the order they came."""
        return [body for at, body in self._kept if at == path]

    def __enter__(self) -> "Recorder":
        threading.Thread(target=self._server.serve_forever, name="recorder", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    client: httpx.Client
    kept: list[tuple[str, bytes]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.kept.append((self.path, body))
        headers = {name: text for name, text in self.headers.items() if name.lower() in _KEPT_HEADERS}
        with self.server.client.stream(self.command, self.path, content=body, headers=headers) as answer:
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("content-type", "text/plain"))
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for data in answer.iter_bytes():
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: Any) -> None:
        """Quiet."""
