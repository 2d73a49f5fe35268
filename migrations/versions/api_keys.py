"""Keys that callers show, each of one tenant.

Revision: api_keys
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText, Key

revision = "api_keys"
down_revision = "webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("digest", Key, nullable=False),
        sa.Column("scopes", Key, nullable=False),
        sa.Column("replaces", Key, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index("uq_api_keys_digest", "api_keys", ["digest"], unique=True)
    op.create_index("ix_api_keys_tenant_id_id", "api_keys", ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_table("api_keys")
