"""Rows of work: adding them with a fair turn, claiming the best one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from schemas.ids import DocumentId, JobId, ProcessId, RunId, TenantId, job_id
from services.stores.engine import now_us
from services.stores.work_tables import jobs, queues, turns


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


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def add(
    connection: sa.Connection,
    owner: tuple[TenantId, DocumentId, RunId],
    queue: str,
    priority: int,
    work: Sequence[Work],
) -> None:
    """Add jobs behind their tenant's earlier ones; a second `plan` or `finish` of a run is dropped."""
    if not work:
        return
    tenant, document, run = owner
    turn = _take_turns(connection, tenant, queue, priority, sum(item.cost for item in work))
    now = connection.scalar(sa.select(now_us()))
    assert now is not None
    rows = []
    for item in work:
        rows.append(
            {
                "id": job_id(),
                "tenant_id": tenant,
                "document_id": document,
                "run_id": run,
                "queue": queue,
                "state": "ready",
                "payload": item.payload,
                "prepared": item.prepared,
                "page": item.page,
                "priority": priority,
                "turn": turn,
                "run_after": now + item.delay_us,
                "attempts": item.attempts,
                "setbacks": item.setbacks,
                "solo": item.solo,
                "created_at": now,
            }
        )
        turn += item.cost
    statement = insert(connection, jobs)
    if queue in ("plan", "finish"):
        statement = statement.on_conflict_do_nothing()
    connection.execute(statement, rows)


def _take_turns(connection: sa.Connection, tenant: TenantId, queue: str, priority: int, cost: int) -> int:
    """Start-time fair queueing: start at the tenant's own clock, or at the turn served if later.

    So a tenant with 100,000 waiting jobs has its clock far ahead, and another's single job starts now.
    """
    virtual = (
        sa.select(queues.c.virtual)
        .where(queues.c.queue == queue, queues.c.priority == priority)
        .scalar_subquery()
    )
    served = sa.func.coalesce(virtual, 0)
    statement = insert(connection, turns).values(
        tenant_id=tenant, queue=queue, priority=priority, next=served + cost
    )
    later = sa.case((turns.c.next > served, turns.c.next), else_=served)
    statement = statement.on_conflict_do_update(
        index_elements=[turns.c.tenant_id, turns.c.queue, turns.c.priority], set_={"next": later + cost}
    ).returning(turns.c.next)
    following: int = connection.execute(statement).scalar_one()
    return following - cost


def claim(connection: sa.Connection, queue: str, process: ProcessId) -> sa.Row[Any] | None:
    """Lease the best runnable job: by priority, then turn; other claimers skip rows being claimed."""
    best = (
        sa.select(jobs.c.id)
        .where(jobs.c.queue == queue, jobs.c.state == "ready", jobs.c.run_after <= now_us())
        .order_by(jobs.c.priority, jobs.c.turn, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == best)
        .values(state="leased", token=jobs.c.token + 1, process_id=process, leased_at=now_us())
        .returning(*jobs.c)
    ).one_or_none()
    if row is not None:
        _serve(connection, row)
    return row


def _serve(connection: sa.Connection, row: sa.Row[Any]) -> None:
    statement = insert(connection, queues).values(
        queue=row.queue, priority=row.priority, tenant_id=row.tenant_id, virtual=row.turn
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[queues.c.queue, queues.c.priority],
            set_={"virtual": row.turn},
            where=queues.c.virtual < row.turn,
        )
    )


def held(job: JobId, token: int) -> sa.ColumnElement[bool]:
    """The fence: true only for the claim that was given this token."""
    return sa.and_(jobs.c.id == job, jobs.c.token == token, jobs.c.state == "leased")
