"""Rows of uploads that clients send to the bucket themselves: announced, used once, forgotten."""

from typing import NamedTuple

import sqlalchemy as sa

from schemas.errors import Conflict
from schemas.ids import TenantId, UploadId
from services.stores.engine import now_us
from services.stores.tables import uploads

_US = 1_000_000


class UploadRow(NamedTuple):
    filename: str | None
    bytes: int
    sha256: str | None
    used: bool
    expired: bool


class Announced(NamedTuple):
    """What a client says it is going to send."""

    filename: str | None
    bytes: int
    sha256: str | None


def announce(
    connection: sa.Connection, tenant: TenantId, upload: UploadId, what: Announced, lifetime_s: int
) -> int:
    """When it expires, in microseconds."""
    expires = connection.scalar(
        sa.insert(uploads)
        .values(
            id=upload,
            tenant_id=tenant,
            **what._asdict(),
            created_at=now_us(),
            expires_at=now_us() + lifetime_s * _US,
        )
        .returning(uploads.c.expires_at)
    )
    assert expires is not None
    return int(expires)


def find(connection: sa.Connection, tenant: TenantId, upload: str) -> UploadRow | None:
    row = connection.execute(
        sa.select(
            uploads.c.filename,
            uploads.c.bytes,
            uploads.c.sha256,
            uploads.c.used_at.is_not(None),
            uploads.c.expires_at <= now_us(),
        ).where(uploads.c.id == upload, uploads.c.tenant_id == tenant)
    ).one_or_none()
    return UploadRow(row[0], row[1], row[2], bool(row[3]), bool(row[4])) if row is not None else None


def use(connection: sa.Connection, tenant: TenantId, upload: str) -> None:
    """Once: of two requests at the same moment one makes a document, which has the name from then on."""
    changed = connection.execute(
        sa.update(uploads)
        .where(uploads.c.id == upload, uploads.c.tenant_id == tenant, uploads.c.used_at.is_(None))
        .values(used_at=now_us(), filename=None, sha256=None)
    ).rowcount
    if not changed:
        raise Conflict("upload_used", "this upload has become a document already")


def expired(connection: sa.Connection, since_s: int, limit: int) -> list[tuple[TenantId, UploadId]]:
    rows = connection.execute(
        sa.select(uploads.c.tenant_id, uploads.c.id)
        .where(uploads.c.expires_at < now_us() - since_s * _US)
        .order_by(uploads.c.expires_at)
        .limit(limit)
    ).all()
    return [(TenantId(tenant), UploadId(upload)) for tenant, upload in rows]


def forget(connection: sa.Connection, upload: UploadId) -> None:
    connection.execute(sa.delete(uploads).where(uploads.c.id == upload))
