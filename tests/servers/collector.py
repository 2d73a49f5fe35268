"""A collector of traces: takes what processes send over OTLP, and keeps the spans."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Span:
    """``service`` is the process that made it; ids are hexadecimal, ``parent`` empty for the first one."""

    service: str
    name: str
    trace: str
    ident: str
    parent: str
    attributes: dict[str, str | int]
    text: str
    """Everything of it, to look for what must not be there."""


class Collector:
    """Start with ``with``; processes are given its ``url``."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector._take(ExportTraceServiceRequest.FromString(body))
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Collector":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def spans(self, enough: Callable[[list[Span]], bool]) -> list[Span]:
        """What came so far, once it is enough: processes send every few seconds."""
        until = time.monotonic() + _PATIENCE_S
        while not enough(found := list(self._spans)) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _take(self, request: ExportTraceServiceRequest) -> None:
        for of_process in request.resource_spans:
            service = _attributes(of_process.resource.attributes)["service.name"]
            for of_scope in of_process.scope_spans:
                for span in of_scope.spans:
                    self._spans.append(
                        Span(
                            str(service),
                            span.name,
                            span.trace_id.hex(),
                            span.span_id.hex(),
                            span.parent_span_id.hex(),
                            _attributes(span.attributes),
                            str(span),
                        )
                    )


def _attributes(pairs: object) -> dict[str, str | int]:
    return {
        pair.key: pair.value.int_value if pair.value.HasField("int_value") else pair.value.string_value
        for pair in pairs  # type: ignore[attr-defined]  # a protobuf container
    }
