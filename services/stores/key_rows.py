"""Rows of API keys: made, found by their digest, replaced, ended; the key itself never comes here."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schemas.ids import KeyId, TenantId
from services.stores import tenant_rows
from services.stores.access_tables import api_keys
from services.stores.engine import now_us


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it stands; times in microseconds. ``expired`` by the database's clock."""

    id: KeyId
    tenant: TenantId
    name: str
    scopes: str
    replaces: KeyId | None
    rate_per_minute: int | None
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    expired: bool
    idle: bool
    """Its use has not been noted for a while."""


_NOTED_US = 60_000_000
"""When a key was last used is kept to the minute: a write for every request would cost more than most do."""

_ROWS = sa.select(
    api_keys.c.id,
    api_keys.c.tenant_id,
    api_keys.c.name,
    api_keys.c.scopes,
    api_keys.c.replaces,
    api_keys.c.rate_per_minute,
    api_keys.c.created_at,
    api_keys.c.expires_at,
    api_keys.c.revoked_at,
    api_keys.c.last_used_at,
    sa.func.coalesce(api_keys.c.expires_at <= now_us(), sa.false()).label("expired"),
    sa.func.coalesce(api_keys.c.last_used_at < now_us() - _NOTED_US, sa.true()).label("idle"),
)
_BY_DIGEST = _ROWS.where(api_keys.c.digest == sa.bindparam("of_digest"))
_ALIVE = sa.and_(
    api_keys.c.revoked_at.is_(None),
    sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now_us()),
)


def find(connection: sa.Connection, digest: str) -> KeyRow | None:
    row = connection.execute(_BY_DIGEST, {"of_digest": digest}).one_or_none()
    return _row(row) if row is not None else None


def get(connection: sa.Connection, key: str) -> KeyRow | None:
    row = connection.execute(_ROWS.where(api_keys.c.id == key)).one_or_none()
    return _row(row) if row is not None else None


def all_of(connection: sa.Connection, tenant: TenantId | None) -> list[KeyRow]:
    """Oldest first, of one tenant or of all."""
    query = _ROWS.order_by(api_keys.c.id)
    if tenant is not None:
        query = query.where(api_keys.c.tenant_id == tenant)
    return [_row(row) for row in connection.execute(query)]


def any_alive(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(api_keys.c.id).where(_ALIVE).limit(1)).first() is not None


def add(
    connection: sa.Connection,
    key: KeyId,
    tenant: TenantId,
    digest: str,
    *,
    name: str,
    scopes: str,
    lifetime_us: int | None = None,
    rate_per_minute: int | None = None,
    replaces: KeyId | None = None,
) -> None:
    """A new key; its tenant is made if there is none of that name."""
    tenant_rows.make(connection, tenant)
    connection.execute(
        api_keys.insert().values(
            id=key,
            tenant_id=tenant,
            name=name,
            digest=digest,
            scopes=scopes,
            replaces=replaces,
            rate_per_minute=rate_per_minute,
            created_at=now_us(),
            expires_at=now_us() + lifetime_us if lifetime_us is not None else None,
        )
    )


def end_within(connection: sa.Connection, key: KeyId, left_us: int) -> None:
    """Have a key end after this time, unless it ends earlier anyway."""
    end = now_us() + left_us
    connection.execute(
        sa.update(api_keys)
        .where(api_keys.c.id == key, sa.or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > end))
        .values(expires_at=end)
    )


def revoke(connection: sa.Connection, key: KeyId) -> None:
    connection.execute(
        sa.update(api_keys)
        .where(api_keys.c.id == key, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=now_us())
    )


def used(connection: sa.Connection, key: KeyId) -> None:
    connection.execute(sa.update(api_keys).where(api_keys.c.id == key).values(last_used_at=now_us()))


def _row(row: sa.Row[*tuple[Any, ...]]) -> KeyRow:
    return KeyRow(
        KeyId(row.id),
        TenantId(row.tenant_id),
        row.name,
        row.scopes,
        row.replaces,
        row.rate_per_minute,
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.last_used_at,
        expired=bool(row.expired),
        idle=bool(row.idle),
    )
