"""Jobs that are not due stand apart from those in line, so that claims do not walk over them.

Revision: waiting_jobs
"""

import sqlalchemy as sa
from alembic import op

revision = "waiting_jobs"
down_revision = "api_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_jobs_waiting", "jobs", ["run_after"], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    op.execute("UPDATE jobs SET state = 'ready' WHERE state = 'waiting'")
    op.drop_index("ix_jobs_waiting", "jobs")
