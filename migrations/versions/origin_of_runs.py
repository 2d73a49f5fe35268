"""Which request asked for a run, and where that request stands in a trace.

Revision: origin_of_runs
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText

revision = "origin_of_runs"
down_revision = "named_schemas"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("request_id", CleanText(), nullable=True))
    op.add_column("runs", sa.Column("traceparent", CleanText(), nullable=True))


def downgrade() -> None:
    op.drop_column("runs", "traceparent")
    op.drop_column("runs", "request_id")
