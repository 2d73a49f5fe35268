"""Rows of tenants: made by their first key, with what each may use and keeps."""

from dataclasses import dataclass

import sqlalchemy as sa

from schemas.ids import TenantId
from services.stores import jobs
from services.stores.engine import now_us
from services.stores.tables import tenants


@dataclass(frozen=True, slots=True)
class TenantRow:
    """None: as the service has it (retention), or as many as they like (pages). 0 hours: until deleted."""

    id: TenantId
    retention_hours: int | None
    pages_per_month: int | None


def make(connection: sa.Connection, tenant: TenantId) -> None:
    """There is one of this name from now on."""
    new = {"id": tenant, "name": tenant, "created_at": now_us()}
    connection.execute(jobs.insert(connection.dialect.name, tenants).values(new).on_conflict_do_nothing())


def get(connection: sa.Connection, tenant: TenantId) -> TenantRow | None:
    row = connection.execute(_ROWS.where(tenants.c.id == tenant)).one_or_none()
    return TenantRow(TenantId(row.id), row.retention_hours, row.pages_per_month) if row is not None else None


def all_of(connection: sa.Connection) -> list[TenantRow]:
    rows = connection.execute(_ROWS.order_by(tenants.c.id))
    return [TenantRow(TenantId(row.id), row.retention_hours, row.pages_per_month) for row in rows]


def put(connection: sa.Connection, row: TenantRow) -> None:
    connection.execute(
        sa.update(tenants)
        .where(tenants.c.id == row.id)
        .values(retention_hours=row.retention_hours, pages_per_month=row.pages_per_month)
    )


_ROWS = sa.select(tenants.c.id, tenants.c.retention_hours, tenants.c.pages_per_month)
