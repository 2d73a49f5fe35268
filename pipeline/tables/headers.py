"""Tells which cells of a table name its columns and rows."""

import re
from collections.abc import Sequence

from schemas.reading import ReadTable
from schemas.table import CellRole

_NUMBER = re.compile(
    r"^[\s()\[\]+\-−–±~≈<>≤≥*$€£¥%‰.,:;/'’\d]*\d[\s()\[\]+\-−–*$€£¥%‰.,:;/'’\d]*[A-Za-z%]{0,3}\.?$"
)


def is_number(text: str) -> bool:
    """Figures with their signs, separators and a short unit."""
    return bool(_NUMBER.match(text.strip()))


def roles(table: ReadTable, texts: Sequence[str]) -> list[CellRole]:
    """A role per cell: what the reader marked as header, or else a first row above columns of figures."""
    heads = header_rows(table) or _guessed(table, texts)
    out = []
    for cell, text in zip(table.cells, texts, strict=True):
        if cell.row < heads:
            out.append(CellRole.COLUMN_HEADER)
        elif cell.col == 0 and _names_rows(table, texts, heads) and text and not is_number(text):
            out.append(CellRole.ROW_HEADER)
        else:
            out.append(CellRole.BODY)
    return out


def header_rows(table: ReadTable) -> int:
    """Leading rows that the reader marked as header."""
    marked = _marked_rows(table)
    heads = 0
    while heads in marked:
        heads += 1
    return heads


def _marked_rows(table: ReadTable) -> set[int]:
    """Rows whose cells are mostly marked; a mark on the first cell alone names the row."""
    marked: dict[int, list[bool]] = {}
    for cell in table.cells:
        if cell.col > 0:
            marked.setdefault(cell.row, []).append(cell.header)
    return {row for row, marks in marked.items() if 2 * sum(marks) > len(marks)}


def _guessed(table: ReadTable, texts: Sequence[str]) -> int:
    """One header row when it names every column without figures and figures follow; else none."""
    first = [text for cell, text in zip(table.cells, texts, strict=True) if cell.row == 0]
    rest = [text for cell, text in zip(table.cells, texts, strict=True) if cell.row > 0 and text]
    if not any(first) or any(is_number(text) for text in first if text):
        return 0
    figures = sum(is_number(text) for text in rest)
    named = sum(bool(text) for text in first)
    return 1 if rest and (figures >= 0.2 * len(rest) or named == table.cols) else 0


def _names_rows(table: ReadTable, texts: Sequence[str], heads: int) -> bool:
    """The first column is words and some other column is figures."""
    first: list[bool] = []
    others: list[bool] = []
    for cell, text in zip(table.cells, texts, strict=True):
        if cell.row >= heads and text:
            (first if cell.col == 0 else others).append(is_number(text))
    return bool(first and others) and sum(first) * 2 < len(first) and sum(others) * 2 >= len(others)
