"""Tables as text: pipe tables, HTML and plain rows."""

import html

from pipeline.markdown_escapes import escaped
from schemas.table import CellRole, Table


def has_spans(table: Table) -> bool:
    return any(cell.row_span > 1 or cell.col_span > 1 for cell in table.cells)


def table_markdown(table: Table) -> str:
    """A pipe table where no cell spans; HTML otherwise."""
    if not table.cells:
        return ""
    if has_spans(table):
        return table.html or table_html(table)
    return "\n".join([pipe_head(table), *pipe_rows(table)[1:]])


def pipe_head(table: Table) -> str:
    """The first row and the line under it."""
    return f"{pipe_rows(table)[0]}\n|{' --- |' * table.cols}"


def pipe_rows(table: Table) -> list[str]:
    grid = [[""] * table.cols for _ in range(table.rows)]
    for cell in table.cells:
        words = escaped(" ".join(cell.text.split()), inline=True)
        grid[cell.row][cell.col] = words.replace("|", "\\|")
    return [f"| {' | '.join(row)} |" for row in grid]


def table_html(table: Table) -> str:
    return f"<table>{''.join(html_rows(table))}</table>"


def html_rows(table: Table) -> list[str]:
    rows = ["" for _ in range(table.rows)]
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        tag = "td" if cell.role is CellRole.BODY else "th"
        spans = f' rowspan="{cell.row_span}"' if cell.row_span > 1 else ""
        spans += f' colspan="{cell.col_span}"' if cell.col_span > 1 else ""
        rows[cell.row] += f"<{tag}{spans}>{html.escape(cell.text, quote=False)}</{tag}>"
    return [f"<tr>{row}</tr>" for row in rows]


def table_text(table: Table) -> str:
    """Plain text of a table: one line a row, cells parted by tabs."""
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in sorted(table.cells, key=lambda c: (c.row, c.col)):
        rows[cell.row].append(" ".join(cell.text.split()))
    return "\n".join("\t".join(row) for row in rows)
