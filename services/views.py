"""Rows of the store as the shapes that the API shows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from schemas.api import RunView
from schemas.errors import ErrorInfo
from schemas.page import PageState
from schemas.result import DocumentInfo, Progress, RunState, Usage
from schemas.split import DocumentClass, Part, SplitPart
from services.faults import fault
from services.stores.tables import documents, labels, pages

Row = sa.Row[*tuple[Any, ...]]


def rfc3339(micros: int | None) -> str | None:
    """A stored time as RFC 3339 in UTC, to the millisecond."""
    if micros is None:
        return None
    text = datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str, pointer: str) -> int:
    """An RFC 3339 time as microseconds; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise fault(pointer, "time_malformed", "not an RFC 3339 time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)


class Columns:
    """One table's columns of a joined row."""

    def __init__(self, row: Row, prefix: str) -> None:
        self._row = row
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, self._prefix + name)


def labels_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    marks: dict[str, dict[str, str]] = {}
    for row in connection.execute(sa.select(labels).where(labels.c.document_id.in_(ids))):
        marks.setdefault(row.document_id, {})[row.key] = row.value
    return marks


def progress_of(connection: sa.Connection, run: Any) -> Progress:
    if run.pages_total is None:
        return Progress()
    done = run.pages_total - (run.pages_left or 0) - run.pages_failed
    if run.state == RunState.CANCELLED:
        # Cancelled pages are settled, but not done.
        query = (
            sa.select(sa.func.count())
            .select_from(pages)
            .where(pages.c.run_id == run.id, pages.c.state == PageState.CANCELLED)
        )
        done = max(0, done - int(connection.execute(query).scalar_one()))
    return Progress(pages_total=run.pages_total, pages_done=done, pages_failed=run.pages_failed)


def info_of(connection: sa.Connection, document: Row, run: Row) -> DocumentInfo:
    marks = labels_of(connection, [document.id]).get(document.id, {})
    return document_info(document, run, marks, progress_of(connection, run))


def document_info(document: Any, run: Any, marks: dict[str, str], progress: Progress) -> DocumentInfo:
    return DocumentInfo(
        id=document.id,
        run_id=run.id,
        batch_id=document.batch_id,
        parent_id=document.parent_id,
        part=_part_of(document),
        external_id=document.external_id,
        state=RunState(run.state),
        error=error_of(run.error),
        progress=progress,
        filename=document.filename,
        media_type=document.media_type,
        bytes=document.bytes,
        sha256=document.digest,
        schema=run.schema_ref,
        labels=marks,
        created_at=rfc3339(document.created_at) or "",
        finished_at=rfc3339(run.finished_at),
        expires_at=rfc3339(document.expires_at),
    )


def _part_of(document: Any) -> Part | None:
    if document.part_pages is None:
        return None
    return Part(pages=document.part_pages, class_=DocumentClass(document.part_class))


def parts_of(connection: sa.Connection, document: Row) -> list[SplitPart] | None:
    """The documents that a file was split into; None: it was not."""
    if document.parts is None:
        return None
    query = (
        sa.select(documents.c.id, documents.c.part_pages, documents.c.part_class)
        .where(documents.c.parent_id == document.id, documents.c.tenant_id == document.tenant_id)
        .where(documents.c.deleted_at.is_(None))
        .order_by(documents.c.part_first)
    )
    return [
        SplitPart(pages=row.part_pages, class_=DocumentClass(row.part_class), document_id=row.id)
        for row in connection.execute(query)
    ]


def run_view(connection: sa.Connection, run: Row) -> RunView:
    return RunView(
        id=run.id,
        document_id=run.document_id,
        state=RunState(run.state),
        error=error_of(run.error),
        progress=progress_of(connection, run),
        usage=usage_of(run),
        request=run.request,
        schema=run.schema_ref,
        created_at=rfc3339(run.created_at) or "",
        started_at=rfc3339(run.started_at),
        finished_at=rfc3339(run.finished_at),
    )


def usage_of(run: Any) -> Usage:
    return Usage(**{name: getattr(run, f"usage_{name}") for name in Usage.model_fields})


def error_of(stored: dict[str, Any] | None) -> ErrorInfo | None:
    return ErrorInfo(**stored) if stored else None
