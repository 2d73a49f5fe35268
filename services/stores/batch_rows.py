"""What callers do to batches: make one, cancel it, have what failed of it tried again, delete it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pipeline.batches import BatchKind, Task
from pipeline.ports import BlobKey
from schemas.errors import Conflict, ErrorInfo, NotFound
from schemas.ids import BatchId, JobId, TenantId, batch_id, job_id
from schemas.result import RunState
from services.origin import here
from services.stores import batch_log, blob_rows, jobs, outbox_rows
from services.stores.batch_tables import batch_log as log_rows
from services.stores.batch_tables import batch_members, batches
from services.stores.commands import BULK, INTERACTIVE, NewRun
from services.stores.engine import GaveWay, now_us
from services.stores.tables import documents, idempotency
from services.stores.work_tables import jobs as job_rows

QUEUE = "batch"


@dataclass(frozen=True, slots=True)
class NewBatch:
    """``archive``: live bytes of the tenant. ``prefix``: of a bucket."""

    tenant: TenantId
    kind: BatchKind
    run: NewRun = field(repr=False)
    archive: BlobKey | None = None
    media_type: str | None = None
    size: int | None = None
    filename: str | None = None
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class NewSource:
    """A member by where it is to be fetched from, or by its live bytes. ``run`` where it differs."""

    name: str
    external_id: str | None
    source: dict[str, Any] | None = None
    stored: BlobKey | None = None
    size: int | None = None
    media_type: str | None = None
    error: ErrorInfo | None = None
    run: NewRun | None = field(default=None, repr=False)


def no_batch() -> NotFound:
    return NotFound("batch_not_found", "there is no such batch")


def create(connection: sa.Connection, new: NewBatch, sources: Sequence[NewSource] = ()) -> BatchId:
    """The batch and its first step; of a batch of sources also its members."""
    if new.archive is not None:
        blob_rows.require_live(connection, new.archive)
    batch, origin = batch_id(), here()
    known = new.kind is BatchKind.SOURCES
    refused = [number for number, one in enumerate(sources, 1) if one.error is not None]
    connection.execute(
        batches.insert().values(
            id=batch,
            tenant_id=new.tenant,
            kind=str(new.kind),
            filename=new.filename,
            media_type=new.media_type,
            bytes=new.size,
            digest=new.archive.digest if new.archive else None,
            generation=new.archive.generation if new.archive else None,
            prefix=new.prefix,
            request=new.run.request,
            schema_ref=new.run.schema_ref,
            schema=new.run.schema,
            password=new.run.password,
            priority=new.run.priority,
            state=str(RunState.QUEUED),
            task=str(Task.EXPAND),
            skipped={},
            pending=len(sources) - len(refused),
            position=len(sources),
            created_at=now_us(),
            expanded_at=now_us() if known else None,
            request_id=origin.request_id,
            traceparent=origin.traceparent,
        )
    )
    for start in range(0, len(sources), 500):
        rows = [
            _source(new, batch, start + at, one) for at, one in enumerate(sources[start : start + 500], 1)
        ]
        for one in sources[start : start + 500]:
            if one.stored is not None:
                blob_rows.require_live(connection, one.stored)
        connection.execute(batch_members.insert(), rows)
    batch_log.note_members(connection, new.tenant, batch, refused, (None, batch_log.REFUSED))
    next_step(connection, new.tenant, batch, new.run.priority)
    return batch


def _source(new: NewBatch, batch: BatchId, number: int, one: NewSource) -> dict[str, Any]:
    run = one.run
    return {
        "batch_id": batch,
        "number": number,
        "tenant_id": new.tenant,
        "name": one.name,
        "external_id": one.external_id,
        "bytes": one.size,
        "media_type": one.media_type,
        "digest": one.stored.digest if one.stored else None,
        "generation": one.stored.generation if one.stored else None,
        "source": one.source,
        "request": run.request if run else None,
        "schema_ref": run.schema_ref if run else None,
        "schema": run.schema if run else None,
        "password": run.password if run else None,
        "state": "refused" if one.error else "waiting",
        "error": one.error.model_dump() if one.error else None,
    }


def next_step(
    connection: sa.Connection,
    tenant: TenantId,
    batch: BatchId,
    priority: int,
    *,
    delay_us: int = 0,
    **values: Any,
) -> None:
    """Add the job of the next step, and change the batch along with it."""
    job = job_id()
    work = jobs.Work({"batch": batch}, delay_us=delay_us, job=job)
    jobs.add_for(connection, tenant, QUEUE, priority, [(None, None, work)])
    connection.execute(sa.update(batches).where(batches.c.id == batch).values(job_id=job, **values))


def cancel(connection: sa.Connection, tenant: TenantId, batch: str) -> None:
    """Find no more members; those that are not at their end are cancelled by the next steps."""
    row = _hold(connection, tenant, batch)
    if RunState(row.state).terminal:
        if row.state == RunState.CANCELLED:
            return
        raise Conflict("already_finished", f"the batch has ended: {row.state}")
    next_step(
        connection,
        tenant,
        BatchId(row.id),
        INTERACTIVE,
        task=str(Task.CANCEL),
        at=None,
        cancel_requested_at=sa.func.coalesce(batches.c.cancel_requested_at, now_us()),
        expanded_at=sa.func.coalesce(batches.c.expanded_at, now_us()),
        generation=None,  # nobody will read the archive on
    )


def retry(connection: sa.Connection, tenant: TenantId, batch: str) -> None:
    """Take up again what failed, was cancelled, or could not be fetched."""
    row = _hold(connection, tenant, batch)
    if not RunState(row.state).terminal:
        raise Conflict("not_finished", "the batch is still under way")
    found = BatchId(row.id)
    members = _take_up(connection, tenant, found)
    if not (members or row.failed or row.partial or row.cancelled):
        raise Conflict("nothing_to_retry", "no member of the batch failed that could be tried again")
    next_step(
        connection,
        tenant,
        found,
        BULK,
        task=str(Task.RETRY),
        at=None,
        cancel_requested_at=None,
        state=str(RunState.PROCESSING),
        finished_at=None,
    )


def _take_up(connection: sa.Connection, tenant: TenantId, batch: BatchId) -> int:
    """Members that are no documents and may become some."""
    taken = 0
    for was, more in (
        ("refused", batch_members.c.source.is_not(None)),
        ("cancelled", sa.true()),
    ):
        numbers = connection.scalars(
            sa.update(batch_members)
            .where(batch_members.c.batch_id == batch, batch_members.c.state == was, more)
            .values(state="waiting", error=None)
            .returning(batch_members.c.number)
        ).all()
        batch_log.note_members(connection, tenant, batch, numbers, (was, batch_log.PENDING))
        taken += len(numbers)
    return taken


def give_up(connection: sa.Connection, batch: str, error: ErrorInfo) -> None:
    """No more members will be found; what was found goes on."""
    connection.execute(
        sa.update(batches)
        .where(batches.c.id == batch)
        .values(
            error=error.model_dump(),
            expanded_at=sa.func.coalesce(batches.c.expanded_at, now_us()),
            generation=None,
            state=str(RunState.PROCESSING),
        )
    )


def delete(connection: sa.Connection, tenant: TenantId, batch: str, *, documents_too: bool) -> set[BlobKey]:
    """Everything but its documents, whose time may be over, too; bytes that nobody refers to any more.

    Whoever is taking a step of it writes nothing from now on.
    """
    row = _hold(connection, tenant, batch)
    mine = batch_members.c.batch_id == row.id
    if documents_too:
        over = sa.update(documents).where(
            documents.c.tenant_id == tenant, documents.c.batch_id == row.id, documents.c.deleted_at.is_(None)
        )
        connection.execute(over.values(expires_at=now_us()))
    # What still refers to bytes lets go of them before it is asked who does.
    connection.execute(sa.update(batches).where(batches.c.id == row.id).values(generation=None))
    waiting = batch_members.c.state == sa.literal_column("'waiting'")
    connection.execute(sa.update(batch_members).where(mine, waiting).values(state="cancelled"))
    keys = blob_rows.unused_of_batch(connection, tenant, row.id)
    connection.execute(sa.delete(idempotency).where(idempotency.c.document_id == row.id))
    outbox_rows.forget_batch(connection, BatchId(row.id))
    connection.execute(sa.delete(log_rows).where(log_rows.c.batch_id == row.id))
    connection.execute(sa.delete(batch_members).where(mine))
    connection.execute(sa.delete(batches).where(batches.c.id == row.id))
    return set(keys)


def _hold(connection: sa.Connection, tenant: TenantId, batch: str) -> sa.Row[Any]:
    """The batch, locked, with nobody at it any more: jobs are locked before batches."""
    mine = sa.and_(batches.c.id == batch, batches.c.tenant_id == tenant)
    job: JobId | None = connection.scalar(sa.select(batches.c.job_id).where(mine))
    connection.execute(sa.delete(job_rows).where(job_rows.c.id == job))
    row = connection.execute(sa.select(batches).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise no_batch()
    if row.job_id != job:
        raise GaveWay(detail="the batch took another step in this moment")
    return row
