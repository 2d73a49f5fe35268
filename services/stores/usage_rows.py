"""What tenants spent, month by month: kept apart from runs, so that it outlives deleted documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from schemas.errors import Refused
from schemas.ids import TenantId
from schemas.result import Usage
from services.stores import jobs
from services.stores.access_tables import usage_months
from services.stores.engine import now_us
from services.stores.tables import tenants

_SPENT = tuple(Usage.model_fields)
_SECOND = 1_000_000


class QuotaExceeded(Refused):
    """The tenant has had its pages of this month."""

    status = 429
    code = "quota_exceeded"
    retryable = True


class this_month(FunctionElement[str]):  # noqa: N801  # reads as the SQL function it is
    """The month by the database's clock, in UTC: ``2026-11``."""

    type = sa.Text()
    inherit_cache = True


@compiles(this_month, "sqlite")
def _month_sqlite(element: this_month, compiler: Any, **kw: Any) -> str:  # noqa: ARG001  # fixed by SQLAlchemy
    return "strftime('%Y-%m', 'now')"


@compiles(this_month, "postgresql")
def _month_postgres(element: this_month, compiler: Any, **kw: Any) -> str:  # noqa: ARG001  # fixed by SQLAlchemy
    return "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM')"


@dataclass(frozen=True, slots=True)
class Quota:
    """Pages a month; None: as many as they like. ``taken``: this month, so far."""

    pages: int | None
    taken: int
    resets_s: float
    """Seconds until the next month begins."""

    @property
    def left(self) -> int | None:
        return None if self.pages is None else max(0, self.pages - self.taken)


def quota_of(connection: sa.Connection, tenant: TenantId) -> Quota:
    row = connection.execute(_QUOTA, {"of_tenant": tenant}).one()
    return Quota(row.pages, int(row.taken), _until_next(row.month, row.now))


def admit(connection: sa.Connection, tenant: TenantId, pages: int) -> None:
    """Count pages that are going to be read, in the transaction that adds them; or refuse them all.

    The row of the month is locked last of all that a transaction locks.
    """
    if pages == 0:
        return
    _add(connection, tenant, {"admitted": pages})
    quota = quota_of(connection, tenant)
    if quota.pages is not None and quota.taken > quota.pages:
        left = max(0, quota.pages - (quota.taken - pages))
        raise exceeded(quota.pages, f"{pages} pages are more than the {left} left", quota.resets_s)


def exceeded(allowed: int, why: str, resets_s: float) -> QuotaExceeded:
    return QuotaExceeded(detail=f"{why} of {allowed} a month", retry_after_s=resets_s)


def spend(connection: sa.Connection, tenant: TenantId, run: sa.Row[Any]) -> None:
    """What a run spent, when it ends or is deleted."""
    _add(connection, tenant, {name: getattr(run, f"usage_{name}") for name in _SPENT} | {"runs": 1})


def months(connection: sa.Connection, tenant: TenantId, limit: int) -> list[sa.Row[Any]]:
    """Newest first."""
    return list(
        connection.execute(
            sa.select(usage_months)
            .where(usage_months.c.tenant_id == tenant)
            .order_by(usage_months.c.month.desc())
            .limit(limit)
        )
    )


def _add(connection: sa.Connection, tenant: TenantId, more: Mapping[str, int]) -> None:
    insert = jobs.insert(connection.dialect.name, usage_months).values(
        tenant_id=tenant, month=this_month(), **more
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["tenant_id", "month"],
            set_={name: usage_months.c[name] + insert.excluded[name] for name in more},
        )
    )


def _until_next(month: str, now: int) -> float:
    year, number = (int(part) for part in month.split("-"))
    first = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return max(1.0, first.timestamp() - now / _SECOND)


_TENANT: sa.BindParameter[str] = sa.bindparam("of_tenant")
_QUOTA = sa.select(
    sa.select(tenants.c.pages_per_month).where(tenants.c.id == _TENANT).scalar_subquery().label("pages"),
    sa.func.coalesce(
        sa.select(usage_months.c.admitted)
        .where(usage_months.c.tenant_id == _TENANT, usage_months.c.month == this_month())
        .scalar_subquery(),
        0,
    ).label("taken"),
    this_month().label("month"),
    now_us().label("now"),
)
