"""How members of batches ended: noted without touching the batch, then folded into it, one batch at a time.

All documents of a batch would otherwise queue up behind one row. What is noted carries its own difference, so
that the order of folding does not matter to the counters; the order of the results is made by folding.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from pipeline.batches import Task
from schemas.errors import ErrorInfo
from schemas.ids import BatchId, TenantId
from schemas.result import RunState
from services.stores import outbox_rows
from services.stores.batch_tables import OPEN, batch_log, batch_members, batches
from services.stores.engine import Database, now_us
from services.stores.tables import documents

PENDING, REFUSED, DELETED = "pending", "refused", "deleted"
COUNTED = (PENDING, *(str(state) for state in RunState if state.terminal), REFUSED, DELETED)

_AT_ONCE = 5000
_BATCHES = 200
_EMPTY = ErrorInfo(code="batch_empty", detail="nothing that could be a document was found")


def kind_of(state: str) -> str:
    """How a document counts: one that is not at its end is pending, whatever it waits for."""
    return state if RunState(state).terminal else PENDING


_NOTE = batch_log.insert().values(
    tenant_id=sa.bindparam("tenant"),
    batch_id=sa.bindparam("batch"),
    document_id=sa.bindparam("document"),
    run_id=sa.bindparam("run"),
    was=sa.bindparam("before"),
    state=sa.bindparam("now"),
    created_at=now_us(),
    number=sa.select(batch_members.c.number)
    .where(
        batch_members.c.document_id
        == sa.func.coalesce(
            sa.select(documents.c.parent_id)
            .where(documents.c.id == sa.bindparam("document"))
            .scalar_subquery(),
            sa.bindparam("document"),
        )
    )
    .scalar_subquery(),
)
"""Parts of a file that was split go by the number of its member."""


def note(connection: sa.Connection, document: Any, run: str | None, was: str | None, state: str) -> None:
    """A document's change of standing. ``document``: its row, or what has `id`, `tenant_id`, `batch_id`.

    ``was`` None: the batch did not know of it.
    """
    if document.batch_id is None or was == state:
        return
    values = {"tenant": document.tenant_id, "batch": document.batch_id, "document": document.id}
    connection.execute(_NOTE, {**values, "run": run, "before": was, "now": state})


def forget_document(connection: sa.Connection, document: Any) -> None:
    """A document is deleted: it counts as that, and what its member was called goes with it."""
    if document.batch_id is None:
        return
    note(connection, document, None, kind_of(document.state), DELETED)
    connection.execute(
        sa.update(batch_members)
        .where(batch_members.c.document_id == document.id)
        .values(name=None, external_id=None, source=None, request=None, schema=None, digest=None)
    )


def note_members(
    connection: sa.Connection,
    tenant: TenantId,
    batch: BatchId,
    numbers: Iterable[int],
    change: tuple[str | None, str],
) -> None:
    """The same of members that are no documents."""
    was, state = change
    about = {"tenant_id": tenant, "batch_id": batch, "was": was, "state": state}
    rows = [{**about, "number": number} for number in numbers]
    if rows:
        connection.execute(batch_log.insert().values(created_at=now_us()), rows)


def fold(database: Database) -> int:
    """Bring batches up to date; how many have finished by that. Several processes may, at any time."""
    finished = 0
    with database.read() as connection:
        due = {*connection.scalars(_NEWS), *connection.scalars(_OVER)}
    for batch in sorted(due):
        with database.write() as connection:
            finished += _fold(connection, batch)
    return finished


_NEWS = sa.select(batch_log.c.batch_id).where(batch_log.c.sequence.is_(None)).distinct().limit(_BATCHES)
_OVER = (
    sa.select(batches.c.id)
    .where(OPEN, batches.c.pending == 0, batches.c.expanded_at.is_not(None), batches.c.task == str(Task.IDLE))
    .limit(_BATCHES)
)


def _fold(connection: sa.Connection, batch: str) -> bool:
    row = connection.execute(
        sa.select(batches).where(batches.c.id == batch).with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        # Somebody is at it; or the batch is gone, and nobody counts any more.
        gone = ~sa.exists().where(batches.c.id == batch)
        connection.execute(sa.delete(batch_log).where(batch_log.c.batch_id == batch, gone))
        return False
    changes: Counter[str] = Counter()
    last = int(row.sequence)
    more = True
    while more:  # of half of the news no state follows
        taken, numbered = _take(connection, batch, changes), _number(connection, batch, last, changes)
        last += numbered
        more = max(taken, numbered) == _AT_ONCE
    counts = {name: getattr(row, name) + changes[name] for name in COUNTED}
    values: dict[str, Any] = {"sequence": last, **counts, **_standing(row, counts, changes)}
    connection.execute(sa.update(batches).where(batches.c.id == batch).values(values))
    if values.get("finished_at") is None:
        return False
    outbox_rows.batch_finished(
        connection,
        TenantId(row.tenant_id),
        BatchId(batch),
        values["state"],
        external_id=row.request.get("external_id"),
        callback_url=row.request.get("callback_url"),
    )
    return True


def _take(connection: sa.Connection, batch: str, changes: Counter[str]) -> int:
    """What is counted but no line of the results; how many of it."""
    some = (
        sa.select(batch_log.c.seq)
        .where(
            batch_log.c.batch_id == batch,
            batch_log.c.sequence.is_(None),
            batch_log.c.state.in_((PENDING, DELETED)),
        )
        .limit(_AT_ONCE)
    )
    taken = (
        sa.delete(batch_log).where(batch_log.c.seq.in_(some)).returning(batch_log.c.was, batch_log.c.state)
    )
    return _count(connection.execute(taken).all(), changes)


def _number(connection: sa.Connection, batch: str, last: int, changes: Counter[str]) -> int:
    """Give lines of the results their numbers, those after ``last``; how many."""
    some = (
        sa.select(batch_log.c.seq, sa.func.row_number().over(order_by=batch_log.c.seq).label("place"))
        .where(
            batch_log.c.batch_id == batch,
            batch_log.c.sequence.is_(None),
            batch_log.c.state.not_in((PENDING, DELETED)),
        )
        .order_by(batch_log.c.seq)
        .limit(_AT_ONCE)
        .subquery()
    )
    numbered = (
        sa.update(batch_log)
        .where(batch_log.c.seq == some.c.seq)
        .values(sequence=last + some.c.place)
        .returning(batch_log.c.was, batch_log.c.state)
    )
    return _count(connection.execute(numbered).all(), changes)


def _count(rows: Sequence[Any], changes: Counter[str]) -> int:
    for row in rows:
        changes[row.state] += 1
        if row.was is not None:
            changes[row.was] -= 1
    return len(rows)


def _standing(row: Any, counts: dict[str, int], changes: Counter[str]) -> dict[str, Any]:
    """The state that follows from the counters. A finished batch goes on when members are retried."""
    over = RunState(row.state).terminal
    if counts[PENDING] or row.expanded_at is None or row.task != Task.IDLE:
        return {"state": str(RunState.PROCESSING), "finished_at": None} if over else {}
    if over and not any(changes[name] > 0 for name in COUNTED if name not in (PENDING, DELETED)):
        return {}  # members were deleted: that changes nothing of how it ended
    values: dict[str, Any] = {"finished_at": now_us(), "password": None}
    if row.error is None and not any(counts.values()) and row.cancel_requested_at is None:
        values["error"] = _EMPTY.model_dump()
    state = _outcome(row, counts)
    return {**values, "state": str(state)}


def _outcome(row: Any, counts: dict[str, int]) -> RunState:
    """How a batch ended whose members all have."""
    if row.cancel_requested_at is not None:
        return RunState.CANCELLED
    if not counts["succeeded"] and not counts["partial"]:
        return RunState.FAILED
    less = row.error is not None or any(counts[name] for name in ("partial", "failed", "cancelled", REFUSED))
    return RunState.PARTIAL if less else RunState.SUCCEEDED
