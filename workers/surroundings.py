"""What surrounds a job while it runs: names on its log lines, a span in the trace of its request."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

from pipeline.batches import BatchClaim
from pipeline.ledger import Claim
from schemas.errors import QuireError


@contextmanager
def around(claim: Claim, tracer: Tracer) -> Iterator[None]:
    origin = claim.facts.origin
    names = {
        "request_id": origin.request_id,
        "document_id": claim.document,
        "run_id": claim.run,
        "page": claim.page,
        "job_id": claim.job,
    }
    known = {name: value for name, value in names.items() if value is not None}
    carrier = {"traceparent": origin.traceparent} if origin.traceparent else {}
    attributes = {f"quire.{name}": value for name, value in known.items()}
    parent = TraceContextTextMapPropagator().extract(carrier, Context())
    with (
        bound_contextvars(queue=str(claim.queue), **known),
        step(tracer, f"job {claim.queue}", attributes, SpanKind.CONSUMER, parent),
    ):
        yield


@contextmanager
def step(
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, str | int],
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
) -> Iterator[Span]:
    """A span that tells the kind of an error and never its message, which may quote the document."""
    with tracer.start_as_current_span(
        name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            mark_failed(error.code if isinstance(error, QuireError) else type(error).__name__)
            raise


def mark_failed(code: str) -> None:
    """On the span around."""
    span = get_current_span()
    span.set_attribute("error.type", code)
    span.set_status(StatusCode.ERROR, code)


@contextmanager
def names_of_batch(claim: BatchClaim) -> Iterator[None]:
    """On the log lines of a step of a batch."""
    with bound_contextvars(
        queue="batch", batch_id=claim.batch, job_id=claim.job, request_id=claim.origin.request_id
    ):
        yield
