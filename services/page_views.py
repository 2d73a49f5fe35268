"""Pages of a run as users see them: what was read, with what the whole document says about it."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from pipeline.overlay import apply
from schemas.errors import ErrorInfo, NotFound
from schemas.ids import TenantId
from schemas.page import BudgetUsed, PageContent, PageResult, PageState, Try, Unit
from services.stores.engine import Database
from services.stores.tables import page_contents, pages
from services.stores.work_tables import attempts
from services.views import rfc3339

Row = sa.Row[*tuple[Any, ...]]
Overlay = dict[str, Any]
Found = tuple[Row, list[Try]]
BATCH = 8
"""Pages per read: small enough that a reader's memory is a few pages, whatever the document."""

_ROW = (
    pages.c.number,
    pages.c.state,
    pages.c.attempts,
    pages.c.error,
    pages.c.geometry,
    pages.c.budget,
    pages.c.overlay,
)


class PageViews:
    """Reads of pages; a connection is held for one batch at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(self, tenant: TenantId, run_id: str, number: int, limit: int) -> list[PageContent]:
        """The pages that follow ``number``."""
        where = pages.c.number > number
        return [page_of(*found) for found in self._read(tenant, run_id, where, limit)]

    def one(self, tenant: TenantId, run_id: str, number: int) -> PageContent:
        found = self._read(tenant, run_id, pages.c.number == number, 1)
        if not found:
            raise NotFound("page_not_found", "the run has no such page")
        return page_of(*found[0])

    def last_number(self, tenant: TenantId, run_id: str) -> int:
        """The highest page number of a run; 0 before it is planned."""
        query = sa.select(sa.func.max(pages.c.number)).where(
            pages.c.run_id == run_id, pages.c.tenant_id == tenant
        )
        with self._database.read() as connection:
            return int(connection.scalar(query) or 0)

    def each(self, tenant: TenantId, run_id: str, numbers: Sequence[int] | None) -> Iterator[PageContent]:
        """All pages, or those of ``numbers`` (ascending), batch by batch."""
        for content, _ in self.with_overlays(tenant, run_id, numbers):
            yield content

    def with_overlays(
        self, tenant: TenantId, run_id: str, numbers: Sequence[int] | None
    ) -> Iterator[tuple[PageContent, Overlay | None]]:
        """The same, each with what the whole document says about it: what runs over its end."""
        if numbers is not None:
            for start in range(0, len(numbers), BATCH):
                wanted = pages.c.number.in_(numbers[start : start + BATCH])
                yield from _shown(self._read(tenant, run_id, wanted, BATCH))
            return
        last = 0
        while batch := self._read(tenant, run_id, pages.c.number > last, BATCH):
            last = batch[-1][0].number
            yield from _shown(batch)

    def _read(self, tenant: TenantId, run_id: str, where: sa.ColumnElement[bool], limit: int) -> list[Found]:
        same = sa.and_(page_contents.c.run_id == pages.c.run_id, page_contents.c.number == pages.c.number)
        query = (
            sa.select(*_ROW, page_contents.c.content)
            .join_from(pages, page_contents, same, isouter=True)
            .where(pages.c.run_id == run_id, pages.c.tenant_id == tenant, where)
            .order_by(pages.c.number)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            failed = sa.select(attempts).where(
                attempts.c.run_id == run_id, attempts.c.page.in_([row.number for row in rows])
            )
            tries: dict[int, list[Try]] = {}
            for row in connection.execute(failed.order_by(attempts.c.seq)):
                tries.setdefault(row.page, []).append(_try(row))
        return [(row, tries.get(row.number, [])) for row in rows]


def _try(row: Row) -> Try:
    at = rfc3339(row.at) or ""
    return Try(at=at, code=row.code, detail=row.detail, counted=row.counted, ms=row.ms)


def _shown(rows: list[Found]) -> Iterator[tuple[PageContent, Overlay | None]]:
    """One page at a time: as objects a page weighs ten times its JSON, and a client may be slow."""
    rows.reverse()
    while rows:
        row, tries = rows.pop()
        yield page_of(row, tries), row.overlay


def page_of(row: Row, tries: list[Try]) -> PageContent:
    """A page from its row and, once it was read, its content; the row knows the state better."""
    stored: bytes | None = row.content
    error = ErrorInfo(**row.error) if row.error else None
    state = PageState.FAILED if row.state == PageState.QUARANTINED else PageState(row.state)
    if stored is None:
        return PageContent(page=_bare(row, state, error).model_copy(update={"tries": tries}))
    content = apply(PageContent.model_validate_json(stored), row.overlay)
    facts = {"state": state, "attempts": row.attempts, "tries": tries, "error": error}
    return content.model_copy(update={"page": content.page.model_copy(update=facts)})


def _bare(row: Row, state: PageState, error: ErrorInfo | None) -> PageResult:
    shape: dict[str, Any] = row.geometry or {}
    return PageResult(
        number=row.number,
        unit=Unit(shape.get("unit", Unit.POINT)),
        width=shape.get("width", 0),
        height=shape.get("height", 0),
        dpi=shape.get("dpi"),
        rotation=shape.get("rotation", 0),
        state=state,
        attempts=row.attempts,
        error=error,
        budget=BudgetUsed(**row.budget) if row.budget else None,
    )
