"""The small HTTP port of a process: /metrics for Prometheus, /healthz for whoever restarts it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog

from schemas.errors import Conflict
from services.metrics import CONTENT_TYPE, Metrics

_log = structlog.get_logger(__name__)

_TRIES = 32
_PATIENCE_S = 5.0
"""How long a client may take to say what it wants."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S
    server: "_Server"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE, self.server.metrics.page())
        elif path == "/healthz":
            well = self.server.metrics.alive()
            self._answer(200 if well else 503, "text/plain", b"ok\n" if well else b"not well\n")
        else:
            self._answer(404, "text/plain", b"/metrics, /healthz\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "Quire"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Machines ask every few seconds; that is no news."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False  # the next process of this host must find the port taken

    def __init__(self, address: tuple[str, int], metrics: Metrics) -> None:
        super().__init__(address, _Handler)
        self.metrics = metrics

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news either."""


@contextmanager
def exposed(metrics: Metrics, host: str, port: int | None) -> Iterator[int | None]:
    """Answer on the first free port from ``port`` on, so that the processes of one host each have one.

    Gives the port, None when none is wanted; 0 takes any free one.
    """
    if port is None:
        yield None
        return
    server = _listening(metrics, host, port)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    _log.info("metrics_port", host=host, port=server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _listening(metrics: Metrics, host: str, port: int) -> _Server:
    for candidate in range(port, min(port + _TRIES, 65536)):
        try:
            return _Server((host, candidate), metrics)
        except OSError:
            continue
    raise Conflict("port_in_use", f"no port of {host} from {port} on is free for QUIRE_METRICS_PORT")
