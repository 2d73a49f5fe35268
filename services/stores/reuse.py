"""Pages read before are copied and pages being read are waited for, so that no page is paid for twice.

A page that is being read, or was read well, holds its key; a tenant has each key once. Another page with that
key copies it, or waits without a job of its own. When the holder ends, however it ends, those that wait get
jobs that look again: each copies, or holds the key from then on and is read, or waits for who was quicker.
So an open page has a job, or waits for an open page that knows it (`wanted`).

Lock order: one's own job, holders in the order of their pages, then one's own pages.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Queue
from schemas.ids import DocumentId, RunId, TenantId
from schemas.page import PageState
from services.stores import jobs
from services.stores.engine import now_us
from services.stores.tables import page_contents, pages, runs

Owner = tuple[TenantId, DocumentId, RunId]

GOOD = tuple(str(state) for state in (PageState.READ, PageState.BLANK, PageState.UNREADABLE))
_PENDING = str(PageState.PENDING)
_ROUNDS = 5
_SOME = 500
_CHUNK = 8


@dataclass(slots=True)
class Placed:
    """What became of pages: they are ours to read, wait for another run, or were read by one."""

    ours: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    read: list[tuple[int, RunId]] = field(default_factory=list)


def place(
    connection: sa.Connection, owner: Owner, numbers: Sequence[int], base: str | None, priority: int
) -> Placed:
    """Add pages to a run, copying what was read. ``base`` and a number make a page's key; None: no reuse."""
    placed = Placed()
    for some in _parts(sorted(numbers)):
        if base is None:
            _add(connection, owner, some)
            placed.ours += some
        else:
            _place(connection, owner, some, base, placed)
    if base is not None and placed.waiting:
        _hurry(connection, owner[0], base, placed.waiting, priority)
    return placed


def _place(connection: sa.Connection, owner: Owner, numbers: list[int], base: str, placed: Placed) -> None:
    for _ in range(_ROUNDS):
        _add(connection, owner, numbers, reuse_key=base)
        ours = _present(connection, owner[2], numbers)
        placed.ours += sorted(ours)
        numbers = [number for number in numbers if number not in ours]
        if not numbers:
            return
        holders = _hold(connection, owner[0], base, numbers)
        waiting = [number for number, (_, good) in holders.items() if not good]
        _add(connection, owner, waiting, waits_for=base)
        placed.waiting += waiting
        read = sorted((run, number) for number, (run, good) in holders.items() if good)
        for run, some in groupby(read, lambda pair: pair[0]):
            copy_rows(connection, owner, run, [number for _, number in some])
        placed.read += [(number, run) for run, number in read]
        # A holder may have gone between our two looks.
        numbers = [number for number in numbers if number not in holders]
    _add(connection, owner, numbers)
    placed.ours += numbers


def look_again(connection: sa.Connection, owner: Owner, numbers: Sequence[int], base: str) -> Placed:
    """What is to become of pages whose holder ended. Those that were read are left to the caller to end."""
    tenant, _, run = owner
    placed = Placed()
    for number in numbers:
        mine = sa.and_(pages.c.run_id == run, pages.c.number == number, pages.c.state == _PENDING)
        key = key_of(base, number)
        while True:
            holder = _hold(connection, tenant, base, [number]).get(number)
            if holder is None and not _take(connection, mine, key):
                continue
            if holder is None or holder[0] == run:
                placed.ours.append(number)
            elif holder[1]:
                placed.read.append((number, holder[0]))
            else:
                connection.execute(sa.update(pages).where(mine).values(waits_for=key))
                placed.waiting.append(number)
            break
    return placed


def _take(connection: sa.Connection, mine: sa.ColumnElement[bool], key: str) -> bool:
    """Hold a key from now on; False when somebody took it in the same moment."""
    try:
        with connection.begin_nested():
            connection.execute(sa.update(pages).where(mine).values(reuse_key=key))
    except sa.exc.IntegrityError:
        return False
    return True


def release(connection: sa.Connection, tenant: TenantId, keys: Iterable[str]) -> None:
    """The holder of these keys has ended or will not: those that wait get jobs that look again.

    ``keys`` are of one run, which holds their rows.
    """
    for some in _parts(list(keys)):
        waits = sa.and_(pages.c.tenant_id == tenant, pages.c.waits_for.in_(some), pages.c.state == _PENDING)
        rows = connection.execute(
            sa.select(pages.c.run_id, pages.c.number, pages.c.document_id, runs.c.priority)
            .join(runs, runs.c.id == pages.c.run_id)
            .where(waits)
            .order_by(pages.c.run_id, pages.c.number)
            .with_for_update(of=pages)
        ).all()
        if not rows:
            continue
        connection.execute(sa.update(pages).where(waits).values(waits_for=None))
        base = some[0].rpartition(":")[0]
        for priority in sorted({row.priority for row in rows}):
            mine = [row for row in rows if row.priority == priority]
            jobs.add_for(connection, tenant, Queue.RASTER, priority, _work(mine, base))


