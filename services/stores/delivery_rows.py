"""`Deliveries` on SQL: parcels made of rows, and what came of them written behind the fence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Queue
from schemas.ids import DeliveryId, JobId, MessageId, ProcessId, TenantId, WebhookId
from schemas.webhook import DeliveryState, DisabledReason, EndpointData, Event, EventData, EventType, Try
from services.stores import hook_rows, jobs, outbox_rows
from services.stores.engine import Database, now_us
from services.stores.hook_tables import webhook_deliveries, webhook_messages, webhooks
from services.stores.work_tables import jobs as job_rows
from services.views import rfc3339
from workers.deliver import Parcel

_SECOND = 1_000_000
_LOGGED = 20
"""Tries that a delivery remembers."""

_MESSAGE = (
    webhook_messages.c.id.label("message_id"),
    webhook_messages.c.seq,
    webhook_messages.c.type,
    webhook_messages.c.document_id,
    webhook_messages.c.run_id,
    webhook_messages.c.batch_id,
    webhook_messages.c.webhook_id.label("about_webhook"),
    webhook_messages.c.external_id,
    webhook_messages.c.state.label("message_state"),
    webhook_messages.c.created_at.label("happened_at"),
)
JOINED = webhook_deliveries.join(
    webhook_messages, webhook_messages.c.seq == webhook_deliveries.c.message_seq
).outerjoin(webhooks, webhooks.c.id == webhook_deliveries.c.webhook_id)
SHOWN = (
    webhook_deliveries,
    *_MESSAGE,
    sa.func.coalesce(webhooks.c.url, webhook_deliveries.c.url).label("to"),
)

_PARCEL = (
    sa.select(
        *SHOWN,
        webhooks.c.disabled_at,
        (now_us() - webhooks.c.failing_since).label("failing_us"),
        (now_us() - sa.bindparam("started", type_=sa.BigInteger)).label("age_us"),
        jobs.SERVED,
    )
    .select_from(JOINED)
    .where(webhook_deliveries.c.id == sa.bindparam("delivery"))
)


class SqlDeliveries:
    """`Deliveries` for SQLite and Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, process: ProcessId) -> Parcel | None:
        with self._database.write() as connection:
            jobs.rouse(connection)
            job = jobs.claim(connection, Queue.DELIVER, process)
            if job is None:
                return None
            about = {"delivery": job.delivery_id, "of_queue": job.queue, "of_priority": job.priority}
            row = connection.execute(_PARCEL, {**about, "started": job.created_at}).one()
            jobs.serving(connection, job, row.served)
            tenant = TenantId(job.tenant_id)
            hook_rows.need_secret(connection, tenant, row.webhook_id)
            secrets = [secret.secret for secret in hook_rows.secrets(connection, tenant, row.webhook_id)]
        return _parcel(job, row, secrets)

    def delivered(self, parcel: Parcel, tried: Try) -> None:
        with self._holding(parcel) as connection:
            _end(connection, parcel, tried, DeliveryState.DELIVERED)
            if parcel.webhook is not None:
                hook_rows.reached(connection, parcel.webhook)

    def again(self, parcel: Parcel, tried: Try, delay_s: float) -> None:
        with self._holding(parcel) as connection:
            _note(connection, parcel, tried)
            _later(connection, parcel, delay_s, attempts=job_rows.c.attempts + 1)
            _failing(connection, parcel)

    def give_up(self, parcel: Parcel, tried: Try) -> None:
        with self._holding(parcel) as connection:
            _end(connection, parcel, tried, DeliveryState.FAILED)

    def put_off(self, parcel: Parcel, delay_s: float) -> None:
        with self._holding(parcel) as connection:
            _later(connection, parcel, delay_s, setbacks=job_rows.c.setbacks + 1)

    def disable(self, parcel: Parcel, reason: DisabledReason) -> None:
        assert parcel.webhook is not None
        with self._holding(parcel) as connection:
            if hook_rows.disable(connection, parcel.webhook, reason):
                outbox_rows.endpoint_disabled(connection, parcel.tenant, parcel.webhook)

    @contextmanager
    def _holding(self, parcel: Parcel) -> Iterator[sa.Connection]:
        with self._database.write() as connection:
            jobs.hold(connection, parcel.job, parcel.token)
            yield connection


def event_of(row: sa.Row[Any]) -> Event:
    """What a message says; ``row`` is one of those that `SHOWN` selects."""
    facts = {
        "document_id": row.document_id,
        "run_id": row.run_id,
        "batch_id": row.batch_id,
        "external_id": row.external_id,
        "state": row.message_state,
        "sequence": row.seq,
    }
    about = row.about_webhook
    data = EndpointData(**facts, webhook_id=about) if about is not None else EventData(**facts)
    return Event(type=EventType(row.type), timestamp=rfc3339(row.happened_at) or "", data=data)


def _parcel(job: sa.Row[Any], row: sa.Row[Any], secrets: Sequence[str]) -> Parcel:
    return Parcel(
        job=JobId(job.id),
        token=job.token,
        tenant=TenantId(job.tenant_id),
        delivery=DeliveryId(row.id),
        webhook=WebhookId(row.webhook_id) if row.webhook_id else None,
        url=row.to,
        message=MessageId(row.message_id),
        body=event_of(row).model_dump_json().encode(),
        secrets=tuple(secrets),
        tries=job.attempts,
        put_off=job.setbacks,
        age_s=row.age_us / _SECOND,
        enabled=row.disabled_at is None,
        failing_s=(row.failing_us or 0) / _SECOND,
    )


def _end(connection: sa.Connection, parcel: Parcel, tried: Try, state: DeliveryState) -> None:
    _note(connection, parcel, tried, state=str(state), finished_at=now_us())
    connection.execute(sa.delete(job_rows).where(job_rows.c.id == parcel.job))


def _note(connection: sa.Connection, parcel: Parcel, tried: Try, **values: Any) -> None:
    """Add a try to the log of its delivery, which nobody else writes to while we hold its job."""
    mine = webhook_deliveries.c.id == parcel.delivery
    log = connection.execute(sa.select(webhook_deliveries.c.log).where(mine)).scalar_one()
    log = [*log, tried.model_dump(mode="json")][-_LOGGED:]
    connection.execute(
        sa.update(webhook_deliveries)
        .where(mine)
        .values(log=log, tries=webhook_deliveries.c.tries + 1, **values)
    )


def _later(connection: sa.Connection, parcel: Parcel, delay_s: float, **values: Any) -> None:
    connection.execute(
        sa.update(job_rows)
        .where(job_rows.c.id == parcel.job)
        .values(state="waiting", process_id=None, run_after=now_us() + round(delay_s * _SECOND), **values)
    )


def _failing(connection: sa.Connection, parcel: Parcel) -> None:
    if parcel.webhook is not None:
        connection.execute(
            sa.update(webhooks)
            .where(webhooks.c.id == parcel.webhook, webhooks.c.failing_since.is_(None))
            .values(failing_since=now_us())
        )
