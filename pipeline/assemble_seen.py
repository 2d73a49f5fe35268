"""Turns what a model saw on a page into the page as it is stored; its order and its kinds of blocks stand."""

from collections.abc import Sequence
from typing import TypeVar

from pipeline.inserts import UNREAD
from pipeline.language import language_of
from pipeline.markdown import page_markdown
from pipeline.markdown_tables import table_text
from pipeline.orders import Geometry
from pipeline.tables.build import to_html
from schemas.chart import Chart
from schemas.errors import ErrorInfo, ResultWarning
from schemas.field import Evidence
from schemas.finding import Finding, PageAnswer
from schemas.page import (
    Block,
    BudgetUsed,
    EngineUsed,
    PageContent,
    PageResult,
    PageSource,
    PageState,
    Word,
)
from schemas.reading import PageReading
from schemas.seen import Seen, SeenBlock, SeenTable
from schemas.table import Cell, CellRole, Table, TablePart

UNREADABLE = "page_unreadable"

Said = TypeVar("Said", Finding, PageAnswer)


def assemble_seen(
    reading: PageReading,
    number: int,
    geometry: Geometry,
    engine: EngineUsed | None,
    budget: BudgetUsed | None,
) -> PageContent:
    """The page of a reading whose boxes are in the page's unit."""
    seen = reading.seen or Seen()
    tables = [_table(table, number, f"t{index}") for index, table in enumerate(seen.tables, 1)]
    blocks = [_block(block, index, tables) for index, block in enumerate(seen.blocks or (), 1)]
    text = "\n".join(block.text for block in blocks if block.text)
    page = PageResult(
        **geometry.head(number),
        content_rotation=reading.content_rotation,
        language=reading.language or language_of(text),
        state=PageState.READ,
        source=PageSource.MODEL,
        engine=engine,
        attempts=1,
        budget=budget,
        text=text,
        markdown=page_markdown(blocks, tables),
        blocks=blocks,
        words=_words(seen.blocks or ()),
    )
    content = PageContent(page=page, tables=tables, warnings=on_page(reading.warnings, number))
    return with_seen(content, seen, reading.unreadable)


def with_blocks(content: PageContent, seen: Seen) -> PageContent:
    """A page read from its text layer, with what a model read on its pictures after it."""
    page = content.page
    first = len(page.blocks) + 1
    blocks = [_block(block, index, []) for index, block in enumerate(seen.blocks or (), first)]
    if blocks:
        page.blocks += blocks
        page.words += _words(seen.blocks or (), first)
        page.text = "\n".join([page.text, *(block.text for block in blocks if block.text)]).strip()
        page.markdown = page_markdown(page.blocks, content.tables)
        content.warnings = [warning for warning in content.warnings if warning.code != UNREAD]
    return content


def with_seen(content: PageContent, seen: Seen, unreadable: str | None) -> PageContent:
    """The page with what a model was asked beyond its text; a page that cannot be read says why."""
    number = content.page.number
    content.charts = [_chart(chart, number, index) for index, chart in enumerate(seen.charts, 1)]
    content.findings = _said(seen.findings, number)
    content.answers = _said(seen.answers, number)
    content.unanswered = list(seen.unanswered)
    if unreadable is not None:
        content.page.state = PageState.UNREADABLE
        content.page.error = ErrorInfo(code=UNREADABLE, detail=unreadable, retryable=True)
    return content


def on_page(warnings: Sequence[ResultWarning], number: int) -> list[ResultWarning]:
    """A reader does not know which page it read."""
    return [warning.model_copy(update={"page": number}) for warning in warnings]


def _block(block: SeenBlock, index: int, tables: Sequence[Table]) -> Block:
    table = tables[block.table] if block.table is not None else None
    return Block(
        id=f"b{index}",
        kind=block.kind,
        level=block.level,
        table_id=table.id if table is not None else None,
        text=table_text(table) if table is not None else block.text,
        bbox=block.bbox,
        confidence=block.confidence,
    )


def _words(blocks: Sequence[SeenBlock], first: int = 1) -> list[Word]:
    return [
        Word(text=word.text, bbox=word.bbox, confidence=word.confidence, block=f"b{index}")
        for index, block in enumerate(blocks, first)
        for word in block.words
    ]


def _table(table: SeenTable, number: int, table_id: str) -> Table:
    cells = [
        Cell(
            row=cell.row,
            col=cell.col,
            row_span=cell.row_span,
            col_span=cell.col_span,
            role=_role(head=cell.head, header=cell.header),
            page=number,
            text=cell.text,
            bbox=cell.bbox,
            confidence=cell.confidence,
        )
        for cell in table.cells
    ]
    cells.sort(key=lambda cell: (cell.row, cell.col))
    return Table(
        id=table_id,
        parts=[TablePart(page=number, bbox=table.bbox, rows=(0, table.rows - 1))],
        caption=table.caption,
        rows=table.rows,
        cols=table.cols,
        html=to_html(cells, table.rows),
        cells=cells,
    )


def _role(*, head: bool, header: bool) -> CellRole:
    if head:
        return CellRole.COLUMN_HEADER
    return CellRole.ROW_HEADER if header else CellRole.BODY


def _chart(chart: Chart, number: int, index: int) -> Chart:
    return chart.model_copy(update={"id": f"c{index}", "page": number})


def _said(found: Sequence[Said] | None, number: int) -> list[Said] | None:
    if found is None:
        return None
    return [one.model_copy(update={"evidence": _evidence(one.evidence, number)}) for one in found]


def _evidence(evidence: Sequence[Evidence], number: int) -> list[Evidence]:
    return [one.model_copy(update={"page": number}) for one in evidence]
