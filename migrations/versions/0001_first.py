"""The first tables.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

from services.stores.columns import CleanText, Json, Key, PackedJson, Serial

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("digest", Key, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "digest", "generation", name=op.f("pk_blobs")),
    )
    op.create_index("ix_blobs_state_touched_at", "blobs", ["state", "touched_at"], unique=False)
    op.create_table(
        "documents",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("digest", Key, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("filename", CleanText(), nullable=True),
        sa.Column("media_type", Key, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("external_id", CleanText(), nullable=True),
        sa.Column("batch_id", Key, nullable=True),
        sa.Column("parent_id", Key, nullable=True),
        sa.Column("newest_run_id", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("callback_url", CleanText(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    op.create_index(
        "ix_documents_expires_at",
        "documents",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index("ix_documents_tenant_id_batch_id", "documents", ["tenant_id", "batch_id"], unique=False)
    op.create_index("ix_documents_tenant_id_digest", "documents", ["tenant_id", "digest"], unique=False)
    op.create_index(
        "ix_documents_tenant_id_external_id", "documents", ["tenant_id", "external_id"], unique=False
    )
    op.create_index("ix_documents_tenant_id_id", "documents", ["tenant_id", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("type", Key, nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_document_id_seq", "events", ["document_id", "seq"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("key", CleanText(), nullable=False),
        sa.Column("fingerprint", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", Json, nullable=True),
        sa.Column("body", PackedJson(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)
    op.create_table(
        "processes",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("host", CleanText(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_processes")),
    )
    op.create_table(
        "queues",
        sa.Column("queue", Key, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("virtual", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "priority", name=op.f("pk_queues")),
    )
    op.create_table(
        "tenants",
        sa.Column("id", Key, nullable=False),
        sa.Column("name", CleanText(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "turns",
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("queue", Key, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "queue", "priority", name=op.f("pk_turns")),
    )
    op.create_table(
        "labels",
        sa.Column("document_id", Key, nullable=False),
        sa.Column("key", CleanText(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("value", CleanText(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_labels_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "key", name=op.f("pk_labels")),
    )
    op.create_index("ix_labels_tenant_id_key_value", "labels", ["tenant_id", "key", "value"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("based_on", Key, nullable=True),
        sa.Column("request", Json, nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("password", CleanText(), nullable=True),
        sa.Column("engine", Json, nullable=True),
        sa.Column("schema_ref", CleanText(), nullable=True),
        sa.Column("schema", Json, nullable=True),
        sa.Column("state", Key, nullable=False),
        sa.Column("error", Json, nullable=True),
        sa.Column("pages_total", sa.Integer(), nullable=True),
        sa.Column("pages_left", sa.Integer(), nullable=True),
        sa.Column("pages_failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancel_requested_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("usage_pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("usage_reused_pages", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("usage_visual_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("usage_prompt_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("usage_completion_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_runs_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("document_id", "number", name=op.f("uq_runs_document_id_number")),
    )
    op.create_table(
        "attempts",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("queue", Key, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("code", Key, nullable=False),
        sa.Column("detail", CleanText(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attempts_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_run_id_page", "attempts", ["run_id", "page"], unique=False)
    op.create_table(
        "fields",
        sa.Column("run_id", Key, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("path", CleanText(), nullable=False),
        sa.Column("list_path", CleanText(), nullable=True),
        sa.Column("item_index", sa.Integer(), nullable=True),
        sa.Column("type", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("value_text", CleanText(), nullable=True),
        sa.Column("scaled", sa.BigInteger(), nullable=True),
        sa.Column("scale", sa.Integer(), nullable=True),
        sa.Column("number", sa.Float(53), nullable=True),
        sa.Column("currency", Key, nullable=True),
        sa.Column("date", sa.Integer(), nullable=True),
        sa.Column("bool", sa.Boolean(), nullable=True),
        sa.Column("confidence", sa.Float(53), nullable=True),
        sa.Column("content", Json, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_fields_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "ordinal", name=op.f("pk_fields")),
    )
    op.create_index(
        "ix_fields_tenant_id_path_scaled", "fields", ["tenant_id", "path", "scaled"], unique=False
    )
    op.create_table(
        "jobs",
        sa.Column("id", Key, nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("run_id", Key, nullable=False),
        sa.Column("queue", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("prepared", PackedJson(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("run_after", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("process_id", Key, nullable=True),
        sa.Column("leased_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("setbacks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("solo", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("deaths", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_jobs_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        "ix_jobs_claim",
        "jobs",
        ["queue", "priority", "turn", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "ix_jobs_process_id",
        "jobs",
        ["process_id"],
        unique=False,
        sqlite_where=sa.text("state = 'leased'"),
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index("ix_jobs_run_id", "jobs", ["run_id"], unique=False)
    op.create_index(
        "uq_jobs_single",
        "jobs",
        ["run_id", "queue"],
        unique=True,
        sqlite_where=sa.text("queue IN ('plan', 'finish')"),
        postgresql_where=sa.text("queue IN ('plan', 'finish')"),
    )
    op.create_table(
        "page_contents",
        sa.Column("run_id", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("content", PackedJson(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_page_contents_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_page_contents")),
    )
    op.create_table(
        "pages",
        sa.Column("run_id", Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("document_id", Key, nullable=False),
        sa.Column("state", Key, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", Json, nullable=True),
        sa.Column("geometry", Json, nullable=True),
        sa.Column("budget", Json, nullable=True),
        sa.Column("image_digest", Key, nullable=True),
        sa.Column("image_generation", sa.Integer(), nullable=True),
        sa.Column("image_type", Key, nullable=True),
        sa.Column("reuse_key", Key, nullable=True),
        sa.Column("summary", Json, nullable=True),
        sa.Column("overlay", Json, nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_pages_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_pages")),
        sa.UniqueConstraint("tenant_id", "reuse_key", name=op.f("uq_pages_tenant_id_reuse_key")),
    )
    op.create_index(
        "ix_pages_image_digest",
        "pages",
        ["image_digest"],
        unique=False,
        sqlite_where=sa.text("image_digest IS NOT NULL"),
        postgresql_where=sa.text("image_digest IS NOT NULL"),
    )
    op.create_table(
        "run_parts",
        sa.Column("run_id", Key, nullable=False),
        sa.Column("kind", Key, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("tenant_id", Key, nullable=False),
        sa.Column("content", PackedJson(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_parts_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "kind", "ordinal", name=op.f("pk_run_parts")),
    )


def downgrade() -> None:
    # Indices go with their tables.
    for table in (
        "run_parts",
        "pages",
        "page_contents",
        "jobs",
        "fields",
        "attempts",
        "runs",
        "labels",
        "turns",
        "tenants",
        "queues",
        "processes",
        "idempotency",
        "events",
        "documents",
        "blobs",
    ):
        op.drop_table(table)
