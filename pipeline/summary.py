"""Summaries of pages: the little that the document-level pass needs to know of each, as small JSON."""

import re
from collections.abc import Sequence
from statistics import median
from typing import Any

from pipeline.marks import section_depth
from schemas.page import Block, BlockKind, PageContent, PageResult, PageSource
from schemas.table import CellRole, Table

# Blocks that may be running headers or footers reach no further into the page than this.
EDGE = 0.16
_MOST_AT_EDGE = 10
_FLOW = 6
_LONGEST = 120
_LONGEST_AT_EDGE = 400  # a footer cut into other blocks on the next page is looked for in all of its text
_MOST_BEFORE_TABLE = 16
_HEADER_ROWS = 3

_FIGURES = re.compile(r"\d+")

MARGIN_KINDS = (BlockKind.HEADER, BlockKind.FOOTER, BlockKind.PAGE_NUMBER)

Summary = dict[str, Any]


def summarise(content: PageContent) -> Summary:
    """What `plan_document` needs of this page; a few hundred bytes however full the page is."""
    page = content.page
    heights = _heights(page)
    placed = [block for block in page.blocks if block.bbox is not None and block.text]
    by_top = sorted(placed, key=lambda b: (b.bbox or (0, 0))[1])
    by_bottom = sorted(placed, key=lambda b: -(b.bbox or (0, 0, 0, 0))[3])
    return {
        "top": _edge(by_top, page, heights, footer=False),
        "bottom": _edge(by_bottom, page, heights, footer=True),
        "seen": page.source is not PageSource.TEXT_LAYER,
        "body": round(median(heights.values()), 2) if heights else 0,
        "heads": [
            [block.id, block.level, round(heights.get(block.id, 0), 2), section_depth(block.text)]
            for block in page.blocks
            if block.kind is BlockKind.HEADING
        ],
        "start": [[b.id, b.kind.value, b.text[:_LONGEST]] for b in page.blocks[:_FLOW]],
        "end": [[b.id, b.kind.value, b.text[-_LONGEST:]] for b in page.blocks[-_FLOW:]],
        "lead": _lead(page),
        "tables": len(content.tables),
        "first_table": _table(content.tables[0], page) if content.tables else None,
        "last_table": _table(content.tables[-1], page) if content.tables else None,
    }


def _lead(page: PageResult) -> list[str]:
    """What stands before the first table, figures masked: on later pages of a letter the letterhead again."""
    lead: list[str] = []
    for block in page.blocks:
        if block.kind is BlockKind.TABLE:
            return lead[: _MOST_BEFORE_TABLE + 1]
        if block.text and block.kind not in MARGIN_KINDS:
            lead.append(_FIGURES.sub("#", "".join(block.text.split()).casefold())[:_LONGEST])
    return []


def _heights(page: PageResult) -> dict[str, float]:
    """Median height of the words of each block, as a measure of its type size."""
    sizes: dict[str, list[float]] = {}
    for word in page.words:
        if word.bbox is not None and word.block is not None:
            lying = word.bbox[3] - word.bbox[1], word.bbox[2] - word.bbox[0]
            sizes.setdefault(word.block, []).append(
                lying[1] if page.content_rotation in (90, 270) else lying[0]
            )
    return {block: median(values) for block, values in sizes.items()}


def _edge(
    blocks: Sequence[Block], page: PageResult, heights: dict[str, float], *, footer: bool
) -> list[list[Any]]:
    """The outermost blocks: id, kind, text, box relative to the page, type size."""
    found: list[list[Any]] = []
    for block in blocks[:_MOST_AT_EDGE]:
        x0, y0, x1, y1 = block.bbox or (0, 0, 0, 0)
        depth = 1 - y0 / page.height if footer else y1 / page.height
        if depth > EDGE or block.kind in (BlockKind.TABLE, BlockKind.FIGURE):
            break
        box = [x0 / page.width, y0 / page.height, x1 / page.width, y1 / page.height]
        size = round(heights.get(block.id, 0), 2)
        found.append(
            [
                block.id,
                block.kind.value,
                block.text[:_LONGEST_AT_EDGE],
                [round(side, 4) for side in box],
                size,
            ]
        )
    return found


def _table(table: Table, page: PageResult) -> dict[str, Any]:
    box = table.parts[0].bbox if table.parts else None
    lefts: dict[int, float] = {}
    for cell in table.cells:
        if cell.bbox is not None and cell.col_span == 1:
            lefts[cell.col] = min(lefts.get(cell.col, cell.bbox[0]), cell.bbox[0])
    return {
        "cols": table.cols,
        "rows": table.rows,
        "x": [round(box[0] / page.width, 3), round(box[2] / page.width, 3)] if box else None,
        "lefts": [round(lefts[col] / page.width, 3) if col in lefts else None for col in range(table.cols)],
        "head": [row_texts(table, row) for row in range(min(_HEADER_ROWS, table.rows))],
        "heads": _header_rows(table),
    }


def _header_rows(table: Table) -> int:
    """How many rows are a header as a whole."""
    roles: dict[int, list[bool]] = {}
    for cell in table.cells:
        roles.setdefault(cell.row, []).append(cell.role is CellRole.COLUMN_HEADER)
    return next(row for row in range(table.rows + 1) if not all(roles.get(row, [False])))


def row_texts(table: Table, row: int) -> list[str]:
    """What a row says, for telling a repeated header."""
    cells = sorted((cell for cell in table.cells if cell.row == row), key=lambda cell: cell.col)
    return ["".join(cell.text.split()).casefold()[:60] for cell in cells]
