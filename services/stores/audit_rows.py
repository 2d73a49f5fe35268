"""Rows of the audit log: written in the transaction of what they tell, forgotten in time."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from schemas.ids import TenantId
from services import acting
from services.stores.access_tables import audit
from services.stores.engine import now_us

_SOME = 10_000


class Action(StrEnum):
    DOCUMENT_CREATED = "document.created"
    DOCUMENT_DELETED = "document.deleted"
    DOCUMENT_EXPIRED = "document.expired"
    DOCUMENT_CORRECTED = "document.corrected"
    RUN_CREATED = "run.created"
    RUN_CANCELLED = "run.cancelled"
    BATCH_CREATED = "batch.created"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_RETRIED = "batch.retried"
    BATCH_DELETED = "batch.deleted"
    BATCH_EXPIRED = "batch.expired"
    UPLOAD_CREATED = "upload.created"
    SCHEMA_PUT = "schema.put"
    SCHEMA_DELETED = "schema.deleted"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_ROTATED = "webhook.rotated"
    WEBHOOK_TESTED = "webhook.tested"
    DELIVERY_REDELIVERED = "delivery.redelivered"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    TENANT_SET = "tenant.set"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    action: str | None = None
    object_id: str | None = None
    key_id: str | None = None


def note(connection: sa.Connection, tenant: TenantId, action: Action, object_id: str) -> None:
    """That this was done, in whose name; what workers do on their own is no act of anybody's."""
    actor = acting.actor()
    if actor is None:
        return
    connection.execute(
        _NOTE,
        {
            "tenant_id": tenant,
            "actor": actor.name,
            "key_id": actor.key,
            "action": str(action),
            "object_id": object_id,
            "request_id": acting.request(),
        },
    )


def page(
    connection: sa.Connection, tenant: TenantId, wanted: AuditFilter, before: int | None, limit: int
) -> list[sa.Row[Any]]:
    """Newest first, older than the entry ``before``."""
    query = sa.select(audit).where(audit.c.tenant_id == tenant).order_by(audit.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.seq < before)
    for column, value in (
        (audit.c.action, wanted.action),
        (audit.c.object_id, wanted.object_id),
        (audit.c.key_id, wanted.key_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return list(connection.execute(query))


def forget(connection: sa.Connection, older_us: int) -> int:
    """A bounded number of old entries; how many."""
    old = sa.select(audit.c.seq).where(audit.c.at < now_us() - older_us).order_by(audit.c.at).limit(_SOME)
    return int(connection.execute(sa.delete(audit).where(audit.c.seq.in_(old))).rowcount)


_NOTE = audit.insert().values(at=now_us())
