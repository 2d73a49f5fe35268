"""Where work comes from: the request that asks for it, and its place in a trace."""

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import get_contextvars

from pipeline.ledger import Origin


def here() -> Origin:
    """Kept with a run, so that log lines and spans of its jobs name the request; read from the context."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return Origin(get_contextvars().get("request_id"), carrier.get("traceparent"))
