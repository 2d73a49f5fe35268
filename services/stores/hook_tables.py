"""The tables of webhooks: endpoints, their secrets, what there is to tell, and how each telling went."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, Table, text

from services.stores.columns import CleanText, Json, Key, Micros, Serial
from services.stores.tables import metadata

# Registered endpoints. `events`: types it is told of, null for all. While `disabled_at` is set it is sent
# nothing; reason: requested, gone, failing. `failing_since`: of the first failure since the last success.
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("url", CleanText, nullable=False),
    Column("description", CleanText),
    Column("events", Json),
    Column("created_at", Micros, nullable=False),
    Column("disabled_at", Micros),
    Column("disabled_reason", Key),
    Column("failing_since", Micros),
    Index("ix_webhooks_tenant_id_id", "tenant_id", "id"),
)

# Without a webhook: the tenant's secret for callback URLs. Until it expires, a replaced one signs too.
webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", Key, nullable=False),
    Column("webhook_id", Key),
    Column("secret", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros),
    ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
    Index("ix_webhook_secrets_webhook_id", "webhook_id"),
)
# Of two requests that find no secret for callbacks, one makes it.
_OF_CALLBACKS = text("webhook_id IS NULL AND expires_at IS NULL")
Index("uq_webhook_secrets_callbacks", webhook_secrets.c.tenant_id, unique=True,
      sqlite_where=_OF_CALLBACKS, postgresql_where=_OF_CALLBACKS)  # fmt: skip

# The outbox: written in the transaction of what it tells, if there is anybody to tell. `seq` is the sequence
# of the event, `id` the `webhook-id` header; `webhook_id` is set where the event is about an endpoint.
webhook_messages = Table(
    "webhook_messages",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Key, nullable=False),
    Column("tenant_id", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("document_id", Key),
    Column("run_id", Key),
    Column("batch_id", Key),
    Column("webhook_id", Key),
    Column("external_id", CleanText),
    Column("state", Key, nullable=False),
    Column("created_at", Micros, nullable=False),
    Index("ix_webhook_messages_document_id", "document_id"),
    Index("ix_webhook_messages_created_at", "created_at"),
    sqlite_autoincrement=True,
)

# A message on its way to one receiver: an endpoint, or the callback URL of a request (`url`, no webhook).
# state: pending, delivered, failed. `tries` counts; `log` holds the last of them (schemas.webhook.Try).
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("message_seq", BigInteger, nullable=False),
    Column("webhook_id", Key),
    Column("url", CleanText),
    Column("state", Key, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("log", Json, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("finished_at", Micros),
    ForeignKeyConstraint(["message_seq"], ["webhook_messages.seq"], ondelete="CASCADE"),
    ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
    Index("ix_webhook_deliveries_message_seq", "message_seq"),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
)
_CALLBACK = text("webhook_id IS NULL")
Index("ix_webhook_deliveries_callbacks", webhook_deliveries.c.tenant_id, webhook_deliveries.c.id,
      sqlite_where=_CALLBACK, postgresql_where=_CALLBACK)  # fmt: skip
