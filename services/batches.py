"""Batches as callers see them: made, looked at, cancelled, tried again, deleted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa

from pipeline.batches import BatchKind
from pipeline.ledger import Queue
from pipeline.ports import Waker
from schemas.batch import BatchCounts, BatchProgress, BatchView, MemberView
from schemas.errors import BadInput, StoreUnavailable
from schemas.ids import BatchId, TenantId
from schemas.result import RunState
from services.asks import Ask
from services.ingest import Ingest
from services.stores import audit_rows, batch_rows
from services.stores.audit_rows import Action
from services.stores.batch_log import COUNTED, DELETED, PENDING
from services.stores.batch_rows import NewBatch, NewSource
from services.stores.batch_tables import batch_members, batches
from services.stores.commands import NewRun
from services.stores.engine import Database
from services.stores.tables import documents, runs
from services.uploads import Staged
from services.views import error_of, rfc3339

Also = Callable[[sa.Connection, BatchId], None]
"""Something else that must happen in the transaction that creates a batch."""

_AS_MEMBER = ("waiting", "refused", "cancelled")


@dataclass(frozen=True, slots=True)
class PostedSource:
    """A member as it was posted: where it is, or its own bytes while they are being taken."""

    name: str
    external_id: str | None
    ask: Ask | None
    source: dict[str, Any] | None = None
    receive: Callable[[], Staged] | None = None


class Batches:
    """Reads and writes of one database. A batch of another tenant does not exist for it."""

    def __init__(self, database: Database, ingest: Ingest, waker: Waker) -> None:
        self._database = database
        self._ingest = ingest
        self._waker = waker

    def of_archive(self, tenant: TenantId, staged: Staged, ask: Ask, also: Also) -> BatchId:
        for last in (False, True):
            key = self._ingest.store(tenant, staged)
            new = NewBatch(
                tenant,
                BatchKind.ARCHIVE,
                ask.new_run(),
                key,
                staged.media_type,
                staged.size,
                staged.filename,
            )
            try:
                return self._create(new, (), also)
            except StoreUnavailable as error:
                # The last one with the same bytes was deleted between our upload and our row.
                if last or error.code != "blob_gone":
                    raise
        raise AssertionError("unreachable")

    def of_prefix(self, tenant: TenantId, prefix: str, ask: Ask, also: Also) -> BatchId:
        return self._create(NewBatch(tenant, BatchKind.PREFIX, ask.new_run(), prefix=prefix), (), also)

    def of_sources(self, tenant: TenantId, sources: Sequence[PostedSource], ask: Ask, also: Also) -> BatchId:
        members = [self._member(tenant, source) for source in sources]
        return self._create(NewBatch(tenant, BatchKind.SOURCES, ask.new_run()), members, also)

    def _member(self, tenant: TenantId, posted: PostedSource) -> NewSource:
        run = posted.ask.new_run() if posted.ask is not None else None
        if posted.receive is None:
            return NewSource(posted.name, posted.external_id, posted.source, run=run)
        try:
            staged = posted.receive()
        except BadInput as error:
            return NewSource(posted.name, posted.external_id, error=error.info(), run=run)
        try:
            stored = self._ingest.store(tenant, staged)
        finally:
            staged.discard()
        return NewSource(
            posted.name, posted.external_id, None, stored, staged.size, staged.media_type, run=run
        )

    def _create(self, new: NewBatch, sources: Sequence[NewSource], also: Also) -> BatchId:
        with self._database.write() as connection:
            new = replace(new, run=self._kept(connection, new.tenant, new.run))
            own = [
                replace(source, run=self._kept(connection, new.tenant, source.run)) if source.run else source
                for source in sources
            ]
            batch = batch_rows.create(connection, new, own)
            audit_rows.note(connection, new.tenant, Action.BATCH_CREATED, batch)
            also(connection, batch)
        self._waker.wake(Queue.BATCH)
        return batch

    def _kept(self, connection: sa.Connection, tenant: TenantId, run: NewRun) -> NewRun:
        """Members are made by workers: how long they are kept is settled now, and shown in their requests."""
        asked = run.request.get("retention_hours")
        hours = self._ingest.retention.hours_of(connection, tenant, asked)
        return replace(run, request={**run.request, "retention_hours": hours})

    def cancel(self, tenant: TenantId, batch: str) -> None:
        def write(connection: sa.Connection) -> None:
            batch_rows.cancel(connection, tenant, batch)
            audit_rows.note(connection, tenant, Action.BATCH_CANCELLED, batch)

        self._database.settle(write)
        self._waker.wake(Queue.BATCH)

    def retry(self, tenant: TenantId, batch: str) -> None:
        def write(connection: sa.Connection) -> None:
            batch_rows.retry(connection, tenant, batch)
            audit_rows.note(connection, tenant, Action.BATCH_RETRIED, batch)

        self._database.settle(write)
        self._waker.wake(Queue.BATCH)

    def delete(self, tenant: TenantId, batch: str, *, documents_too: bool) -> None:
        self._ingest.delete_batch(tenant, batch, documents_too=documents_too)

    def view(self, tenant: TenantId, batch: str) -> BatchView:
        with self._database.read() as connection:
            return self._view(connection, tenant, batch)

    def view_json(self, connection: sa.Connection, tenant: TenantId, batch: str) -> bytes:
        """A batch as JSON, read in the caller's transaction."""
        return orjson.dumps(self._view(connection, tenant, batch).model_dump(mode="json", by_alias=True))

    def row(self, tenant: TenantId, batch: str) -> sa.Row[Any]:
        with self._database.read() as connection:
            return _row(connection, tenant, batch)

    def _view(self, connection: sa.Connection, tenant: TenantId, batch: str) -> BatchView:
        row = _row(connection, tenant, batch)
        code = batch_members.c.error["code"].as_string()
        reasons = connection.execute(
            sa.select(code, sa.func.count())
            .where(batch_members.c.batch_id == batch, batch_members.c.state == sa.literal_column("'refused'"))
            .group_by(code)
        )
        return _shown(row, {str(reason): int(count) for reason, count in reasons})

    def views(
        self, tenant: TenantId, state: RunState | None, before: str | None, most: int
    ) -> list[BatchView]:
        """Newest first, older than the id ``before``; without the reasons of refusals."""
        query = sa.select(batches).where(batches.c.tenant_id == tenant)
        if state is not None:
            query = query.where(batches.c.state == state)
        if before is not None:
            query = query.where(batches.c.id < before)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(batches.c.id.desc()).limit(most)).all()
        return [_shown(row, {}) for row in rows]

    def members(
        self, tenant: TenantId, batch: str, state: str | None, after: int | None, most: int
    ) -> list[MemberView]:
        """In order, behind number ``after``."""
        query = _MEMBERS.where(batch_members.c.batch_id == batch, batch_members.c.tenant_id == tenant)
        if state in _AS_MEMBER:
            query = query.where(sa.func.coalesce(documents.c.state, batch_members.c.state) == state)
        elif state is not None:
            query = query.where(documents.c.state == state)
        if after is not None:
            query = query.where(batch_members.c.number > after)
        with self._database.read() as connection:
            _row(connection, tenant, batch)
            rows = connection.execute(query.order_by(batch_members.c.number).limit(most)).all()
        return [_member_view(row) for row in rows]


