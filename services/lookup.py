"""The read side: documents, runs and pages of one tenant as the API shows them; every read is short."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from schemas.api import DocumentView, RunView
from schemas.errors import Conflict, NotFound
from schemas.ids import TenantId
from schemas.result import RunState, Usage
from schemas.split import DocumentClass
from services.stores import audit_rows, usage_rows
from services.stores.audit_rows import AuditFilter
from services.stores.engine import Database, now_us
from services.stores.kept import KEPT
from services.stores.tables import documents, events, labels, runs
from services.stores.usage_rows import Quota
from services.views import Columns, document_info, info_of, labels_of, parts_of, progress_of, run_view

Row = sa.Row[*tuple[Any, ...]]
FINISHED = tuple(state for state in RunState if state.terminal)
RETRY_AFTER_S = 1.0


def no_document() -> NotFound:
    return NotFound("document_not_found", "there is no such document")


def no_run() -> NotFound:
    return NotFound("run_not_found", "the document has no such run")


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """What `GET /v1/documents` filters by; times in microseconds."""

    state: RunState | None = None
    batch_id: str | None = None
    parent_id: str | None = None
    document_class: DocumentClass | None = None
    external_id: str | None = None
    sha256: str | None = None
    created_after: int | None = None
    labels: tuple[tuple[str, str], ...] = ()


class Lookup:
    """Reads of one database. A row of another tenant does not exist for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def document(self, tenant: TenantId, document_id: str, run_id: str | None = None) -> DocumentView:
        """A document in the light of its newest run, or of ``run_id``."""
        with self._database.read() as connection:
            document, run = self._pair(connection, tenant, document_id, run_id)
            info = info_of(connection, document, run).model_dump(by_alias=True)
            return DocumentView(**info, parts=parts_of(connection, document))

    def find(self, tenant: TenantId, document_id: str) -> DocumentView | None:
        try:
            return self.document(tenant, document_id)
        except NotFound:
            return None

    def document_json(
        self, connection: sa.Connection, tenant: TenantId, document_id: str, run_id: str
    ) -> bytes:
        """A document as JSON, read in the caller's transaction; a new one, which has no parts yet."""
        info = info_of(connection, *self._pair(connection, tenant, document_id, run_id))
        view = DocumentView(**info.model_dump(by_alias=True))
        return orjson.dumps(view.model_dump(mode="json", by_alias=True, exclude={"result"}))

    def run_json(self, connection: sa.Connection, tenant: TenantId, document_id: str, run_id: str) -> bytes:
        """A run as JSON, read in the caller's transaction."""
        _, run = self._pair(connection, tenant, document_id, run_id)
        return orjson.dumps(run_view(connection, run).model_dump(mode="json", by_alias=True))

    def documents(
        self, tenant: TenantId, wanted: DocumentFilter, before: str | None, limit: int
    ) -> list[DocumentView]:
        """Newest first, older than the id ``before``."""
        query = (
            sa.select(documents, runs)
            .join(runs, runs.c.id == documents.c.newest_run_id)
            .where(documents.c.tenant_id == tenant, KEPT, *_conditions(wanted))
            .order_by(documents.c.id.desc())
            .limit(limit)
            .set_label_style(sa.LABEL_STYLE_TABLENAME_PLUS_COL)
        )
        if before is not None:
            query = query.where(documents.c.id < before)
        with self._database.read() as connection:
            found = connection.execute(query).all()
            marks = labels_of(connection, [row.documents_id for row in found])
            views = []
            for row in found:
                document, run = Columns(row, "documents_"), Columns(row, "runs_")
                progress = progress_of(connection, run)
                info = document_info(document, run, marks.get(document.id, {}), progress)
                views.append(DocumentView(**info.model_dump(by_alias=True)))
            return views

    def run(self, tenant: TenantId, document_id: str, run_id: str) -> RunView:
        with self._database.read() as connection:
            _, run = self._pair(connection, tenant, document_id, run_id)
            return run_view(connection, run)

    def runs(self, tenant: TenantId, document_id: str, before: int | None, limit: int) -> list[Row]:
        """Rows of a document's runs, newest first; `run_view` shows one."""
        query = sa.select(runs).where(runs.c.document_id == document_id, runs.c.tenant_id == tenant)
        if before is not None:
            query = query.where(runs.c.number < before)
        with self._database.read() as connection:
            self._document(connection, tenant, document_id)
            return list(connection.execute(query.order_by(runs.c.number.desc()).limit(limit)))

    def show_run(self, run: Row) -> RunView:
        with self._database.read() as connection:
            return run_view(connection, run)

    def finished_run(self, tenant: TenantId, document_id: str, run_id: str | None) -> Row:
        """The run whose result is to be shown: ``run_id``, or the newest finished one.

        Raises `Conflict`: ``not_finished`` while there is none, ``no_result`` when it failed.
        """
        with self._database.read() as connection:
            self._document(connection, tenant, document_id)
            query = sa.select(runs).where(runs.c.document_id == document_id, runs.c.tenant_id == tenant)
            if run_id is not None:
                run = connection.execute(query.where(runs.c.id == run_id)).one_or_none()
                if run is None:
                    raise no_run()
            else:
                finished = query.where(runs.c.state.in_(FINISHED)).order_by(runs.c.number.desc()).limit(1)
                run = connection.execute(finished).one_or_none()
        if run is None or not RunState(run.state).terminal:
            raise Conflict(
                "not_finished",
                "the document is still being read",
                retryable=True,
                retry_after_s=RETRY_AFTER_S,
            )
        if run.state == RunState.FAILED:
            why = f": {run.error['detail']}" if run.error else ""
            raise Conflict("no_result", f"the run failed and has no result{why}")
        return run

    def newest_run_id(self, tenant: TenantId, document_id: str) -> str:
        with self._database.read() as connection:
            return str(self._document(connection, tenant, document_id).newest_run_id)

    def source(self, tenant: TenantId, document_id: str) -> Row:
        """The row of a document: digest, generation, media type."""
        with self._database.read() as connection:
            return self._document(connection, tenant, document_id)

    def events(self, tenant: TenantId, document_id: str, after: int, limit: int) -> list[Row]:
        query = (
            sa.select(events)
            .where(events.c.document_id == document_id, events.c.tenant_id == tenant, events.c.seq > after)
            .order_by(events.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            return list(connection.execute(query))

    def usage(self, tenant: TenantId, since: int | None, until: int | None) -> tuple[Usage, dict[str, int]]:
        """What was spent by runs created in a span of time, and how many runs stand in which state."""
        where = [runs.c.tenant_id == tenant]
        if since is not None:
            where.append(runs.c.created_at >= since)
        if until is not None:
            where.append(runs.c.created_at < until)
        names = list(Usage.model_fields)
        sums = [sa.func.coalesce(sa.func.sum(runs.c[f"usage_{name}"]), 0) for name in names]
        with self._database.read() as connection:
            spent = connection.execute(sa.select(*sums).where(*where)).one()
            states = connection.execute(
                sa.select(runs.c.state, sa.func.count()).where(*where).group_by(runs.c.state)
            ).all()
        usage = Usage(**{name: int(value) for name, value in zip(names, spent, strict=True)})
        return usage, {str(state): int(count) for state, count in states}

    def months(self, tenant: TenantId, limit: int) -> tuple[list[Row], Quota]:
        """What was spent month by month, newest first, and how much of this month's pages is left."""
        with self._database.read() as connection:
            return usage_rows.months(connection, tenant, limit), usage_rows.quota_of(connection, tenant)

    def audit(self, tenant: TenantId, wanted: AuditFilter, before: int | None, limit: int) -> list[Row]:
        with self._database.read() as connection:
            return audit_rows.page(connection, tenant, wanted, before, limit)

    def ping(self) -> None:
        with self._database.read() as connection:
            connection.execute(sa.text("SELECT 1"))

    def _document(self, connection: sa.Connection, tenant: TenantId, document_id: str) -> Row:
        over = sa.func.coalesce(documents.c.expires_at <= now_us(), sa.false())
        query = sa.select(*documents.c, over.label("over")).where(
            documents.c.id == document_id, documents.c.tenant_id == tenant
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            raise no_document()
        if row.over:  # swept or not; a caller's own deletion clears it
            raise NotFound("document_expired", "the document has expired", status=410)
        if row.deleted_at is not None:
            raise no_document()
        return row

    def _pair(
        self, connection: sa.Connection, tenant: TenantId, document_id: str, run_id: str | None
    ) -> tuple[Row, Row]:
        document = self._document(connection, tenant, document_id)
        query = sa.select(runs).where(
            runs.c.id == (run_id or document.newest_run_id),
            runs.c.document_id == document_id,
            runs.c.tenant_id == tenant,
        )
        run = connection.execute(query).one_or_none()
        if run is None:
            raise no_run()
        return document, run


def _conditions(wanted: DocumentFilter) -> Iterator[sa.ColumnElement[bool]]:
    equal = {
        documents.c.state: wanted.state,
        documents.c.batch_id: wanted.batch_id,
        documents.c.parent_id: wanted.parent_id,
        documents.c.part_class: wanted.document_class,
        documents.c.external_id: wanted.external_id,
        documents.c.digest: wanted.sha256,
    }
    yield from (column == value for column, value in equal.items() if value is not None)
    if wanted.created_after is not None:
        yield documents.c.created_at > wanted.created_after
    for key, value in wanted.labels:
        yield documents.c.id.in_(
            sa.select(labels.c.document_id).where(
                labels.c.tenant_id == documents.c.tenant_id, labels.c.key == key, labels.c.value == value
            )
        )
