"""The tables of batches: the batch with its counters, its members, the log of how members ended."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint, text

from services.stores.columns import CleanText, Json, Key, Micros, Serial
from services.stores.tables import metadata

_ZERO = text("0")

# kind: archive, prefix, sources. task: expand, cancel, retry, idle; `job_id` is the job that is at it.
# `position` and `listed`: how far an archive was read, a bucket listed. The archive's bytes are referred to
# by `generation` until they were read to the end. Counters are of members by how they stand; only `fold` and
# the holder of the job write them, never the end of a document: that adds a row to `batch_log`.
batches = Table(
    "batches",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("kind", Key, nullable=False),
    Column("filename", CleanText),
    Column("media_type", Key),
    Column("bytes", BigInteger),
    Column("digest", Key),
    Column("generation", Integer),
    Column("prefix", CleanText),
    Column("request", Json, nullable=False),
    Column("schema_ref", CleanText),
    Column("schema", Json),
    Column("password", CleanText),
    Column("priority", Integer, nullable=False),
    Column("state", Key, nullable=False),
    Column("error", Json),
    Column("task", Key, nullable=False),
    Column("job_id", Key),
    Column("at", Key),  # the document that a cancellation or a retry has come to
    Column("position", BigInteger, nullable=False, server_default=_ZERO),
    Column("listed", CleanText),
    Column("unpacked", BigInteger, nullable=False, server_default=_ZERO),
    Column("skipped", Json, nullable=False),
    *(
        Column(name, Integer, nullable=False, server_default=_ZERO)
        for name in ("pending", "succeeded", "partial", "failed", "cancelled", "refused", "deleted")
    ),
    Column("sequence", BigInteger, nullable=False, server_default=_ZERO),
    Column("created_at", Micros, nullable=False),
    Column("expanded_at", Micros),
    Column("finished_at", Micros),
    Column("cancel_requested_at", Micros),
    Column("request_id", CleanText),
    Column("traceparent", CleanText),
    Index("ix_batches_tenant_id_id", "tenant_id", "id"),
)
OPEN = text("batches.state IN ('queued', 'processing')")
_OPEN = text("state IN ('queued', 'processing')")
Index("ix_batches_open", batches.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)

# state: waiting (for its bytes, or for room), document, refused, cancelled. Where the bytes come from:
# `source` (to be fetched), or `digest` and `generation` (stored already). `request`: if not the batch's.
batch_members = Table(
    "batch_members",
    metadata,
    Column("batch_id", Key, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("name", CleanText),
    Column("external_id", CleanText),
    Column("bytes", BigInteger),
    Column("media_type", Key),
    Column("digest", Key),
    Column("generation", Integer),
    Column("source", Json),
    Column("request", Json),
    Column("schema_ref", CleanText),
    Column("schema", Json),
    Column("password", CleanText),
    Column("state", Key, nullable=False),
    Column("error", Json),
    Column("document_id", Key),
    UniqueConstraint("document_id"),
)
_WAITING = text("state = 'waiting'")
Index("ix_batch_members_waiting", batch_members.c.batch_id, batch_members.c.number,
      sqlite_where=_WAITING, postgresql_where=_WAITING)  # fmt: skip
Index("ix_batch_members_digest", batch_members.c.tenant_id, batch_members.c.digest,
      sqlite_where=_WAITING, postgresql_where=_WAITING)  # fmt: skip
_REFUSED = text("state = 'refused'")
Index("ix_batch_members_refused", batch_members.c.batch_id, batch_members.c.number,
      sqlite_where=_REFUSED, postgresql_where=_REFUSED)  # fmt: skip

# How members ended, or were taken up again: what the counters have not seen yet, then the lines of the
# results in their order. `sequence` is given by `fold`, one batch at a time, so that it has no gaps.
batch_log = Table(
    "batch_log",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", Key, nullable=False),
    Column("batch_id", Key, nullable=False),
    Column("number", BigInteger),
    Column("document_id", Key),
    Column("run_id", Key),
    Column("was", Key),
    Column("state", Key, nullable=False),
    Column("sequence", BigInteger),
    Column("created_at", Micros, nullable=False),
    UniqueConstraint("batch_id", "sequence"),
)
_NEW = text("sequence IS NULL")
Index("ix_batch_log_new", batch_log.c.batch_id, batch_log.c.seq,
      sqlite_where=_NEW, postgresql_where=_NEW)  # fmt: skip
