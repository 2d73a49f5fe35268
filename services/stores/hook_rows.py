"""Endpoints and signing secrets as rows, each its tenant's."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schemas.ids import TenantId, WebhookId, webhook_id
from schemas.webhook import DeliveryState, DisabledReason, EventType
from services.stores import jobs
from services.stores.engine import now_us
from services.stores.hook_tables import webhook_deliveries, webhook_secrets, webhooks
from services.stores.work_tables import jobs as job_rows
from workers import signing

Row = sa.Row[*tuple[Any, ...]]


def add(
    connection: sa.Connection,
    tenant: TenantId,
    url: str,
    description: str | None,
    events: Sequence[EventType] | None,
) -> WebhookId:
    new = webhook_id()
    connection.execute(
        webhooks.insert().values(
            id=new,
            tenant_id=tenant,
            url=url,
            description=description,
            events=_names(events),
            created_at=now_us(),
        )
    )
    return new


def find(connection: sa.Connection, tenant: TenantId, webhook: str, *, lock: bool = False) -> Row | None:
    query = sa.select(webhooks).where(webhooks.c.id == webhook, webhooks.c.tenant_id == tenant)
    return connection.execute(query.with_for_update() if lock else query).one_or_none()


def some(connection: sa.Connection, tenant: TenantId, after: str, limit: int) -> Sequence[Row]:
    """In the order in which they were made."""
    query = sa.select(webhooks).where(webhooks.c.tenant_id == tenant, webhooks.c.id > after)
    return connection.execute(query.order_by(webhooks.c.id).limit(limit)).all()


def count(connection: sa.Connection, tenant: TenantId) -> int:
    query = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.tenant_id == tenant)
    return int(connection.scalar(query) or 0)


def change(connection: sa.Connection, webhook: str, **values: Any) -> None:
    if "events" in values:
        values["events"] = _names(values["events"])
    connection.execute(sa.update(webhooks).where(webhooks.c.id == webhook).values(**values))


def enable(connection: sa.Connection, webhook: str) -> None:
    """What is on its way goes on now."""
    change(connection, webhook, disabled_at=None, disabled_reason=None, failing_since=None)
    _hurry(connection, webhook, sa.true())


def reached(connection: sa.Connection, webhook: str) -> None:
    """Something got through. After a silence that is the moment for what was put off because of it.

    What was refused keeps its delays: it may be the message that the receiver cannot take.
    """
    # Mostly there is nothing to change, and then nobody waits for a lock.
    broken = webhooks.c.id == webhook, webhooks.c.failing_since.is_not(None)
    if connection.execute(sa.update(webhooks).where(*broken).values(failing_since=None)).rowcount:
        _hurry(connection, webhook, sa.and_(job_rows.c.attempts == 0, job_rows.c.setbacks > 0))


def _hurry(connection: sa.Connection, webhook: str, which: sa.ColumnElement[bool]) -> None:
    pending = sa.select(webhook_deliveries.c.id).where(
        webhook_deliveries.c.webhook_id == webhook,
        webhook_deliveries.c.state == str(DeliveryState.PENDING),
    )
    connection.execute(
        sa.update(job_rows)
        .where(job_rows.c.delivery_id.in_(pending), jobs.WAITING, which)
        .values(run_after=now_us())
    )


def disable(connection: sa.Connection, webhook: str, reason: DisabledReason) -> bool:
    """False when it was disabled already."""
    changed = connection.execute(
        sa.update(webhooks)
        .where(webhooks.c.id == webhook, webhooks.c.disabled_at.is_(None))
        .values(disabled_at=now_us(), disabled_reason=str(reason))
    )
    return changed.rowcount == 1


def remove(connection: sa.Connection, tenant: TenantId, webhook: str) -> bool:
    """With its secrets, its deliveries and their jobs."""
    gone = sa.delete(webhooks).where(webhooks.c.id == webhook, webhooks.c.tenant_id == tenant)
    return connection.execute(gone).rowcount == 1


def add_secret(connection: sa.Connection, tenant: TenantId, webhook: str | None, secret: str) -> None:
    values = {"tenant_id": tenant, "webhook_id": webhook, "secret": secret}
    statement = jobs.insert(connection.dialect.name, webhook_secrets).values(**values, created_at=now_us())
    connection.execute(statement.on_conflict_do_nothing())


def need_secret(connection: sa.Connection, tenant: TenantId, webhook: str | None) -> None:
    """There is one to sign with from now on."""
    if not secrets(connection, tenant, webhook):
        add_secret(connection, tenant, webhook, signing.new_secret())


def secrets(connection: sa.Connection, tenant: TenantId, webhook: str | None) -> Sequence[Row]:
    """Those that sign now, the newest first."""
    query = (
        sa.select(webhook_secrets.c.seq, webhook_secrets.c.secret, webhook_secrets.c.expires_at)
        .where(
            webhook_secrets.c.tenant_id == tenant,
            _owned(webhook),
            sa.or_(webhook_secrets.c.expires_at.is_(None), webhook_secrets.c.expires_at > now_us()),
        )
        .order_by(webhook_secrets.c.seq.desc())
    )
    return connection.execute(query).all()


def retire_secrets(connection: sa.Connection, tenant: TenantId, webhook: str | None, overlap_us: int) -> None:
    """Those in use sign for so long yet, or less if they were retired before; those expired are erased."""
    mine = sa.and_(webhook_secrets.c.tenant_id == tenant, _owned(webhook))
    connection.execute(sa.delete(webhook_secrets).where(mine, webhook_secrets.c.expires_at <= now_us()))
    until = now_us() + overlap_us
    later = sa.or_(webhook_secrets.c.expires_at.is_(None), webhook_secrets.c.expires_at > until)
    connection.execute(sa.update(webhook_secrets).where(mine, later).values(expires_at=until))


def _owned(webhook: str | None) -> sa.ColumnElement[bool]:
    if webhook is None:
        return webhook_secrets.c.webhook_id.is_(None)
    return webhook_secrets.c.webhook_id == webhook


def _names(events: Sequence[EventType] | None) -> list[str] | None:
    return None if events is None else [str(event) for event in events]
