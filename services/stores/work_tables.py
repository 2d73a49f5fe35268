"""The tables of work under way: processes, jobs, the turns of tenants, failed tries."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKeyConstraint, Index, Integer, Table, text

from services.stores.columns import CleanText, Json, Key, Micros, PackedJson, Serial
from services.stores.tables import metadata

_ZERO = text("0")

# A process leases jobs; its lease is `seen_at`, renewed for all of them by one UPDATE.
processes = Table(
    "processes",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),  # whom it serves; the default tenant stands for all
    Column("host", CleanText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Micros, nullable=False),
    Column("seen_at", Micros, nullable=False),
)

# Work to do; a row is gone when it is done. queue: plan, raster, read, finish, deliver, batch. state: ready,
# leased, waiting (deliveries that are not due: there may be very many, and claims walk over what is ready).
# Claims order by (priority, turn). `token` counts claims: a commit must still hold the one it was given.
# A job belongs to a run, or to the delivery of a webhook (queue deliver), and goes with it; that of a batch
# (queue batch) is named by the batch.
# solo: 0 anybody's neighbour, 1 must run alone, 2 runs alone now. `page` is the page being worked on.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("document_id", Key),
    Column("run_id", Key),
    Column("delivery_id", Key),
    Column("queue", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("payload", Json, nullable=False),
    Column("prepared", PackedJson),  # pipeline.orders.PreparedPage without its image bytes, for `read`
    Column("page", Integer),
    Column("priority", Integer, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("run_after", Micros, nullable=False),
    Column("token", Integer, nullable=False, server_default=_ZERO),
    Column("process_id", Key),
    Column("leased_at", Micros),
    Column("attempts", Integer, nullable=False, server_default=_ZERO),  # that count against the page
    Column("setbacks", Integer, nullable=False, server_default=_ZERO),  # that do not: ours or a neighbour's
    Column("solo", Integer, nullable=False, server_default=_ZERO),
    Column("deaths", Integer, nullable=False, server_default=_ZERO),  # of processes, while it ran alone
    Column("created_at", Micros, nullable=False),
    Index("ix_jobs_run_id", "run_id"),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["delivery_id"], ["webhook_deliveries.id"], ondelete="CASCADE"),
)
_READY = text("state = 'ready'")
_WAITING = text("state = 'waiting'")
_LEASED = text("state = 'leased'")
_DELIVERS = text("delivery_id IS NOT NULL")
_SINGLE = text("queue IN ('plan', 'finish')")
Index("ix_jobs_claim", jobs.c.queue, jobs.c.priority, jobs.c.turn, jobs.c.id,
      sqlite_where=_READY, postgresql_where=_READY)  # fmt: skip
Index("ix_jobs_waiting", jobs.c.run_after, sqlite_where=_WAITING, postgresql_where=_WAITING)
Index("ix_jobs_process_id", jobs.c.process_id, sqlite_where=_LEASED, postgresql_where=_LEASED)
Index("ix_jobs_delivery_id", jobs.c.delivery_id, sqlite_where=_DELIVERS, postgresql_where=_DELIVERS)
Index("uq_jobs_single", jobs.c.run_id, jobs.c.queue, unique=True,
      sqlite_where=_SINGLE, postgresql_where=_SINGLE)  # fmt: skip

# Start-time fair queueing: `virtual` is the turn last served, `next` the tenant's own clock.
queues = Table(
    "queues",
    metadata,
    Column("queue", Key, primary_key=True),
    Column("priority", Integer, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("virtual", BigInteger, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("queue", Key, primary_key=True),
    Column("priority", Integer, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

# What went wrong and was tried again, or was given up; one row per failed try.
attempts = Table(
    "attempts",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", Key, nullable=False),
    Column("run_id", Key, nullable=False),
    Column("page", Integer),
    Column("queue", Key, nullable=False),
    Column("at", Micros, nullable=False),
    Column("code", Key, nullable=False),
    Column("detail", CleanText, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("ms", Integer),
    Index("ix_attempts_run_id_page", "run_id", "page"),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)
