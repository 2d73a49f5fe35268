"""Batches, their members, the log of how members ended.

Revision: batches
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText, Json, Key, Serial

revision = "batches"
down_revision = "waiting_jobs"
branch_labels = None
depends_on = None

_COUNTS = ("pending", "succeeded", "partial", "failed", "cancelled", "refused", "deleted")
_ZERO = sa.text("0")


def upgrade() -> None:
    _batches()
    _members()
    _log()


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("kind", Key, nullable=False),
        sa.Column("filename", CleanText(), nullable=True),
        sa.Column("media_type", Key, nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("digest", Key, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("prefix", CleanText(), nullable=True),
        sa.Column("request", Json, nullable=False),
        sa.Column("schema_ref", CleanText(), nullable=True),
        sa.Column("schema", Json, nullable=True),
        sa.Column("password", CleanText(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("error", Json, nullable=True),
        sa.Column("task", Key, nullable=False),
        sa.Column("job_id", Key, nullable=True),
        sa.Column("at", Key, nullable=True),
        sa.Column("position", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("listed", CleanText(), nullable=True),
        sa.Column("unpacked", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("skipped", Json, nullable=False),
        *(sa.Column(name, sa.Integer(), server_default=_ZERO, nullable=False) for name in _COUNTS),
        sa.Column("sequence", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expanded_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested_at", sa.BigInteger(), nullable=True),
        sa.Column("request_id", CleanText(), nullable=True),
        sa.Column("traceparent", CleanText(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_tenant_id_id", "batches", ["tenant_id", "id"])
    _partial("ix_batches_open", "batches", ["id"], "state IN ('queued', 'processing')")


def _members() -> None:
    op.create_table(
        "batch_members",
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("name", CleanText(), nullable=True),
        sa.Column("external_id", CleanText(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("media_type", Key, nullable=True),
        sa.Column("digest", Key, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=True),
        sa.Column("source", Json, nullable=True),
        sa.Column("request", Json, nullable=True),
        sa.Column("schema_ref", CleanText(), nullable=True),
        sa.Column("schema", Json, nullable=True),
        sa.Column("password", CleanText(), nullable=True),
        sa.Column("state", Key, nullable=False),
        sa.Column("error", Json, nullable=True),
        sa.Column("document_id", Key, nullable=True),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_members")),
        sa.UniqueConstraint("document_id", name=op.f("uq_batch_members_document_id")),
    )
    waiting, refused = "state = 'waiting'", "state = 'refused'"
    _partial("ix_batch_members_waiting", "batch_members", ["batch_id", "number"], waiting)
    _partial("ix_batch_members_digest", "batch_members", ["tenant_id", "digest"], waiting)
    _partial("ix_batch_members_refused", "batch_members", ["batch_id", "number"], refused)


def _log() -> None:
    op.create_table(
        "batch_log",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("document_id", Key, nullable=True),
        sa.Column("run_id", Key, nullable=True),
        sa.Column("was", Key, nullable=True),
        sa.Column("state", Key, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_batch_log")),
        sa.UniqueConstraint("batch_id", "sequence", name=op.f("uq_batch_log_batch_id_sequence")),
    )
    _partial("ix_batch_log_new", "batch_log", ["batch_id", "seq"], "sequence IS NULL")


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE queue = 'batch'")
    for table in ("batch_log", "batch_members", "batches"):
        op.drop_table(table)
