"""Pages that wait for another run's page; room on the pages of tables whose rows change all the time.

Revision: reused_pages
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import Key

revision = "reused_pages"
down_revision = "queries"
branch_labels = None
depends_on = None

# Rows are written anew with each change, on the same page if it has room: then no index is touched.
_ROOM = {"jobs": 80, "pages": 80, "runs": 60, "queues": 20, "turns": 20, "processes": 20}
# The default waits until a fifth of a table is dead, which for a queue is most of what a claim walks over.
_BUSY = ("jobs", "queues", "turns", "processes")


def upgrade() -> None:
    op.add_column("pages", sa.Column("waits_for", Key, nullable=True))
    op.add_column("pages", sa.Column("wanted", sa.Boolean(), nullable=False, server_default=sa.false()))
    waits = sa.text("waits_for IS NOT NULL")
    op.create_index(
        "ix_pages_waits_for",
        "pages",
        ["tenant_id", "waits_for"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    if op.get_bind().dialect.name == "postgresql":
        for table, room in _ROOM.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {room})")
        for table in _BUSY:
            op.execute(
                f"ALTER TABLE {table} SET "
                "(autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500)"
            )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in _ROOM:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
        for table in _BUSY:
            op.execute(
                f"ALTER TABLE {table} RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)"
            )
    op.drop_index("ix_pages_waits_for", "pages")
    op.drop_column("pages", "wanted")
    op.drop_column("pages", "waits_for")
