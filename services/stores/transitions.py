"""The only places where a page or a run reaches its end, each with its event in the same transaction.

Lock order everywhere: job, page, run, document, month of usage.
"""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import PageEnd
from schemas.errors import ErrorInfo
from schemas.ids import DocumentId, RunId, TenantId
from schemas.page import PageState
from schemas.result import RunState
from services.stores import batch_log, jobs, outbox_rows, reuse, usage_rows
from services.stores.engine import now_us
from services.stores.query_tables import page_words
from services.stores.tables import documents, events, page_contents, pages, runs
from services.stores.work_tables import jobs as job_rows

Owner = tuple[TenantId, DocumentId, RunId]

OPEN_PAGES = tuple(str(state) for state in PageState if not state.terminal)
OPEN_RUNS = tuple(str(state) for state in RunState if not state.terminal)


# Built once: building a statement takes SQLAlchemy longer than SQLite takes to run it.
_END_PAGE = (
    sa.update(pages)
    .where(
        pages.c.run_id == sa.bindparam("of_run"),
        pages.c.number == sa.bindparam("of_number"),
        pages.c.state.in_(OPEN_PAGES),
    )
    .values(
        finished_at=now_us(),
        **{
            name: sa.bindparam(name, type_=pages.c[name].type)
            for name in ("state", "error", "geometry", "budget", "summary", "attempts")
        },
    )
    .returning(pages.c.reuse_key, pages.c.wanted)
)
_KEEP_CONTENT = page_contents.insert()
_COUNT_PAGE = (
    sa.update(runs)
    .where(runs.c.id == sa.bindparam("of_run"))
    .values(
        pages_left=runs.c.pages_left - 1,
        pages_failed=runs.c.pages_failed + sa.bindparam("failed", type_=sa.Integer),
        usage_pages=runs.c.usage_pages + 1,
        usage_reused_pages=runs.c.usage_reused_pages + sa.bindparam("reused", type_=sa.Integer),
        **{
            f"usage_{name}": runs.c[f"usage_{name}"] + sa.bindparam(name, type_=sa.BigInteger)
            for name in ("visual_tokens", "prompt_tokens", "completion_tokens")
        },
    )
    .returning(
        runs.c.document_id, runs.c.pages_left, runs.c.pages_total, runs.c.pages_failed, runs.c.priority
    )
)
_TELL = events.insert().values(created_at=now_us())


def end_page(connection: sa.Connection, tenant: TenantId, run: RunId, end: PageEnd) -> int | None:
    """Bring a page to its end, once: None when it had ended before, and then nothing is written.

    The last page of a run to end adds the run's `finish` job.
    """
    held = connection.execute(
        _END_PAGE,
        {
            "of_run": run,
            "of_number": end.number,
            "state": str(end.state),
            "error": end.error.model_dump() if end.error else None,
            "geometry": end.geometry,
            "budget": end.budget,
            "summary": end.summary,
            "attempts": end.attempts,
        },
    ).one_or_none()
    if held is None:
        return None
    if held.reuse_key is not None:
        _pass_on(connection, tenant, held, end.state)
    if end.content is not None:
        values = {"run_id": run, "number": end.number, "tenant_id": tenant, "content": end.content}
        connection.execute(_KEEP_CONTENT, values)
    return _count(connection, tenant, run, end)


def reuse_page(
    connection: sa.Connection, tenant: TenantId, run: RunId, number: int, holder: RunId
) -> PageState:
    """End a page as another run's page ended, which the caller has locked."""
    row = connection.execute(sa.select(pages).where(pages.c.run_id == holder, pages.c.number == number)).one()
    end = PageEnd(
        number,
        PageState(row.state),
        ErrorInfo(**row.error) if row.error else None,
        geometry=row.geometry,
        budget=row.budget,
        summary=row.summary,
        attempts=row.attempts,
        reused=True,
    )
    if end_page(connection, tenant, run, end) is not None:
        reuse.copy_content(connection, run, holder, number)
    return end.state


def _pass_on(connection: sa.Connection, tenant: TenantId, held: sa.Row[Any], state: PageState) -> None:
    """Only what was read well may be copied; whoever waits looks again in any case."""
    if str(state) not in reuse.GOOD:
        connection.execute(
            sa.update(pages)
            .where(pages.c.tenant_id == tenant, pages.c.reuse_key == held.reuse_key)
            .values(reuse_key=None)
        )
    if held.wanted:
        reuse.release(connection, tenant, [held.reuse_key])


def _count(connection: sa.Connection, tenant: TenantId, run: RunId, end: PageEnd) -> int:
    """One page less to go, and the event that tells. From here on the run's pages wait for our commit."""
    counted = connection.execute(
        _COUNT_PAGE,
        {"of_run": run, "failed": int(end.state.failed), "reused": int(end.reused), **asdict(end.spent)},
    ).one()
    data = {
        "number": end.number,
        "state": "failed" if end.state.failed else str(end.state),
        "error": end.error.model_dump() if end.error else None,
        "pages_total": counted.pages_total,
        "pages_done": counted.pages_total - counted.pages_left - counted.pages_failed,
        "pages_failed": counted.pages_failed,
    }
    owner = (tenant, DocumentId(counted.document_id), run)
    tell(connection, owner, "page.finished", data)
    if counted.pages_left == 0:
        jobs.add(connection, owner, "finish", counted.priority, [jobs.Work()])
    left: int = counted.pages_left
    return left


