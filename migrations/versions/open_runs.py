"""Runs under way can be found without looking at the others.

Revision: open_runs
"""

import sqlalchemy as sa
from alembic import op

revision = "open_runs"
down_revision = "reused_pages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    under_way = sa.text("state IN ('queued', 'processing')")
    op.create_index("ix_runs_open", "runs", ["tenant_id"], sqlite_where=under_way, postgresql_where=under_way)


def downgrade() -> None:
    op.drop_index("ix_runs_open", "runs")
