"""The log of deliveries: which there are, how they went, and sending one once more."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schemas.ids import TenantId
from schemas.webhook import DeliveryState
from services.stores import jobs, outbox_rows
from services.stores.delivery_rows import JOINED, SHOWN
from services.stores.engine import now_us
from services.stores.hook_tables import webhook_deliveries, webhook_messages
from services.stores.work_tables import jobs as job_rows

Row = sa.Row[*tuple[Any, ...]]

KEPT_US = 30 * 24 * 3_600_000_000
_SOME = 1000


def some(
    connection: sa.Connection,
    tenant: TenantId,
    webhook: str | None,
    *,
    state: DeliveryState | None,
    before: str | None,
    limit: int,
) -> Sequence[Row]:
    """Newest first."""
    query = _shown(tenant, webhook)
    if state is not None:
        query = query.where(webhook_deliveries.c.state == str(state))
    if before is not None:
        query = query.where(webhook_deliveries.c.id < before)
    return connection.execute(query.order_by(webhook_deliveries.c.id.desc()).limit(limit)).all()


def find(connection: sa.Connection, tenant: TenantId, webhook: str | None, delivery: str) -> Row | None:
    query = _shown(tenant, webhook).where(webhook_deliveries.c.id == delivery)
    return connection.execute(query).one_or_none()


def restart(connection: sa.Connection, tenant: TenantId, webhook: str | None, delivery: str) -> bool:
    """Send it once more, now; one that is under way is left to it. False when there is no such delivery."""
    mine = sa.and_(webhook_deliveries.c.id == delivery, _owned(tenant, webhook))
    if connection.scalar(sa.select(webhook_deliveries.c.id).where(mine)) is None:
        return False
    connection.execute(
        sa.update(job_rows)
        .where(job_rows.c.delivery_id == delivery, ~jobs.LEASED)
        .values(run_after=now_us(), created_at=now_us(), attempts=0, setbacks=0)
    )
    pending = str(DeliveryState.PENDING)
    ended = connection.execute(
        sa.update(webhook_deliveries)
        .where(mine, webhook_deliveries.c.state != pending)
        .values(state=pending, finished_at=None)
    )
    if ended.rowcount:
        outbox_rows.start(connection, tenant, [delivery])
    return True


def drop_old(connection: sa.Connection) -> None:
    """What was told long ago goes, unless it is still on its way."""
    pending = sa.exists().where(
        webhook_deliveries.c.message_seq == webhook_messages.c.seq,
        webhook_deliveries.c.state == str(DeliveryState.PENDING),
    )
    old = (
        sa.select(webhook_messages.c.seq)
        .where(webhook_messages.c.created_at < now_us() - KEPT_US, ~pending)
        .limit(_SOME)
    )
    connection.execute(sa.delete(webhook_messages).where(webhook_messages.c.seq.in_(old)))


def _shown(tenant: TenantId, webhook: str | None) -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(*SHOWN, job_rows.c.run_after)
        .select_from(JOINED.outerjoin(job_rows, job_rows.c.delivery_id == webhook_deliveries.c.id))
        .where(_owned(tenant, webhook))
    )


def _owned(tenant: TenantId, webhook: str | None) -> sa.ColumnElement[bool]:
    owner = (
        webhook_deliveries.c.webhook_id.is_(None)
        if webhook is None
        else webhook_deliveries.c.webhook_id == webhook
    )
    return sa.and_(webhook_deliveries.c.tenant_id == tenant, owner)
