"""An XLSX file written row by row: typed cells, notes on them, and nothing that could run."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

from babel.numbers import get_currency_precision
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
MOST_NOTES = 5_000
"""Notes of a file: openpyxl holds them in memory, and a spreadsheet with more of them is slow to open."""

_LONGEST_TEXT = 32_000  # Excel takes 32,767 UTF-16 units
_LONGEST_NOTE = 1_000
_EXACT_DIGITS = 15  # a spreadsheet's numbers are doubles: more digits would not be the same number
_FIRST_DAY = date(1900, 3, 1)  # before it spreadsheets disagree about which day a number is
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")  # XML takes none of these
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # `_x0041_` is how these files spell a character
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_LONGEST_NAME = 31
_CURRENCY = re.compile("[A-Z]{3}")
_HEAD = Font(bold=True)


@dataclass(frozen=True, slots=True)
class Said:
    """What a cell says: a value, of which currency, and what is noted about it."""

    value: Any
    currency: str | None = None
    note: str | None = None


class Sheet:
    """One sheet. Rows beyond what a sheet can hold go on in another with the same head."""

    def __init__(self, book: "Book", name: str, head: Sequence[str], widths: Sequence[int]) -> None:
        self._book = book
        self._name = name
        self._head = list(head)
        self._widths = widths
        self._sheet: Any = None
        self._rows = 0

    def add(self, row: Iterable[Said]) -> None:
        if self._sheet is None or self._rows == MOST_ROWS:
            self._open()
        cells = [self._cell(said) for said, _ in zip(row, range(MOST_COLUMNS), strict=False)]
        self._sheet.append(cells)
        self._rows += 1

    def close(self) -> None:
        """An empty sheet has its head."""
        if self._sheet is None:
            self._open()
        self._sheet.close()

    def _open(self) -> None:
        if self._sheet is not None:
            self._sheet.close()
        self._sheet = self._book.new_sheet(self._name)
        for at, width in enumerate(self._widths, 1):
            self._sheet.column_dimensions[get_column_letter(at)].width = width
        self._rows = 0
        if self._head:
            self._sheet.freeze_panes = "A2"
            cells = [self._cell(Said(name)) for name in self._head[:MOST_COLUMNS]]
            for cell in cells:
                if cell is not None:
                    cell.font = _HEAD
            self._sheet.append(cells)
            self._rows = 1

    def _cell(self, said: Said) -> Any:
        if said.value is None and said.note is None:
            return None
        cell = WriteOnlyCell(self._sheet)
        _fill(cell, said)
        if said.note is not None and self._book.may_note():
            cell.comment = Comment(printable(said.note, _LONGEST_NOTE), "Quire", height=140, width=320)
        return cell


class Book:
    """A file in the making. What is held are the notes; rows go to the disk as they come."""

    def __init__(self) -> None:
        self._book = Workbook(write_only=True)
        self._names: set[str] = {"history"}  # which Excel keeps for itself
        self._notes = 0

    def __enter__(self) -> "Book":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """openpyxl removes its sheets' files when it saves; a file that was given up leaves them."""
        for sheet in self._book.worksheets:
            if not sheet.closed:
                sheet.close()
            Path(sheet._writer.out).unlink(missing_ok=True)

    def may_note(self) -> bool:
        self._notes += 1
        return self._notes <= MOST_NOTES

    def sheet(self, name: str, head: Sequence[str] = (), widths: Sequence[int] = ()) -> Sheet:
        return Sheet(self, name, head, widths)

    def new_sheet(self, name: str) -> Any:
        return self._book.create_sheet(self._free(name))

    def save(self, path: Path) -> None:
        self._book.save(path)

    def _free(self, wanted: str) -> str:
        """A name that no other sheet has, made of what names may hold."""
        name = _NOT_IN_NAMES.sub(" ", printable(wanted, 1_000)).replace("\n", " ").strip(" '") or "Sheet"
        free = name[:_LONGEST_NAME].strip(" '")
        number = 1
        while free.casefold() in self._names:
            number += 1
            tail = f" ({number})"
            free = name[: _LONGEST_NAME - len(tail)].strip(" '") + tail
        self._names.add(free.casefold())
        return free


def printable(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Text that XML can hold, cut where it is longer than a cell takes."""
    shown = _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
    units = shown.encode("utf-16-le")
    if len(units) > 2 * longest:
        shown = units[: 2 * longest].decode("utf-16-le", "ignore") + "\N{HORIZONTAL ELLIPSIS}"
    return shown


def _fill(cell: Any, said: Said) -> None:
    value = said.value
    if isinstance(value, bool) or value is None:
        cell.value = value
    elif isinstance(value, int | float | Decimal) and _exact(value):
        cell.value = value
        if said.currency is not None and _CURRENCY.fullmatch(said.currency):
            cell.number_format = _money(said.currency)
    elif isinstance(value, datetime):
        cell.value = value.astimezone(UTC).replace(tzinfo=None)
        cell.number_format = "yyyy-mm-dd hh:mm:ss"
    elif isinstance(value, date) and value >= _FIRST_DAY:
        cell.value = value
        cell.number_format = "yyyy-mm-dd"
    else:
        text = f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)
        cell.value = _ESCAPE.sub("_x005F_", printable(text))
        # openpyxl takes "=1+1" for a formula and "#N/A" for an error; here they are what was printed.
        cell.data_type = "s"


def _exact(value: int | float | Decimal) -> bool:
    """Whether a double holds the number to its last digit."""
    if isinstance(value, float):
        return value - value == 0  # neither infinite nor not a number
    number = Decimal(value)
    return number.is_finite() and len(number.normalize().as_tuple().digits) <= _EXACT_DIGITS


def _money(currency: str) -> str:
    """Digits as usual in the currency; further ones show where a price has them."""
    usual = get_currency_precision(currency)
    return f"#,##0.{'0' * usual}{'#' * (6 - usual)} [${currency}]" if usual else f"#,##0 [${currency}]"
