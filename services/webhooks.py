"""Endpoints that are told of events: registering, changing, rotating secrets, testing, sending again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Queue
from pipeline.ports import Waker
from schemas.errors import Conflict, NotFound
from schemas.ids import TenantId, WebhookId
from schemas.webhook import DeliveryState, DisabledReason, EventType, Secret
from services import guard
from services.faults import fault
from services.stores import audit_rows, delivery_log, hook_rows, outbox_rows
from services.stores.audit_rows import Action
from services.stores.engine import Database
from services.views import rfc3339
from workers import signing

CALLBACKS = "callbacks"
"""Stands for an endpoint's id where the callback URLs of requests are meant."""

MAX_WEBHOOKS = 50
MAX_SECRETS = 5
OVERLAP_S, MAX_OVERLAP_S = 86_400, 604_800
_SECOND = 1_000_000

Row = hook_rows.Row


@dataclass(frozen=True, slots=True)
class Made:
    """A new endpoint and its secret."""

    row: Row
    secret: str


class Webhooks:
    """The endpoints of one database; each tenant sees its own."""

    def __init__(
        self, database: Database, waker: Waker, allowed: Sequence[guard.Network], *, public: bool = True
    ) -> None:
        """``allowed``, ``public``: which addresses may be named (see `guard.permitted`)."""
        self._database = database
        self._waker = waker
        self._allowed = allowed
        self._public = public

    def check(self, url: str, pointer: str) -> None:
        """Refuse early what would be refused when it is called."""
        try:
            guard.check_target(url, self._allowed, public=self._public)
        except guard.SourceRefused as refused:
            detail = f"{refused.detail}; QUIRE_WEBHOOK_ALLOW can permit a network"
            raise fault(pointer, "target_refused", detail, whole="target_refused") from None

    def add(
        self, tenant: TenantId, url: str, description: str | None, events: Sequence[EventType] | None
    ) -> Made:
        self.check(url, "/url")
        secret = signing.new_secret()
        with self._database.write() as connection:
            if hook_rows.count(connection, tenant) >= MAX_WEBHOOKS:
                raise Conflict("too_many_webhooks", f"there are {MAX_WEBHOOKS} endpoints already")
            new = hook_rows.add(connection, tenant, url, description, events)
            hook_rows.add_secret(connection, tenant, new, secret)
            row = hook_rows.find(connection, tenant, new)
            audit_rows.note(connection, tenant, Action.WEBHOOK_CREATED, new)
        assert row is not None
        return Made(row, secret)

    def some(self, tenant: TenantId, after: str, limit: int) -> Sequence[Row]:
        with self._database.read() as connection:
            return hook_rows.some(connection, tenant, after, limit)

    def get(self, tenant: TenantId, webhook: str) -> Row:
        with self._database.read() as connection:
            return _there(hook_rows.find(connection, tenant, webhook))

    def change(
        self, tenant: TenantId, webhook: str, values: dict[str, Any], *, enabled: bool | None = None
    ) -> Row:
        """``enabled``: false stops deliveries, true goes on with those that waited."""
        if "url" in values:
            self.check(values["url"], "/url")

        def write(connection: sa.Connection) -> Row:
            _there(hook_rows.find(connection, tenant, webhook, lock=True))
            if values:
                hook_rows.change(connection, webhook, **values)
            if enabled is True:
                hook_rows.enable(connection, webhook)
            elif enabled is False:
                hook_rows.disable(connection, webhook, DisabledReason.REQUESTED)
            audit_rows.note(connection, tenant, Action.WEBHOOK_CHANGED, webhook)
            return _there(hook_rows.find(connection, tenant, webhook))

        row = self._database.settle(write)
        self._waker.wake(Queue.DELIVER)
        return row

    def remove(self, tenant: TenantId, webhook: str) -> None:
        def write(connection: sa.Connection) -> None:
            if not hook_rows.remove(connection, tenant, webhook):
                raise _nothing()
            audit_rows.note(connection, tenant, Action.WEBHOOK_DELETED, webhook)

        self._database.settle(write)

    def rotate(self, tenant: TenantId, webhook: str, overlap_s: int) -> Secret:
        """A new secret; those in use sign beside it for so long."""
        owner = None if webhook == CALLBACKS else webhook
        secret = signing.new_secret()
        with self._database.write() as connection:
            if owner is not None:
                _there(hook_rows.find(connection, tenant, owner, lock=True))
            if len(hook_rows.secrets(connection, tenant, owner)) >= MAX_SECRETS:
                raise Conflict(
                    "too_many_secrets", f"{MAX_SECRETS} secrets sign already; wait until one has expired"
                )
            hook_rows.retire_secrets(connection, tenant, owner, overlap_s * _SECOND)
            hook_rows.add_secret(connection, tenant, owner, secret)
            audit_rows.note(connection, tenant, Action.WEBHOOK_ROTATED, webhook)
            return _secret(hook_rows.secrets(connection, tenant, owner))

    def callback_secret(self, tenant: TenantId) -> Secret:
        """With which the tenant's callback URLs are signed; made when first asked for."""
        with self._database.write() as connection:
            hook_rows.need_secret(connection, tenant, None)
            return _secret(hook_rows.secrets(connection, tenant, None))

    def test(self, tenant: TenantId, webhook: str) -> delivery_log.Row:
        """Send an event that means nothing, whatever the endpoint's filter."""
        with self._database.write() as connection:
            _open(_there(hook_rows.find(connection, tenant, webhook, lock=True)))
            ident = WebhookId(webhook)
            notice = outbox_rows.Notice(EventType.WEBHOOK_TEST, "test", webhook=ident)
            (delivery,) = outbox_rows.send(connection, tenant, notice, [outbox_rows.Receiver(webhook=ident)])
            row = delivery_log.find(connection, tenant, webhook, delivery)
            audit_rows.note(connection, tenant, Action.WEBHOOK_TESTED, webhook)
        self._waker.wake(Queue.DELIVER)
        assert row is not None
        return row

    def deliveries(
        self, tenant: TenantId, webhook: str, state: DeliveryState | None, before: str | None, limit: int
    ) -> Sequence[delivery_log.Row]:
        """Newest first."""
        with self._database.read() as connection:
            owner = _owner(connection, tenant, webhook)
            return delivery_log.some(connection, tenant, owner, state=state, before=before, limit=limit)

    def delivery(self, tenant: TenantId, webhook: str, delivery: str) -> delivery_log.Row:
        with self._database.read() as connection:
            owner = _owner(connection, tenant, webhook)
            return _delivery(delivery_log.find(connection, tenant, owner, delivery))

    def redeliver(self, tenant: TenantId, webhook: str, delivery: str) -> delivery_log.Row:
        """Send it once more, whatever came of it; what waits for its next try goes now."""

        def write(connection: sa.Connection) -> delivery_log.Row:
            owner = _owner(connection, tenant, webhook)
            if owner is not None:
                _open(_there(hook_rows.find(connection, tenant, owner)))
            if not delivery_log.restart(connection, tenant, owner, delivery):
                raise _no_delivery()
            audit_rows.note(connection, tenant, Action.DELIVERY_REDELIVERED, delivery)
            return _delivery(delivery_log.find(connection, tenant, owner, delivery))

        row = self._database.settle(write)
        self._waker.wake(Queue.DELIVER)
        return row


def _owner(connection: sa.Connection, tenant: TenantId, webhook: str) -> str | None:
    """The endpoint's id, None for callback URLs."""
    if webhook == CALLBACKS:
        return None
    return str(_there(hook_rows.find(connection, tenant, webhook)).id)


def _secret(rows: Sequence[Row]) -> Secret:
    older = [row.expires_at for row in rows[1:]]
    return Secret(secret=rows[0].secret, previous_expires_at=rfc3339(max(older)) if older else None)


def _there(row: Row | None) -> Row:
    if row is None:
        raise _nothing()
    return row


def _open(row: Row) -> None:
    if row.disabled_at is not None:
        raise Conflict("webhook_disabled", 'the endpoint is disabled; PATCH it with {"enabled": true} first')


def _delivery(row: delivery_log.Row | None) -> delivery_log.Row:
    if row is None:
        raise _no_delivery()
    return row


def _nothing() -> NotFound:
    return NotFound("webhook_not_found", "there is no such webhook")


def _no_delivery() -> NotFound:
    return NotFound("delivery_not_found", "the webhook has no such delivery")
