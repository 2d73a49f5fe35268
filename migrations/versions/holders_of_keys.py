"""Which process holds an idempotency key whose request is running.

Revision: holders_of_keys
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import Key

revision = "holders_of_keys"
down_revision = "uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency", sa.Column("process_id", Key, nullable=True))


def downgrade() -> None:
    op.drop_column("idempotency", "process_id")
