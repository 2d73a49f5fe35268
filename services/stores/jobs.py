"""Rows of work: adding them with a fair turn, claiming the best one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.ledger import Fenced
from schemas.ids import DocumentId, JobId, ProcessId, RunId, TenantId, job_id
from services.stores.columns import Key
from services.stores.engine import now_us
from services.stores.work_tables import jobs, processes, queues, turns


@dataclass(frozen=True, slots=True)
class Work:
    """One job to add. ``cost`` is what it takes of its tenant's turn: its pages."""

    payload: dict[str, Any] = field(default_factory=dict)
    page: int | None = None
    prepared: bytes | None = None
    cost: int = 1
    delay_us: int = 0
    attempts: int = 0
    setbacks: int = 0
    solo: int = 0
    delivery: str | None = None
    job: JobId | None = None


def insert(dialect: str, table: sa.Table) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def add(
    connection: sa.Connection,
    owner: tuple[TenantId, DocumentId, RunId],
    queue: str,
    priority: int,
    work: Sequence[Work],
) -> None:
    """Add jobs behind their tenant's earlier ones; a second `plan` or `finish` of a run is dropped."""
    tenant, document, run = owner
    add_for(connection, tenant, queue, priority, [(document, run, item) for item in work])


def add_for(
    connection: sa.Connection,
    tenant: TenantId,
    queue: str,
    priority: int,
    work: Sequence[tuple[DocumentId | None, RunId | None, Work]],
) -> None:
    """The same for several runs of a tenant, or for work that belongs to no run."""
    if not work:
        return
    turn = _take_turns(connection, tenant, queue, priority, sum(item.cost for *_, item in work))
    rows = []
    for document, run, item in work:
        rows.append(
            {
                "id": item.job or job_id(),
                "tenant_id": tenant,
                "document_id": document,
                "run_id": run,
                "delivery_id": item.delivery,
                "queue": queue,
                "payload": item.payload,
                "prepared": item.prepared,
                "page": item.page,
                "priority": priority,
                "turn": turn,
                "delay_us": item.delay_us,
                "attempts": item.attempts,
                "setbacks": item.setbacks,
                "solo": item.solo,
            }
        )
        turn += item.cost
    connection.execute(_adding(connection.dialect.name, queue in ("plan", "finish")), rows)


# Written out as in the partial indexes, or the databases would not use them.
READY = jobs.c.state == sa.literal_column("'ready'")
LEASED = jobs.c.state == sa.literal_column("'leased'")
WAITING = jobs.c.state == sa.literal_column("'waiting'")

# Statements are built once: building one takes SQLAlchemy longer than SQLite takes to run it.


@cache
def _adding(dialect: str, single: bool) -> Any:  # a cache key
    statement = insert(dialect, jobs).values(
        state="ready", run_after=now_us() + sa.bindparam("delay_us", type_=sa.BigInteger), created_at=now_us()
    )
    return statement.on_conflict_do_nothing() if single else statement


def _take_turns(connection: sa.Connection, tenant: TenantId, queue: str, priority: int, cost: int) -> int:
    """Start-time fair queueing: start at the tenant's own clock, or at the turn served if later.

    So a tenant with 100,000 waiting jobs has its clock far ahead, and another's single job starts now.
    """
    statement = _taking(connection.dialect.name)
    values = {"tenant_id": tenant, "queue": queue, "priority": priority, "cost": cost}
    following: int = connection.execute(statement, values).scalar_one()
    return following - cost


@cache
def _taking(dialect: str) -> Any:
    cost = sa.bindparam("cost", type_=sa.BigInteger)
    virtual = (
        sa.select(queues.c.virtual)
        .where(
            queues.c.queue == sa.bindparam("queue", type_=Key),
            queues.c.priority == sa.bindparam("priority", type_=sa.Integer),
        )
        .scalar_subquery()
    )
    served = sa.func.coalesce(virtual, 0)
    later = sa.case((turns.c.next > served, turns.c.next), else_=served)
    return (
        insert(dialect, turns)
        .values(
            tenant_id=sa.bindparam("tenant_id"),
            queue=sa.bindparam("queue", type_=Key),
            priority=sa.bindparam("priority", type_=sa.Integer),
            next=served + cost,
        )
        .on_conflict_do_update(
            index_elements=[turns.c.tenant_id, turns.c.queue, turns.c.priority], set_={"next": later + cost}
        )
        .returning(turns.c.next)
    )


