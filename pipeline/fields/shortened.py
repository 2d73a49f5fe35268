"""Finds lists of a model that stop short of the rows of the table they were read from."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pipeline.fields.shapes import FieldCandidate, Leaf, Outcome, path_text
from pipeline.fields.tabular import grid_of, is_sum
from pipeline.fields.values import parse
from schemas.field import FieldType
from schemas.finding import Finding
from schemas.geometry import PublicBox
from schemas.page import PageContent
from schemas.table import Cell, CellRole, Table

_Row = Mapping[int, Cell]


def shortened(leaves: Sequence[Leaf], content: PageContent) -> Iterator[FieldCandidate]:
    """One for each list and table: rows like those that became items, and that no item comes from.

    Models asked for a long list leave out its end, and say nothing of it.
    """
    by_name = {leaf.name: leaf for leaf in leaves if leaf.in_array}
    lists: dict[str, list[tuple[Leaf, Finding]]] = defaultdict(list)
    for finding in content.findings or ():
        leaf = by_name.get(finding.path)
        if leaf is not None:
            lists[path_text(leaf.array)].append((leaf, finding))
    for name, found in lists.items():
        for table in content.tables:
            items, left = _compared(table, found, content.page.number)
            if left:
                detail = f"{items} of {items + left} rows of a table on the page became items"
                yield FieldCandidate(name, Outcome.SHORTENED, raw=detail, page=content.page.number)


def _compared(table: Table, found: Sequence[tuple[Leaf, Finding]], page: int) -> tuple[int, int]:
    """Rows that items come from, and rows like them that none comes from."""
    taken: set[int] = set()
    columns: dict[int, Leaf] = {}
    for leaf, finding in found:
        for evidence in finding.evidence:
            for box in evidence.boxes or () if evidence.page == page else ():
                cell = _around(table, box)
                if cell is not None:
                    taken.add(cell.row)
                    columns[cell.col] = leaf
    left = 0
    for number, row in sorted(grid_of(table).items()) if taken else ():
        if number > min(taken) and is_sum(row):
            break
        left += number not in taken and _like_an_item(row, columns)
    return len(taken), left


def _around(table: Table, box: PublicBox) -> Cell | None:
    """The body cell in which the middle of a box lies."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for cell in table.cells:
        if cell.role is CellRole.BODY and cell.bbox is not None:
            left, top, right, bottom = cell.bbox
            if left <= x <= right and top <= y <= bottom:
                return cell
    return None


def _like_an_item(row: _Row, columns: Mapping[int, Leaf]) -> bool:
    """Whether every column that items have values in has one of the same type here."""
    cells = [(row.get(column), leaf) for column, leaf in columns.items()]
    return all(
        cell is not None
        and cell.role is CellRole.BODY
        and bool(cell.text.strip())
        and (leaf.type is FieldType.TEXT or bool(parse(leaf, cell.text)))
        for cell, leaf in cells
    )
