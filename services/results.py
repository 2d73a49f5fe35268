"""Results as streams of JSON: written part by part from short reads, never one value in memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import sqlalchemy as sa

from pipeline.markdown import document_markdown
from pipeline.select import select_pages
from schemas.errors import NotFound
from schemas.field import Field
from schemas.ids import TenantId
from schemas.page import PageContent
from schemas.result import SCHEMA_VERSION, DocumentInfo
from schemas.table import Table
from services.page_views import PageViews
from services.stores.engine import Database
from services.stores.query_tables import fields
from services.stores.tables import run_parts
from services.views import Row, usage_of

_BATCH = 64


class Include(StrEnum):
    """Parts of a result that can be left out."""

    FIELDS = "fields"
    TABLES = "tables"
    CHARTS = "charts"
    WORDS = "words"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``include`` None: everything. ``pages``: a page specification, or None for all."""

    include: frozenset[Include] | None = None
    pages: str | None = None

    def has(self, part: Include) -> bool:
        return self.include is None or part in self.include


class Results:
    """Streams results of finished runs. No connection is held between two pieces of a stream."""

    def __init__(self, database: Database, page_views: PageViews) -> None:
        self._database = database
        self._pages = page_views

    def stream(self, tenant: TenantId, document: DocumentInfo, run: Row, wanted: Wanted) -> Iterator[bytes]:
        """The JSON of `schemas.result.Result`. Faults of ``wanted`` are raised before the first piece."""
        numbers = None
        if wanted.pages is not None:
            numbers = select_pages(wanted.pages, self._pages.last_number(tenant, run.id))
        return coalesced(self._pieces(tenant, document, run, wanted, numbers))

    def _pieces(
        self,
        tenant: TenantId,
        document: DocumentInfo,
        run: Row,
        wanted: Wanted,
        numbers: Sequence[int] | None,
    ) -> Iterator[bytes]:
        outcome = corrected(run.outcome or {})
        head = {
            "schema_version": SCHEMA_VERSION,
            "warnings": outcome.get("warnings", []),
            "split": outcome.get("split"),
            "usage": usage_of(run).model_dump(),
            "document": document.model_dump(mode="json", by_alias=True, exclude={"result", "parts"}),
        }
        yield orjson.dumps(head)[:-1]
        pages = self._pages.each(tenant, run.id, numbers)
        yield from _array("pages", (page_json(page, wanted) for page in pages))
        shown = _part_filter(numbers)
        for part, kind in ((Include.TABLES, "table"), (Include.CHARTS, "chart")):
            if wanted.has(part):
                yield from _array(part, self._parts(tenant, run.id, kind, shown))
        if wanted.has(Include.FIELDS):
            for name in ("extraction", "extraction_valid"):
                yield b',"%s":%s' % (name.encode(), orjson.dumps(outcome.get(name)))
            yield from _array("fields", (orjson.dumps(content) for content in self._fields(tenant, run.id)))
            yield b',"answers":' + orjson.dumps(outcome.get("answers", []))
        yield b"}"

    def markdown(self, tenant: TenantId, run: Row, pages: str | None) -> Iterator[bytes]:
        """The pages' Markdown; sentences, words and tables that run over a page end are put together."""
        numbers = None
        if pages is not None:
            numbers = select_pages(pages, self._pages.last_number(tenant, run.id))
        pages_read = self._pages.with_overlays(tenant, run.id, numbers)
        return coalesced(text.encode() for text in document_markdown(pages_read))

    def table(self, tenant: TenantId, run_id: str, table_id: str) -> Table:
        for content in self.part_contents(tenant, run_id, "table"):
            table = Table.model_validate_json(content)
            if table.id == table_id:
                return table
        raise NotFound("table_not_found", "the result has no such table")

    def _parts(
        self, tenant: TenantId, run_id: str, kind: str, shown: Callable[[dict[str, Any]], bool]
    ) -> Iterator[bytes]:
        for content in self.part_contents(tenant, run_id, kind):
            if shown(orjson.loads(content)):
                yield content

    def part_contents(self, tenant: TenantId, run_id: str, kind: str) -> Iterator[bytes]:
        """The JSON of each table or chart, in order."""
        last = -1
        while True:
            query = (
                sa.select(run_parts.c.ordinal, run_parts.c.content)
                .where(
                    run_parts.c.run_id == run_id,
                    run_parts.c.tenant_id == tenant,
                    run_parts.c.kind == kind,
                    run_parts.c.ordinal > last,
                )
                .order_by(run_parts.c.ordinal)
                .limit(_BATCH)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield from (row.content for row in rows)
            last = rows[-1].ordinal

    def fields(self, tenant: TenantId, run_id: str) -> Iterator[Field]:
        """In order of the schema's leaves."""
        return (Field.model_validate(content) for content in self._fields(tenant, run_id))

    def _fields(self, tenant: TenantId, run_id: str) -> Iterator[dict[str, Any]]:
        last = -1
        while True:
            query = (
                sa.select(fields.c.ordinal, fields.c.content)
                .where(fields.c.run_id == run_id, fields.c.tenant_id == tenant, fields.c.ordinal > last)
                .order_by(fields.c.ordinal)
                .limit(_BATCH)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            yield from (row.content for row in rows)
            last = rows[-1].ordinal


def corrected(outcome: dict[str, Any]) -> dict[str, Any]:
    """With what people corrected in place of what the machine made of it, and the complaints about that."""
    instead = outcome.get("corrected")
    if instead is None:
        return outcome
    warnings = outcome.get("warnings", [])
    if instead["complaints"] is not None:
        warnings = [w for w in warnings if w["code"] not in _COMPLAINTS] + instead["complaints"]
    names = ("extraction", "extraction_valid")
    return {**outcome, **{name: instead[name] for name in names}, "warnings": warnings}


_COMPLAINTS = frozenset({"required_missing", "schema_mismatch"})


def coalesced(pieces: Iterator[bytes], size: int = 65_536) -> Iterator[bytes]:
    """The same bytes in pieces worth a trip through the event loop."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= size:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _array(name: str, items: Iterator[bytes]) -> Iterator[bytes]:
    yield b',"%s":[' % name.encode()
    first = True
    for item in items:
        yield item if first else b"," + item
        first = False
    yield b"]"


def page_json(content: PageContent, wanted: Wanted) -> bytes:
    """One page; without text or words the members that hold them are absent."""
    left_out = set()
    if not wanted.has(Include.TEXT):
        left_out |= {"text", "markdown", "blocks"}
    if not wanted.has(Include.WORDS):
        left_out.add("words")
    return content.page.model_dump_json(exclude=left_out).encode()


def _part_filter(numbers: Sequence[int] | None) -> Callable[[dict[str, Any]], bool]:
    """Whether a table or chart stands on one of the pages asked for."""
    if numbers is None:
        return lambda _part: True
    wanted = set(numbers)

    def shown(part: dict[str, Any]) -> bool:
        on = [p["page"] for p in part["parts"]] if "parts" in part else [part["page"]]
        return not wanted.isdisjoint(on)

    return shown
