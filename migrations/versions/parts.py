"""Documents that are parts of a scan: their pages and class, and how many parts a scan has.

Revision: parts
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText, Key

revision = "parts"
down_revision = "tenancy"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("parts", sa.Integer(), nullable=True))
    op.add_column("documents", sa.Column("part_first", sa.Integer(), nullable=True))
    op.add_column("documents", sa.Column("part_pages", CleanText(), nullable=True))
    op.add_column("documents", sa.Column("part_class", Key, nullable=True))
    child = sa.text("parent_id IS NOT NULL AND deleted_at IS NULL")
    op.create_index(
        "uq_documents_part",
        "documents",
        ["parent_id", "part_first"],
        unique=True,
        sqlite_where=child,
        postgresql_where=child,
    )


def downgrade() -> None:
    op.drop_index("uq_documents_part", "documents")
    for column in ("part_class", "part_pages", "part_first", "parts"):
        op.drop_column("documents", column)
