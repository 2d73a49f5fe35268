"""Puts the parts of a table that runs over several pages together; a repeated header appears once."""

from collections.abc import Sequence

from pipeline.tables.build import to_html
from schemas.table import Cell, CellRole, Table, TablePart


def merged(table_id: str, parts: Sequence[tuple[Table, int]]) -> Table:
    """One table out of its parts; of each part the first ``skip`` rows repeat the header and are left out."""
    if len(parts) == 1 and not parts[0][1]:
        return parts[0][0].model_copy(update={"id": table_id})
    cells: list[Cell] = []
    stretches: list[TablePart] = []
    rows = 0
    for index, (table, skip) in enumerate(parts):
        # Where no header was repeated, what looked like one on the later page is a row like the others.
        plain = index > 0 and skip == 0
        cells += [_moved(cell, rows - skip, plain=plain) for cell in table.cells if cell.row >= skip]
        if table.rows > skip:
            last = rows + table.rows - skip - 1
            stretches += [part.model_copy(update={"rows": (rows, last)}) for part in table.parts[:1]]
            rows = last + 1
    cols = max(table.cols for table, _ in parts)
    caption = next((table.caption for table, _ in parts if table.caption), None)
    return Table(
        id=table_id,
        parts=stretches,
        caption=caption,
        rows=rows,
        cols=cols,
        html=to_html(cells, rows),
        cells=cells,
    )


def _moved(cell: Cell, by: int, *, plain: bool) -> Cell:
    role = CellRole.BODY if plain and cell.role is CellRole.COLUMN_HEADER else cell.role
    return cell.model_copy(update={"row": cell.row + by, "role": role})
