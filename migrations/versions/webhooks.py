"""Webhooks: endpoints, secrets, the outbox, deliveries; jobs that belong to no run.

Revision: webhooks
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText, Json, Key, Serial

revision = "webhooks"
down_revision = "open_runs"
branch_labels = None
depends_on = None

_OF_CALLBACKS = sa.text("webhook_id IS NULL AND expires_at IS NULL")
_CALLBACK = sa.text("webhook_id IS NULL")
_DELIVERS = sa.text("delivery_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("url", CleanText(), nullable=False),
        sa.Column("description", CleanText(), nullable=True),
        sa.Column("events", Json, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("disabled_reason", Key, nullable=True),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_tenant_id_id", "webhooks", ["tenant_id", "id"])
    op.create_table(
        "webhook_secrets",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("webhook_id", Key, nullable=True),
        sa.Column("secret", Key, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_secrets_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_webhook_secrets")),
    )
    op.create_index("ix_webhook_secrets_webhook_id", "webhook_secrets", ["webhook_id"])
    op.create_index(
        "uq_webhook_secrets_callbacks",
        "webhook_secrets",
        ["tenant_id"],
        unique=True,
        sqlite_where=_OF_CALLBACKS,
        postgresql_where=_OF_CALLBACKS,
    )
    op.create_table(
        "webhook_messages",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("type", Key, nullable=False),
        sa.Column("document_id", Key, nullable=True),
        sa.Column("run_id", Key, nullable=True),
        sa.Column("batch_id", Key, nullable=True),
        sa.Column("webhook_id", Key, nullable=True),
        sa.Column("external_id", CleanText(), nullable=True),
        sa.Column("state", Key, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_webhook_messages")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_messages_document_id", "webhook_messages", ["document_id"])
    op.create_index("ix_webhook_messages_created_at", "webhook_messages", ["created_at"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("message_seq", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", Key, nullable=True),
        sa.Column("url", CleanText(), nullable=True),
        sa.Column("state", Key, nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("log", Json, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_seq"],
            ["webhook_messages.seq"],
            name=op.f("fk_webhook_deliveries_message_seq"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("ix_webhook_deliveries_message_seq", "webhook_deliveries", ["message_seq"])
    op.create_index("ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"])
    op.create_index(
        "ix_webhook_deliveries_callbacks",
        "webhook_deliveries",
        ["tenant_id", "id"],
        sqlite_where=_CALLBACK,
        postgresql_where=_CALLBACK,
    )
    with op.batch_alter_table("jobs") as jobs:
        jobs.alter_column("document_id", existing_type=Key, nullable=True)
        jobs.alter_column("run_id", existing_type=Key, nullable=True)
        jobs.add_column(sa.Column("delivery_id", Key, nullable=True))
        jobs.create_foreign_key(
            op.f("fk_jobs_delivery_id"), "webhook_deliveries", ["delivery_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index(
        "ix_jobs_delivery_id", "jobs", ["delivery_id"], sqlite_where=_DELIVERS, postgresql_where=_DELIVERS
    )


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE delivery_id IS NOT NULL")
    op.drop_index("ix_jobs_delivery_id", "jobs")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint(op.f("fk_jobs_delivery_id"), type_="foreignkey")
        jobs.drop_column("delivery_id")
        jobs.alter_column("run_id", existing_type=Key, nullable=False)
        jobs.alter_column("document_id", existing_type=Key, nullable=False)
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_messages")
    op.drop_table("webhook_secrets")
    op.drop_table("webhooks")
