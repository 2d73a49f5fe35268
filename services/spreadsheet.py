"""Tables as CSV that a spreadsheet can open without running anything that stands in them."""

import csv
import io
import re
from collections.abc import Iterator

from schemas.table import Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?[\d.,'\s\u00a0\u202f]*\d\s?[%\u20ac$\u00a3]?")


def harmless(text: str) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe; numbers stay as they are."""
    if text.lstrip(" \n").startswith(_FORMULA) and not _NUMBER.fullmatch(text.strip()):
        return f"'{text}"
    return text


def grid(table: Table) -> list[list[str]]:
    """Rows of texts; a cell with spans stands once, at its top left."""
    rows = [["" for _ in range(table.cols)] for _ in range(table.rows)]
    for cell in table.cells:
        if cell.row < table.rows and cell.col < table.cols:
            rows[cell.row][cell.col] = cell.text
    return rows


def csv_lines(rows: Iterator[list[str]] | list[list[str]]) -> Iterator[bytes]:
    """RFC 4180 lines."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([harmless(text) for text in row])
        yield line.getvalue().encode()
