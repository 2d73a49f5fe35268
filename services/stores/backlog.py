"""How much work waits and for how long, read at a price that does not grow with the backlog."""

from dataclasses import dataclass

import sqlalchemy as sa

from pipeline.ledger import Queue
from schemas.ids import TenantId
from services.stores import jobs
from services.stores.commands import BULK, INTERACTIVE
from services.stores.engine import Database, now_us
from services.stores.tables import OPEN_RUN, runs
from services.stores.work_tables import jobs as job_rows

COUNT_UP_TO = 100_000
_LOOK_AT = 1000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class QueueLength:
    """``waiting`` is counted up to a bound. Age: of the job that waits longest among those next in line."""

    queue: Queue
    waiting: int
    running: int
    age_s: dict[int, float]
    """By priority; 0 where none is due."""


def pages_of(connection: sa.Connection, tenant: TenantId, up_to: int) -> int:
    """Pages of a tenant that have not ended, counted up to about ``up_to``; an unopened document is one."""
    return int(connection.execute(_PAGES, {"of_tenant": tenant, "up_to": up_to + 1}).scalar_one())


def lengths(database: Database) -> list[QueueLength]:
    with database.read() as connection:
        running = {row.queue: row.jobs for row in connection.execute(_RUNNING)}
        return [
            QueueLength(
                queue,
                connection.execute(_WAITING, {"in_queue": str(queue)}).scalar_one(),
                running.get(str(queue), 0),
                {priority: _age_s(connection, queue, priority) for priority in (INTERACTIVE, BULK)},
            )
            for queue in Queue
        ]


def _age_s(connection: sa.Connection, queue: Queue, priority: int) -> float:
    waited = connection.execute(_OLDEST, {"in_queue": str(queue), "at_priority": priority}).scalar()
    return max(0.0, (waited or 0) / _SECOND)


_open_runs = (
    sa.select(sa.func.coalesce(runs.c.pages_left, 1).label("pages"))
    .where(runs.c.tenant_id == sa.bindparam("of_tenant"), OPEN_RUN)
    .limit(sa.bindparam("up_to"))
    .subquery()
)
_PAGES = sa.select(sa.func.coalesce(sa.func.sum(_open_runs.c.pages), 0))
_RUNNING = (
    sa.select(job_rows.c.queue, sa.func.count().label("jobs")).where(jobs.LEASED).group_by(job_rows.c.queue)
)
_some = (
    sa.select(sa.literal(1))
    .where(job_rows.c.queue == sa.bindparam("in_queue"), jobs.READY)
    .limit(COUNT_UP_TO)
    .subquery()
)
_WAITING = sa.select(sa.func.count()).select_from(_some)
_first = (  # in the order in which they are claimed, so that the index ends the search
    sa.select(job_rows.c.created_at, job_rows.c.run_after)
    .where(
        job_rows.c.queue == sa.bindparam("in_queue"),
        job_rows.c.priority == sa.bindparam("at_priority"),
        jobs.READY,
    )
    .order_by(job_rows.c.turn, job_rows.c.id)
    .limit(_LOOK_AT)
    .subquery()
)
# From when it could have been claimed: a job that was put off is not late for it.
_due = sa.case((_first.c.run_after > _first.c.created_at, _first.c.run_after), else_=_first.c.created_at)
_OLDEST = sa.select(sa.func.max(now_us() - _due)).where(_first.c.run_after <= now_us())
