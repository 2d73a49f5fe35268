"""The tables of the transactional store, the same on SQLite and Postgres; every row has its tenant."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from services.stores.columns import CleanText, Json, Key, Micros, PackedJson, Serial

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

_ZERO = text("0")

tenants = Table(
    "tenants",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", CleanText, nullable=False),
    Column("created_at", Micros, nullable=False),
    Column("retention_hours", Integer),  # none: the service's; 0: until deleted
    Column("pages_per_month", BigInteger),  # none: as many as they like
)

# state: uploading, live, deleting. A new generation tells a re-upload from the copy being collected.
blobs = Table(
    "blobs",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("digest", Key, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("state", Key, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("touched_at", Micros, nullable=False),
)
Index("ix_blobs_state_touched_at", blobs.c.state, blobs.c.touched_at)

# `state` is the state of the newest run (schemas.result.RunState), kept here so that lists need one table;
# `finished_run_id` is the newest run that has ended: what results, queries and searches speak of.
# A part of a scan is a document with the same bytes and a `parent_id`; it has some of the pages.
documents = Table(
    "documents",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("digest", Key, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("filename", CleanText),
    Column("media_type", Key, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("external_id", CleanText),
    Column("batch_id", Key),
    Column("parent_id", Key),
    Column("newest_run_id", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("callback_url", CleanText),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros),
    Column("deleted_at", Micros),
    Column("finished_run_id", Key),
    Column("parts", Integer),  # that the file was split into, where it was
    Column("part_first", Integer),
    Column("part_pages", CleanText),  # `3-5`, of the parent's file
    Column("part_class", Key),  # schemas.split.DocumentClass
    Index("ix_documents_finished_run_id", "finished_run_id"),
    Index("ix_documents_tenant_id_id", "tenant_id", "id"),
    Index("ix_documents_tenant_id_external_id", "tenant_id", "external_id"),
    Index("ix_documents_tenant_id_batch_id", "tenant_id", "batch_id"),
    Index("ix_documents_tenant_id_digest", "tenant_id", "digest"),
)
Index("ix_documents_expires_at", documents.c.expires_at, sqlite_where=text("expires_at IS NOT NULL"),
      postgresql_where=text("expires_at IS NOT NULL"))  # fmt: skip

# A page begins one part of a file. Written out, as partial indexes are used for nothing else.
_CHILD = text("parent_id IS NOT NULL AND deleted_at IS NULL")
Index("uq_documents_part", documents.c.parent_id, documents.c.part_first, unique=True, sqlite_where=_CHILD,
      postgresql_where=_CHILD)  # fmt: skip

labels = Table(
    "labels",
    metadata,
    Column("document_id", Key, primary_key=True),
    Column("key", CleanText, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("value", CleanText, nullable=False),
    Index("ix_labels_tenant_id_key_value", "tenant_id", "key", "value"),
    ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
)

# One reading of a document under one request. `request` never holds the password; `password` is erased when
# the run ends. `schema_ref` is what the caller named (`invoice@3`), `schema` what it meant at that moment.
# `based_on`: pages that ended well in that run are copied, not read again (retry, further questions).
runs = Table(
    "runs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("document_id", Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("based_on", Key),
    Column("request", Json, nullable=False),
    Column("priority", Integer, nullable=False, server_default=_ZERO),
    Column("password", CleanText),
    Column("engine", Json),
    Column("schema_ref", CleanText),
    Column("schema", Json),
    Column("state", Key, nullable=False),
    Column("error", Json),
    Column("pages_total", Integer),
    Column("pages_left", Integer),
    Column("pages_failed", Integer, nullable=False, server_default=_ZERO),
    Column("cancel_requested_at", Micros),
    Column("created_at", Micros, nullable=False),
    Column("started_at", Micros),
    Column("finished_at", Micros),
    Column("usage_pages", Integer, nullable=False, server_default=_ZERO),
    Column("usage_reused_pages", Integer, nullable=False, server_default=_ZERO),
    Column("usage_visual_tokens", BigInteger, nullable=False, server_default=_ZERO),
    Column("usage_prompt_tokens", BigInteger, nullable=False, server_default=_ZERO),
    Column("usage_completion_tokens", BigInteger, nullable=False, server_default=_ZERO),
    Column("outcome", Json),  # warnings, extraction, extraction_valid, answers (see run_parts, fields)
    Column("request_id", CleanText),  # of the request that asked for it, which its jobs name in their logs
    Column("traceparent", CleanText),
    UniqueConstraint("document_id", "number"),
    ForeignKeyConstraint(["document_id"], ["documents.id"], ondelete="CASCADE"),
)

# Written out wherever open runs are sought, or the databases would not use the index.
OPEN_RUN = text("runs.state IN ('queued', 'processing')")
_OPEN = text("state IN ('queued', 'processing')")
Index("ix_runs_open", runs.c.tenant_id, sqlite_where=_OPEN, postgresql_where=_OPEN)

# State and small facts of a page. What was read is in `page_contents`, so that changes of state stay cheap.
pages = Table(
    "pages",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("document_id", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=_ZERO),
    Column("error", Json),
    Column("geometry", Json),  # pipeline.orders.Geometry
    Column("budget", Json),  # schemas.page.BudgetUsed
    Column("image_digest", Key),  # a cache: may be gone, then the page is rendered again
    Column("image_generation", Integer),
    Column("image_type", Key),
    Column("reuse_key", Key),  # held while the page is open or was read well: services.stores.reuse
    Column("waits_for", Key),  # the key that another run's page holds
    Column("wanted", Boolean, nullable=False, server_default=false()),  # somebody may wait for this page
    Column("summary", Json),  # what the document-level passes need of the page
    Column("overlay", Json),  # what the document-level passes say about the page
    Column("finished_at", Micros),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    UniqueConstraint("tenant_id", "reuse_key"),
)
_WAITS = text("waits_for IS NOT NULL")
Index("ix_pages_waits_for", pages.c.tenant_id, pages.c.waits_for, sqlite_where=_WAITS,
      postgresql_where=_WAITS)  # fmt: skip
_HAS_IMAGE = text("image_digest IS NOT NULL")
Index("ix_pages_image_digest", pages.c.image_digest, sqlite_where=_HAS_IMAGE, postgresql_where=_HAS_IMAGE)

# JSON of schemas.page.PageContent, exactly as read; absent for pages that yielded none.
page_contents = Table(
    "page_contents",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("content", PackedJson, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)

# `seq` is the id that SSE resumes from and that webhooks are sent from. Types:
# page.finished, document.processing, document.<state>. Written in the transaction of what they tell.
events = Table(
    "events",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", Key, nullable=False),
    Column("document_id", Key, nullable=False),
    Column("run_id", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("data", Json, nullable=False),
    Column("created_at", Micros, nullable=False),
    Index("ix_events_document_id_seq", "document_id", "seq"),
    sqlite_autoincrement=True,  # a deleted document must not give its numbers to another
)

# Files that clients send to the bucket themselves. `used_at`: it has become a document.
uploads = Table(
    "uploads",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("filename", CleanText),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Key),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros, nullable=False),
    Column("used_at", Micros),
    Index("ix_uploads_expires_at", "expires_at"),
)

# state: running, done. `fingerprint` is over method, path and body.
idempotency = Table(
    "idempotency",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("key", CleanText, primary_key=True),
    Column("fingerprint", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("status", Integer),
    Column("headers", Json),
    Column("body", PackedJson),
    Column("process_id", Key),  # who holds it while its request runs; none where there is one process
    Column("document_id", Key),  # or the batch: what the answer speaks of, and is forgotten with
    Column("created_at", Micros, nullable=False),
    Index("ix_idempotency_created_at", "created_at"),
)
_OF_DOCUMENT = text("document_id IS NOT NULL")
Index("ix_idempotency_document_id", idempotency.c.document_id, sqlite_where=_OF_DOCUMENT,
      postgresql_where=_OF_DOCUMENT)  # fmt: skip

# Tables (schemas.table.Table) and charts (schemas.chart.Chart) of a run, in order; kind: table, chart.
run_parts = Table(
    "run_parts",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("kind", Key, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("content", PackedJson, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)
