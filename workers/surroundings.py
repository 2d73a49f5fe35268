"""What surrounds a job while it runs: its names on every log line that is written for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.contextvars import bound_contextvars

from pipeline.ledger import Claim


@contextmanager
def around(claim: Claim) -> Iterator[None]:
    names = {
        "queue": str(claim.queue),
        "document_id": claim.document,
        "run_id": claim.run,
        "page": claim.page,
        "job_id": claim.job,
    }
    with bound_contextvars(**{name: value for name, value in names.items() if value is not None}):
        yield