def end_run(
    connection: sa.Connection,
    run: RunId,
    state: RunState,
    *,
    error: ErrorInfo | None = None,
    outcome: dict[str, Any] | None = None,
) -> bool:
    """Bring a run to its end, once; its password and whatever work it still had are erased."""
    drop_jobs(connection, run)
    row = connection.execute(
        sa.update(runs)
        .where(runs.c.id == run, runs.c.state.in_(OPEN_RUNS))
        .values(
            state=str(state),
            error=error.model_dump() if error else None,
            outcome=outcome,
            password=None,
            finished_at=now_us(),
        )
        .returning(*runs.c)
    ).one_or_none()
    if row is None:
        return False
    _point_to(connection, row)
    _show(connection, row, state)
    outbox_rows.run_ended(connection, row, state)
    usage_rows.spend(connection, TenantId(row.tenant_id), row)
    return True


def _point_to(connection: sa.Connection, row: sa.Row[Any]) -> None:
    """Results, queries and searches speak of this run from now on, unless a newer one has ended already."""
    newer = sa.exists().where(
        runs.c.document_id == row.document_id, runs.c.number > row.number, runs.c.state.not_in(OPEN_RUNS)
    )
    changed = connection.execute(
        sa.update(documents).where(documents.c.id == row.document_id, ~newer).values(finished_run_id=row.id)
    ).rowcount
    # Only words of the newest finished run are searched; those of others would but weigh on the index.
    others = page_words.c.run_id != row.id if changed else page_words.c.run_id == row.id
    connection.execute(sa.delete(page_words).where(_words_of(row.document_id), others))


def _words_of(document: str) -> sa.ColumnElement[bool]:
    """By way of its runs, which have an index."""
    return page_words.c.run_id.in_(sa.select(runs.c.id).where(runs.c.document_id == document))


def drop_jobs(connection: sa.Connection, run: RunId) -> None:
    """Take the work of a run away, also from those who are at it: their commits will fail the fence."""
    connection.execute(sa.delete(job_rows).where(job_rows.c.run_id == run))


def start_run(connection: sa.Connection, run: RunId, page_count: int) -> None:
    """The pages are known: the run is under way."""
    row = connection.execute(
        sa.update(runs)
        .where(runs.c.id == run, runs.c.state.in_(OPEN_RUNS))
        .values(
            state=str(RunState.PROCESSING),
            pages_total=page_count,
            pages_left=page_count,
            started_at=sa.func.coalesce(runs.c.started_at, now_us()),
        )
        .returning(*runs.c)
    ).one_or_none()
    if row is not None:
        _show(connection, row, RunState.PROCESSING)


def _show(connection: sa.Connection, row: sa.Row[Any], state: RunState) -> None:
    """The document shows the state of its newest run."""
    shown = connection.execute(
        sa.update(documents)
        .where(documents.c.id == row.document_id, documents.c.newest_run_id == row.id)
        .values(state=str(state))
        .returning(documents.c.id, documents.c.tenant_id, documents.c.batch_id)
    ).one_or_none()
    if shown is not None and state.terminal:
        batch_log.note(connection, shown, row.id, batch_log.PENDING, str(state))
    done = None if row.pages_total is None else row.pages_total - (row.pages_left or 0) - row.pages_failed
    tell(
        connection,
        (TenantId(row.tenant_id), DocumentId(row.document_id), RunId(row.id)),
        f"document.{state}",
        {
            "state": str(state),
            "error": row.error,
            "pages_total": row.pages_total,
            "pages_done": done or 0,
            "pages_failed": row.pages_failed,
        },
    )


def tell_copied(connection: sa.Connection, owner: Owner, page_count: int) -> list[PageState]:
    """Of a run that was just planned: the events and states of the pages that were there already."""
    tenant, document, run = owner
    ended = connection.execute(
        sa.select(pages.c.number, pages.c.state, pages.c.error)
        .where(pages.c.run_id == run, pages.c.state.not_in(OPEN_PAGES))
        .order_by(pages.c.number)
    ).all()
    about = {"tenant_id": tenant, "document_id": document, "run_id": run, "type": "page.finished"}
    states = [PageState(row.state) for row in ended]
    rows, failed = [], 0
    for at, (row, state) in enumerate(zip(ended, states, strict=True), 1):
        failed += state.failed
        data = {
            "number": row.number,
            "state": "failed" if state.failed else row.state,
            "error": row.error,
            "pages_total": page_count,
            "pages_done": at - failed,
            "pages_failed": failed,
        }
        rows.append({**about, "data": data})
    connection.execute(_TELL, rows)
    return states


def tell(
    connection: sa.Connection,
    owner: Owner,
    kind: str,
    data: dict[str, Any],
) -> None:
    tenant, document, run = owner
    connection.execute(
        _TELL,
        {"tenant_id": tenant, "document_id": document, "run_id": run, "type": kind, "data": data},
    )
