"""Rows of batches and members as the values that the work on them speaks of, and back."""

from typing import Any

import sqlalchemy as sa

from pipeline.batches import BatchClaim, BatchKind, NewMember, StoredFile, Task
from pipeline.ledger import Origin
from pipeline.ports import BlobKey
from schemas.errors import ErrorInfo
from schemas.ids import BatchId, Digest, DocumentId, JobId, TenantId
from services.stores import commands
from services.uploads import clean_filename

_HOUR_US = 3_600_000_000


def row_of(claim: BatchClaim, member: NewMember) -> dict[str, Any]:
    what = member.what
    stored = what if isinstance(what, StoredFile) else None
    error = what if isinstance(what, ErrorInfo) else None
    return {
        "batch_id": claim.batch,
        "number": member.number,
        "tenant_id": claim.tenant,
        "name": member.name,
        "bytes": member.size,
        "media_type": stored.media_type if stored else None,
        "digest": stored.blob.digest if stored else None,
        "generation": stored.blob.generation if stored else None,
        "source": what if isinstance(what, dict) else None,
        "state": "refused" if error else "waiting",
        "error": error.model_dump() if error else None,
    }


def stored_of(row: Any) -> StoredFile | None:
    if row.digest is None or row.generation is None:
        return None
    blob = BlobKey(TenantId(row.tenant_id), Digest(row.digest), row.generation)
    return StoredFile(blob, row.bytes, row.media_type)


def document_of(
    batch: Any, row: Any, what: StoredFile, now: int
) -> tuple[commands.NewDocument, commands.NewRun]:
    own = row.request is not None
    run = commands.NewRun(
        request=row.request if own else batch.request,
        password=row.password if own else batch.password,
        priority=batch.priority,
        schema_ref=row.schema_ref if own else batch.schema_ref,
        schema=row.schema if own else batch.schema,
    )
    hours = run.request.get("retention_hours")
    new = commands.NewDocument(
        tenant=TenantId(row.tenant_id),
        blob=what.blob,
        media_type=what.media_type,
        size=what.size,
        filename=clean_filename(row.name),
        external_id=row.external_id or run.request.get("external_id"),
        batch_id=BatchId(batch.id),
        callback_url=run.request.get("callback_url"),
        labels=run.request.get("labels") or {},
        expires_at=now + hours * _HOUR_US if hours is not None else None,
    )
    return new, run


def claim_of(row: sa.Row[Any], batch: sa.Row[Any]) -> BatchClaim:
    tenant = TenantId(batch.tenant_id)
    return BatchClaim(
        job=JobId(row.id),
        token=row.token,
        tenant=tenant,
        batch=BatchId(batch.id),
        attempts=row.attempts,
        setbacks=row.setbacks,
        task=Task(batch.task),
        kind=BatchKind(batch.kind),
        expanded=batch.expanded_at is not None,
        archive=BlobKey(tenant, Digest(batch.digest), batch.generation) if batch.generation else None,
        media_type=batch.media_type,
        position=batch.position,
        unpacked=batch.unpacked,
        prefix=batch.prefix,
        listed=batch.listed,
        at=DocumentId(batch.at) if batch.at else None,
        origin=Origin(batch.request_id, batch.traceparent),
    )