_MEMBERS = (
    sa.select(
        batch_members,
        documents.c.state.label("document_state"),
        documents.c.deleted_at,
        documents.c.newest_run_id,
        runs.c.error.label("run_error"),
    )
    .outerjoin(documents, documents.c.id == batch_members.c.document_id)
    .outerjoin(runs, runs.c.id == documents.c.newest_run_id)
)


def _row(connection: sa.Connection, tenant: TenantId, batch: str) -> sa.Row[Any]:
    query = sa.select(batches).where(batches.c.id == batch, batches.c.tenant_id == tenant)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise batch_rows.no_batch()
    return row


def _shown(row: Any, reasons: dict[str, int]) -> BatchView:
    counts = {name: getattr(row, name) for name in COUNTED}
    total = sum(counts.values()) - counts[DELETED]
    return BatchView(
        id=row.id,
        state=RunState(row.state),
        error=error_of(row.error),
        kind=row.kind,
        filename=row.filename,
        media_type=row.media_type,
        bytes=row.bytes,
        sha256=row.digest,
        prefix=row.prefix,
        schema=row.schema_ref,
        request=row.request,
        expanded=row.expanded_at is not None,
        progress=BatchProgress(members_total=total, members_done=total - counts[PENDING]),
        counts=BatchCounts(**counts),
        refused=reasons,
        skipped=row.skipped,
        sequence=row.sequence,
        created_at=rfc3339(row.created_at) or "",
        finished_at=rfc3339(row.finished_at),
    )


def _member_view(row: Any) -> MemberView:
    gone = row.deleted_at is not None
    return MemberView(
        number=row.number,
        name=row.name,
        external_id=row.external_id,
        state="deleted" if gone else row.document_state or row.state,
        error=error_of(row.run_error or row.error),
        document_id=row.document_id,
        run_id=None if gone else row.newest_run_id,
        media_type=row.media_type,
        bytes=row.bytes,
        sha256=row.digest,
    )
