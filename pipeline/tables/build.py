"""Turns a table as read into the published table: cell texts, roles, boxes and HTML."""

from collections.abc import Iterable
from html import escape

from pipeline.tables.fill import filled
from pipeline.tables.headers import roles
from schemas.reading import ReadLine, ReadTable
from schemas.table import Cell, CellRole, Table, TablePart


def build(table: ReadTable, lines: Iterable[ReadLine], page: int, table_id: str) -> Table:
    """The table on one page; ``lines`` are the page's, those outside the table are left alone."""
    contents = filled(table, lines)
    role_of = roles(table, [content.text for content in contents])
    cells = [
        Cell(
            row=cell.row,
            col=cell.col,
            row_span=cell.row_span,
            col_span=cell.col_span,
            role=role,
            page=page,
            text=content.text,
            bbox=content.bbox or cell.bbox,
            confidence=content.confidence,
        )
        for cell, content, role in zip(table.cells, contents, role_of, strict=True)
    ]
    cells.sort(key=lambda cell: (cell.row, cell.col))
    return Table(
        id=table_id,
        parts=[TablePart(page=page, bbox=table.bbox, rows=(0, table.rows - 1))],
        rows=table.rows,
        cols=table.cols,
        html=to_html(cells, table.rows),
        cells=cells,
    )


def to_html(cells: Iterable[Cell], rows: int) -> str:
    """`<table>` with header rows in `<thead>`, spans, and every text escaped."""
    by_row: list[list[Cell]] = [[] for _ in range(rows)]
    for cell in cells:
        by_row[cell.row].append(cell)
    heads = 0
    while heads < rows and by_row[heads] and all(c.role is CellRole.COLUMN_HEADER for c in by_row[heads]):
        heads += 1
    head, body = "".join(map(_row, by_row[:heads])), "".join(map(_row, by_row[heads:]))
    return "<table>" + (f"<thead>{head}</thead>" if head else "") + f"<tbody>{body}</tbody></table>"


def _row(cells: list[Cell]) -> str:
    return f"<tr>{''.join(_cell(cell) for cell in sorted(cells, key=lambda c: c.col))}</tr>"


def _cell(cell: Cell) -> str:
    tag = "td" if cell.role is CellRole.BODY else "th"
    spans = (f' rowspan="{cell.row_span}"' if cell.row_span > 1 else "") + (
        f' colspan="{cell.col_span}"' if cell.col_span > 1 else ""
    )
    scope = ' scope="row"' if cell.role is CellRole.ROW_HEADER else ""
    text = escape(cell.text).replace("\n", "<br>")
    return f"<{tag}{spans}{scope}>{text}</{tag}>"