def _work(rows: Sequence[Any], base: str) -> list[tuple[DocumentId, RunId, jobs.Work]]:
    """Copying costs next to nothing, so it takes no turn of its tenant's."""
    work = []
    for (document, run), pages_of in groupby(rows, lambda row: (row.document_id, row.run_id)):
        for some in _parts([row.number for row in pages_of], _CHUNK):
            job = jobs.Work({"pages": some, "reuse": base}, page=some[0], cost=0)
            work.append((DocumentId(document), RunId(run), job))
    return work


def let_go(connection: sa.Connection, run: RunId) -> None:
    """A run gives up: its open pages hold no key any more, and who waits for one of them goes on alone."""
    rows = connection.execute(
        sa.select(pages.c.tenant_id, pages.c.reuse_key, pages.c.wanted, pages.c.state)
        .where(pages.c.run_id == run)
        .order_by(pages.c.number)
        .with_for_update()
    ).all()
    held = [row for row in rows if row.reuse_key is not None and row.state not in GOOD]
    if not held:
        return
    connection.execute(
        sa.update(pages).where(pages.c.run_id == run, pages.c.state.not_in(GOOD)).values(reuse_key=None)
    )
    release(connection, TenantId(held[0].tenant_id), [row.reuse_key for row in held if row.wanted])


def copy_rows(connection: sa.Connection, owner: Owner, base: RunId, numbers: Sequence[int]) -> None:
    """Pages that ended well in another run, as pages of this; what documents say of them is found anew."""
    tenant, document, run = owner
    fresh: dict[str, Any] = {"run_id": run, "document_id": document, "finished_at": now_us()}
    left = {"reuse_key", "waits_for", "wanted", "overlay"}
    for table in (pages, page_contents):
        columns = [column for column in table.c if column.name not in left]
        values = [fresh.get(column.name, column) for column in columns]
        source = sa.select(*(sa.literal(v) if isinstance(v, str) else v for v in values)).where(
            table.c.run_id == base, table.c.tenant_id == tenant, table.c.number.in_(numbers)
        )
        connection.execute(table.insert().from_select([column.name for column in columns], source))


def copy_content(connection: sa.Connection, run: RunId, base: RunId, number: int) -> None:
    """What was read of a page, as it was read; nothing where nothing was."""
    columns = [column for column in page_contents.c if column.name != "run_id"]
    source = sa.select(sa.literal(run), *columns).where(
        page_contents.c.run_id == base, page_contents.c.number == number
    )
    names = ["run_id", *(column.name for column in columns)]
    connection.execute(page_contents.insert().from_select(names, source))


def key_of(base: str, number: int) -> str:
    return f"{base}:{number}"


def _add(
    connection: sa.Connection,
    owner: Owner,
    numbers: Sequence[int],
    *,
    reuse_key: str | None = None,
    waits_for: str | None = None,
) -> None:
    """Rows for pages; of those with a ``reuse_key`` only where nobody holds it."""
    if not numbers:
        return
    tenant, document, run = owner
    row = {"run_id": run, "tenant_id": tenant, "document_id": document, "state": _PENDING}
    rows = [
        {
            **row,
            "number": number,
            "reuse_key": key_of(reuse_key, number) if reuse_key else None,
            "waits_for": key_of(waits_for, number) if waits_for else None,
        }
        for number in numbers
    ]
    statement = jobs.insert(connection.dialect.name, pages)
    connection.execute(statement.on_conflict_do_nothing() if reuse_key else statement, rows)


def _present(connection: sa.Connection, run: RunId, numbers: Sequence[int]) -> set[int]:
    query = sa.select(pages.c.number).where(pages.c.run_id == run, pages.c.number.in_(numbers))
    return set(connection.scalars(query))


def _hold(
    connection: sa.Connection, tenant: TenantId, base: str, numbers: Sequence[int]
) -> dict[int, tuple[RunId, bool]]:
    """Who holds the keys of these pages, and were they read? They stay as they are until we commit."""
    keys = [key_of(base, number) for number in numbers]
    held = sa.and_(pages.c.tenant_id == tenant, pages.c.reuse_key.in_(keys))
    rows = connection.execute(
        sa.select(pages.c.run_id, pages.c.number, pages.c.state)
        .where(held)
        .order_by(pages.c.number)
        .with_for_update()
    ).all()
    if any(row.state not in GOOD for row in rows):
        connection.execute(sa.update(pages).where(held, pages.c.state.not_in(GOOD)).values(wanted=True))
    return {row.number: (RunId(row.run_id), row.state in GOOD) for row in rows}


def _hurry(
    connection: sa.Connection, tenant: TenantId, base: str, numbers: Sequence[int], priority: int
) -> None:
    """What somebody waits for is at least as urgent as they are: its whole run moves up.

    Jobs that somebody is committing are skipped: they are under way, and waiting for them here could end in
    two transactions that wait for each other.
    """
    keys = [key_of(base, number) for number in numbers]
    holders = set(
        connection.scalars(
            sa.select(pages.c.run_id).where(pages.c.tenant_id == tenant, pages.c.reuse_key.in_(keys))
        )
    )
    jobs.hurry(connection, tenant, holders, (Queue.RASTER, Queue.READ), priority)


def _parts(items: Sequence[Any], size: int = _SOME) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
