"""Who works on what: processes, their leases, and what becomes of the work of a process that died."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import PageEnd, Queue
from schemas.errors import ErrorInfo
from schemas.ids import DEFAULT_TENANT, DocumentId, JobId, ProcessId, RunId, TenantId
from schemas.page import PageState
from schemas.result import RunState
from services.stores import batch_rows, jobs, transitions
from services.stores.engine import now_us
from services.stores.work_tables import jobs as job_rows
from services.stores.work_tables import processes

_AGAIN_US, _AGAIN_AT_MOST_US = 5_000_000, 60_000_000
"""How long a job that may have killed its process waits, twice as long after each further death: others
get on, and whatever else kills processes may be over by the next try."""

SHARED, SUSPECT, ALONE = 0, 1, 2

NOT_NOW = sa.case((job_rows.c.solo == ALONE, SUSPECT), else_=job_rows.c.solo)
"""Of work that is handed back: what ran alone still has to, and does not now."""


def enrol(connection: sa.Connection, process: ProcessId, host: str, pid: int) -> None:
    connection.execute(
        processes.insert().values(
            id=process,
            tenant_id=DEFAULT_TENANT,
            host=host,
            pid=pid,
            started_at=now_us(),
            seen_at=now_us(),
        )
    )


def beat(connection: sa.Connection, process: ProcessId) -> bool:
    """False when the process was given up for dead: it must enrol again under another name."""
    renewed = sa.update(processes).where(processes.c.id == process).values(seen_at=now_us())
    return connection.execute(renewed).rowcount == 1


def held(connection: sa.Connection, process: ProcessId) -> set[tuple[JobId, int]]:
    rows = connection.execute(
        sa.select(job_rows.c.id, job_rows.c.token).where(job_rows.c.process_id == process, jobs.LEASED)
    )
    return {(JobId(row.id), row.token) for row in rows}


def resign(connection: sa.Connection, process: ProcessId) -> None:
    """Hand back without blame: the process ends because it was asked to."""
    connection.execute(
        sa.update(job_rows)
        .where(job_rows.c.process_id == process, jobs.LEASED)
        .values(
            state="ready",
            process_id=None,
            solo=NOT_NOW,
        )
    )
    connection.execute(sa.delete(processes).where(processes.c.id == process))


@dataclass(slots=True)
class Buried:
    """What a burial came to."""

    processes: int
    suspects: int = 0
    pages_quarantined: int = 0


def bury(connection: sa.Connection, silent_us: int, deaths_allowed: int) -> Buried:
    """Void the leases of silent processes; what they had in flight is suspect from now on."""
    dead = connection.scalars(
        sa.select(processes.c.id)
        .where(processes.c.seen_at <= now_us() - silent_us)
        .with_for_update(skip_locked=True)
    ).all()
    buried = Buried(len(dead))
    for row in _leased_by(connection, dead):
        if row.queue == Queue.DELIVER:  # a call over the network harms no process
            _release(connection, row)
        elif row.queue == Queue.BATCH:
            _step_died(connection, row, deaths_allowed)
        elif row.solo != ALONE:
            _suspect(connection, row)
            buried.suspects += 1
        elif _died_alone(connection, row, deaths_allowed) and row.page is not None:
            buried.pages_quarantined += 1
    connection.execute(sa.delete(processes).where(processes.c.id.in_(dead)))
    return buried


def _leased_by(connection: sa.Connection, dead: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """Also what a process leased in the moment it was given up, and what was locked the last time.

    A job that somebody is writing is left: a process that was frozen there must not hold up everybody.
    """
    unknown = ~sa.exists().where(processes.c.id == job_rows.c.process_id)
    return connection.execute(
        sa.select(job_rows)
        .where(sa.or_(job_rows.c.process_id.in_(dead), unknown), jobs.LEASED)
        .order_by(job_rows.c.id)
        .with_for_update(skip_locked=True)
    ).all()


def _suspect(connection: sa.Connection, row: sa.Row[Any]) -> None:
    """It may be the cause, so it runs alone next. Of a chunk of pages only the one at work is suspect."""
    pages = row.payload.get("pages", [])
    if row.queue != Queue.RASTER or len(pages) == 1 or row.solo == SUSPECT:
        _release(connection, row, solo=SUSPECT)
        return
    jobs.add(
        connection,
        (TenantId(row.tenant_id), DocumentId(row.document_id), RunId(row.run_id)),
        Queue.RASTER,
        row.priority,
        [jobs.Work({**row.payload, "pages": [row.page]}, page=row.page, attempts=row.attempts, solo=SUSPECT)],
    )
    others = [page for page in pages if page > row.page]
    if others:
        _release(connection, row, payload={**row.payload, "pages": others}, page=others[0])
    else:
        connection.execute(sa.delete(job_rows).where(job_rows.c.id == row.id))


def _died_alone(connection: sa.Connection, row: sa.Row[Any], deaths_allowed: int) -> bool:
    """True when that was once too often, and it is not tried again."""
    deaths = row.deaths + 1
    if deaths < deaths_allowed:
        wait_us = min(_AGAIN_US << row.deaths, _AGAIN_AT_MOST_US)
        _release(connection, row, solo=SUSPECT, deaths=deaths, run_after=now_us() + wait_us)
        return False
    connection.execute(sa.delete(job_rows).where(job_rows.c.id == row.id))
    error = ErrorInfo(
        code="quarantined", detail=f"{deaths} processes ended while they worked on this and on nothing else"
    )
    run = RunId(row.run_id)
    if row.page is None:
        transitions.end_run(connection, run, RunState.FAILED, error=error)
    else:
        end = PageEnd(row.page, PageState.QUARANTINED, error, attempts=row.attempts + deaths)
        transitions.end_page(connection, TenantId(row.tenant_id), run, end)
    return True


def _step_died(connection: sa.Connection, row: sa.Row[Any], deaths_allowed: int) -> None:
    """What is hostile about archives is done in child processes; a step that always kills is given up."""
    deaths = row.deaths + 1
    if deaths < deaths_allowed:
        wait_us = min(_AGAIN_US << row.deaths, _AGAIN_AT_MOST_US) if row.deaths else 0
        _release(connection, row, deaths=deaths, run_after=now_us() + wait_us)
        return
    error = ErrorInfo(code="quarantined", detail=f"{deaths} processes ended while they worked on this step")
    batch_rows.give_up(connection, row.payload["batch"], error)
    _release(connection, row, deaths=0)


def _release(connection: sa.Connection, row: sa.Row[Any], **values: Any) -> None:
    connection.execute(
        sa.update(job_rows).where(job_rows.c.id == row.id).values(state="ready", process_id=None, **values)
    )
