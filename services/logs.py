"""Logging: structured lines on stderr, for people on a terminal and as JSON elsewhere."""

import logging
import sys
import traceback
from collections.abc import Iterator

import structlog
from opentelemetry.trace import format_trace_id, get_current_span
from structlog.typing import EventDict, Processor, WrappedLogger

from schemas.errors import QuireError
from services.settings import Settings

_OURS = ("quire", "services", "workers", "model_runtime", "pipeline")


def configure(settings: Settings, process: str) -> None:
    """Called once by a process, never by an import; ``process`` is its part in the service."""

    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if console
        else structlog.processors.JSONRenderer()
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _name_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _discreet_traceback,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # What libraries say below a warning names URLs, headers and statements.
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[settings.log_level.upper()]))
    for name in _OURS:
        logging.getLogger(name).setLevel(settings.log_level.upper())


def _name_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Where traces are made, a line can be found from its trace and the other way round."""
    span = get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = format_trace_id(span.trace_id)
    return event


def _discreet_traceback(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Where it happened and the kind of error; messages of others quote values: documents, secrets."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_told(error))
    return event


def _told(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
        yield "then:"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    yield f"{kind}: {error}" if isinstance(error, QuireError) else kind