BEST = (
    sa.select(jobs.c.id)
    .where(
        jobs.c.queue == sa.bindparam("in_queue"),
        READY,
        jobs.c.run_after <= now_us(),
        # A process given up for dead must enrol anew first: nobody would notice its second death.
        sa.exists().where(processes.c.id == sa.bindparam("by")),
    )
    .order_by(jobs.c.priority, jobs.c.turn, jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_CLAIM = (
    sa.update(jobs)
    .where(jobs.c.id == BEST)
    .values(state="leased", token=jobs.c.token + 1, process_id=sa.bindparam("by"), leased_at=now_us())
    .returning(*jobs.c)
)
SERVED = (
    sa.select(queues.c.virtual)
    .where(queues.c.queue == sa.bindparam("of_queue"), queues.c.priority == sa.bindparam("of_priority"))
    .scalar_subquery()
    .label("served")
)
# The turn being served only moves on. Whoever finds it locked leaves it: the one who holds it is moving it to
# a turn nearby. To wait would line up all claimers behind each other's commits (of 64 only one worked).
_BEHIND = (
    sa.select(queues.c.queue)
    .where(
        queues.c.queue == sa.bindparam("of_queue"),
        queues.c.priority == sa.bindparam("of_priority"),
        queues.c.virtual < sa.bindparam("turn"),
    )
    .with_for_update(skip_locked=True)
)
_SERVING = (
    sa.update(queues)
    .where(queues.c.queue.in_(_BEHIND), queues.c.priority == sa.bindparam("of_priority"))
    .values(virtual=sa.bindparam("turn"))
)

_ROUSED = 64
_ROUSE = (
    sa.update(jobs)
    .where(
        jobs.c.id.in_(
            sa.select(jobs.c.id)
            .where(WAITING, jobs.c.run_after <= now_us())
            .order_by(jobs.c.run_after)
            .limit(_ROUSED)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
    )
    .values(state="ready")
)


def rouse(connection: sa.Connection) -> None:
    """Put some of those that are due now in line."""
    connection.execute(_ROUSE)


def claim(connection: sa.Connection, queue: str, process: ProcessId) -> sa.Row[Any] | None:
    """Lease the best runnable job: by priority, then turn; other claimers skip rows being claimed."""
    return connection.execute(_CLAIM, {"in_queue": str(queue), "by": process}).one_or_none()


def serving(connection: sa.Connection, job: sa.Row[Any], served: int | None) -> None:
    """The turn of a job just claimed is being served; ``served`` is the one before (see `SERVED`)."""
    if served is None:
        first = {
            "queue": job.queue,
            "priority": job.priority,
            "tenant_id": job.tenant_id,
            "virtual": job.turn,
        }
        connection.execute(insert(connection.dialect.name, queues).on_conflict_do_nothing(), first)
    elif served < job.turn:
        connection.execute(_SERVING, {"of_queue": job.queue, "of_priority": job.priority, "turn": job.turn})


def hurry(
    connection: sa.Connection,
    tenant: TenantId,
    of_runs: Iterable[str],
    queue_names: Sequence[str],
    priority: int,
) -> None:
    """Give jobs of these runs a higher priority, and a turn of it; those being committed are skipped."""
    for queue in queue_names:
        slower = (
            sa.select(jobs.c.id)
            .where(jobs.c.run_id.in_(list(of_runs)), jobs.c.queue == str(queue), jobs.c.priority > priority)
            .with_for_update(skip_locked=True)
        )
        ids = connection.scalars(slower).all()
        if ids:
            turn = _take_turns(connection, tenant, str(queue), priority, 0)
            connection.execute(sa.update(jobs).where(jobs.c.id.in_(ids)).values(priority=priority, turn=turn))


_HOLD = (
    sa.select(jobs.c.priority)
    .where(jobs.c.id == sa.bindparam("job"), jobs.c.token == sa.bindparam("held"), LEASED)
    .with_for_update()
)


def hold(connection: sa.Connection, job: JobId, token: int) -> int:
    """Lock a claimed job behind the fence; its priority. Raises `Fenced` when it is ours no more."""
    priority: int | None = connection.scalar(_HOLD, {"job": job, "held": token})
    if priority is None:
        raise Fenced("fenced", "the job was cancelled or given to another process")
    return priority
