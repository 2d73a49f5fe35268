"""Finds one field of a run by its path: what a query asks of documents that another condition has found.

Revision: field_places
"""

from alembic import op

revision = "field_places"
down_revision = "parts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_fields_run_id_path", "fields", ["run_id", "path"])


def downgrade() -> None:
    op.drop_index("ix_fields_run_id_path", "fields")
