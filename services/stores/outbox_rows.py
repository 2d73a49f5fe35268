"""The outbox of webhooks: a message and its deliveries, written in the transaction of what they tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Queue
from schemas.ids import BatchId, DocumentId, RunId, TenantId, WebhookId, delivery_id, message_id
from schemas.result import RunState
from schemas.webhook import DeliveryState, EventType
from services.stores import jobs
from services.stores.engine import now_us
from services.stores.hook_tables import webhook_deliveries, webhook_messages, webhooks
from services.stores.tables import documents

PRIORITY = 0
"""Of all deliveries: they wait for turns of their tenants, whatever the document's was."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened."""

    type: EventType
    state: str
    document: DocumentId | None = None
    run: RunId | None = None
    batch: BatchId | None = None
    external_id: str | None = None
    webhook: WebhookId | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """An endpoint, or a callback URL."""

    webhook: WebhookId | None = None
    url: str | None = None


_ENDPOINTS = (
    sa.select(webhooks.c.id, webhooks.c.events)
    .where(webhooks.c.tenant_id == sa.bindparam("of_tenant"), webhooks.c.disabled_at.is_(None))
    .order_by(webhooks.c.id)
    .with_for_update(read=True, key_share=True)  # they stay until the deliveries that name them are written
)
_ABOUT = sa.select(documents.c.external_id, documents.c.batch_id).where(
    documents.c.id == sa.bindparam("of_document")
)
_MESSAGE = webhook_messages.insert().values(created_at=now_us()).returning(webhook_messages.c.seq)
_DELIVERY = webhook_deliveries.insert().values(
    state=str(DeliveryState.PENDING), log=[], created_at=now_us(), tries=0
)


def document_changed(
    connection: sa.Connection,
    run: sa.Row[Any],
    type_: EventType,
    state: str,
) -> None:
    """Tell of a document in the light of one of its runs."""
    tenant = TenantId(run.tenant_id)
    receivers = _receivers(connection, tenant, type_, run.request.get("callback_url"))
    if not receivers:
        return
    about = connection.execute(_ABOUT, {"of_document": run.document_id}).one()
    batch = BatchId(about.batch_id) if about.batch_id else None
    notice = Notice(type_, state, DocumentId(run.document_id), RunId(run.id), batch, about.external_id)
    send(connection, tenant, notice, receivers)


def run_ended(connection: sa.Connection, run: sa.Row[Any], state: RunState) -> None:
    document_changed(connection, run, EventType(f"document.{state}"), str(state))


def batch_finished(
    connection: sa.Connection,
    tenant: TenantId,
    batch: BatchId,
    state: str,
    *,
    external_id: str | None = None,
    callback_url: str | None = None,
) -> None:
    """To be called in the transaction that ends a batch; wake the queue `deliver` once it is committed."""
    receivers = _receivers(connection, tenant, EventType.BATCH_FINISHED, callback_url)
    if receivers:
        notice = Notice(EventType.BATCH_FINISHED, state, batch=batch, external_id=external_id)
        send(connection, tenant, notice, receivers)


def endpoint_disabled(connection: sa.Connection, tenant: TenantId, webhook: WebhookId) -> None:
    """Tell the other endpoints."""
    receivers = _receivers(connection, tenant, EventType.WEBHOOK_DISABLED, None)
    others = [receiver for receiver in receivers if receiver.webhook != webhook]
    if others:
        send(connection, tenant, Notice(EventType.WEBHOOK_DISABLED, "disabled", webhook=webhook), others)


def send(
    connection: sa.Connection, tenant: TenantId, notice: Notice, receivers: Sequence[Receiver]
) -> list[str]:
    """Write a message with its deliveries and their jobs; the deliveries' ids."""
    message = {
        "id": message_id(),
        "tenant_id": tenant,
        "type": str(notice.type),
        "document_id": notice.document,
        "run_id": notice.run,
        "batch_id": notice.batch,
        "webhook_id": notice.webhook,
        "external_id": notice.external_id,
        "state": notice.state,
    }
    seq = connection.execute(_MESSAGE, message).scalar_one()
    rows = [
        {
            "id": delivery_id(),
            "tenant_id": tenant,
            "message_seq": seq,
            "webhook_id": receiver.webhook,
            "url": receiver.url,
        }
        for receiver in receivers
    ]
    connection.execute(_DELIVERY, rows)
    ids = [str(row["id"]) for row in rows]
    start(connection, tenant, ids)
    return ids


def start(connection: sa.Connection, tenant: TenantId, deliveries: Sequence[str]) -> None:
    """Jobs for deliveries that have none."""
    work = [(None, None, jobs.Work(delivery=delivery)) for delivery in deliveries]
    jobs.add_for(connection, tenant, str(Queue.DELIVER), PRIORITY, work)


def forget_document(connection: sa.Connection, document: DocumentId) -> None:
    """What was said of a deleted document goes: its callbacks, its external id, answers that may repeat it.

    Endpoints are still told of what had happened before, by the ids alone.
    """
    of_document = sa.select(webhook_messages.c.seq).where(webhook_messages.c.document_id == document)
    told = webhook_deliveries.c.message_seq.in_(of_document)
    connection.execute(sa.delete(webhook_deliveries).where(told, webhook_deliveries.c.webhook_id.is_(None)))
    connection.execute(sa.update(webhook_deliveries).where(told).values(log=[]))
    connection.execute(
        sa.update(webhook_messages).where(webhook_messages.c.document_id == document).values(external_id=None)
    )


def forget_batch(connection: sa.Connection, batch: BatchId) -> None:
    """The same of a deleted batch; what was said of its documents is theirs."""
    mine = sa.and_(webhook_messages.c.batch_id == batch, webhook_messages.c.document_id.is_(None))
    told = webhook_deliveries.c.message_seq.in_(sa.select(webhook_messages.c.seq).where(mine))
    connection.execute(sa.delete(webhook_deliveries).where(told, webhook_deliveries.c.webhook_id.is_(None)))
    connection.execute(sa.update(webhook_deliveries).where(told).values(log=[]))
    connection.execute(sa.update(webhook_messages).where(mine).values(external_id=None))


def _receivers(
    connection: sa.Connection, tenant: TenantId, type_: EventType, callback_url: str | None
) -> list[Receiver]:
    wanted = [
        row.id
        for row in connection.execute(_ENDPOINTS, {"of_tenant": tenant})
        if row.events is None or str(type_) in row.events
    ]
    callbacks = [Receiver(url=callback_url)] if callback_url else []
    return callbacks + [Receiver(webhook=WebhookId(webhook)) for webhook in wanted]
