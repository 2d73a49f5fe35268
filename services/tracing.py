"""Traces over OTLP: one from the request that posts a document through the jobs that read it."""

from collections.abc import MutableMapping
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import NoOpTracerProvider, Tracer, TracerProvider

_FLUSH_MS = 3000
"""A collector that is gone must not hold up the end of a process."""

_ASKED_BY_MACHINES = frozenset({"/healthz", "/readyz", "/metrics"})


class Tracing:
    """The tracer provider of a process. Without a URL nothing is loaded, kept or sent."""

    def __init__(self, url: str | None, process: str) -> None:
        """``url`` is that of the collector, without `/v1/traces`; ``process`` as in `Metrics`."""
        self.provider: TracerProvider = NoOpTracerProvider()
        self._sdk: Any = None
        if url is not None:
            self.provider = self._sdk = _sdk_provider(url, process)

    def tracer(self) -> Tracer:
        return self.provider.get_tracer("quire")

    def telemetry(self) -> TelemetryConfig:
        """For FastAPI, which makes the spans of requests itself."""
        return {
            "tracer_provider": self.provider,
            "tracing": self._sdk is not None,
            "metrics": False,  # Prometheus has them
            "logs": False,  # they would hold the messages of exceptions
            "operation_spans": False,
            "auto_configure": False,
            "exclude": _dull,
        }

    def close(self) -> None:
        """Send what is left, within a bound."""
        if self._sdk is not None:
            self._sdk.shutdown()


def _dull(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in _ASKED_BY_MACHINES


def _sdk_provider(url: str, process: str) -> Any:
    # Loaded here: whoever does not trace should not wait for it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    class Discreet(SpanProcessor):
        """A query string may hold what somebody searched for in documents."""

        def on_start(self, span: Span, parent_context: object = None) -> None:
            del parent_context
            if span.attributes and "url.query" in span.attributes:
                span.set_attribute("url.query", "")

    named = {"service.name": f"quire-{process}", **OTELResourceDetector().detect().attributes}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(Discreet())
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=_FLUSH_MS / 1000)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=_FLUSH_MS))
    return provider
