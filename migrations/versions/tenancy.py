"""What tenants may use and keep, what they spent, who did what; answers that are forgotten with a document.

Revision: tenancy
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText, Key, Serial

revision = "tenancy"
down_revision = "batches"
branch_labels = None
depends_on = None

_SUMS = ("admitted", "runs", "pages", "reused_pages", "visual_tokens", "prompt_tokens", "completion_tokens")


def upgrade() -> None:
    op.add_column("tenants", sa.Column("retention_hours", sa.Integer(), nullable=True))
    op.add_column("tenants", sa.Column("pages_per_month", sa.BigInteger(), nullable=True))
    op.add_column("api_keys", sa.Column("rate_per_minute", sa.Integer(), nullable=True))
    op.add_column("idempotency", sa.Column("document_id", Key, nullable=True))
    made = sa.text("document_id IS NOT NULL")
    op.create_index(
        "ix_idempotency_document_id",
        "idempotency",
        ["document_id"],
        sqlite_where=made,
        postgresql_where=made,
    )
    op.create_table(
        "rate_buckets",
        sa.Column("key_id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_rate_buckets")),
    )
    op.create_table(
        "usage_months",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("month", Key, nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("tenant_id", "month", name=op.f("pk_usage_months")),
    )
    op.create_table(
        "audit",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", CleanText(), nullable=False),
        sa.Column("key_id", Key, nullable=True),
        sa.Column("action", Key, nullable=False),
        sa.Column("object_id", Key, nullable=False),
        sa.Column("request_id", Key, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_tenant_id_seq", "audit", ["tenant_id", "seq"])
    op.create_index("ix_audit_tenant_id_object_id", "audit", ["tenant_id", "object_id"])
    op.create_index("ix_audit_at", "audit", ["at"])


def downgrade() -> None:
    for table in ("audit", "usage_months", "rate_buckets"):
        op.drop_table(table)
    op.drop_index("ix_idempotency_document_id", "idempotency")
    op.drop_column("idempotency", "document_id")
    op.drop_column("api_keys", "rate_per_minute")
    op.drop_column("tenants", "pages_per_month")
    op.drop_column("tenants", "retention_hours")
