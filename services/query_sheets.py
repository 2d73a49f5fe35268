"""Rows of a query as sheets: each with the columns that its rows have, known before the first is written."""

import pickle
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any

import orjson

from services.query.ast import About
from services.query.engine import Answer
from services.query.formats import plain
from services.query.notes import Beside
from services.query.plan import Source
from services.workbook import Book, Said

_MOST_SHEETS = 100  # each is an open file while rows come
_OTHERS = "documents"
_ALWAYS = frozenset({"document_id"})


class QuerySheets:
    """Rows wait on the disk, sheet by sheet. ``by_schema``: a sheet for each schema of documents."""

    def __init__(self, folder: Path, *, by_schema: bool) -> None:
        self._folder = folder
        self._by_schema = by_schema
        self._columns: dict[str, Source | None] = {}
        self._waiting: dict[str, _Waiting] = {}

    def know(self, answer: Answer) -> None:
        """Which columns there are, also where there are no rows."""
        self._columns |= answer.columns

    def add(self, answer: Answer, row: dict[str, Any], beside: Beside) -> None:
        said = {name: _said(row, name, source, beside) for name, source in answer.columns.items()}
        self._sheet(row).add(said)

    def write(self, book: Book) -> None:
        if not self._waiting:
            book.sheet(_OTHERS, list(self._columns) or ["document_id"]).close()
        for name in sorted(self._waiting):
            waiting = self._waiting[name]
            columns = [c for c in self._columns if not self._by_schema or c in waiting.used]
            sheet = book.sheet(name, columns, [20] * len(columns))
            for row in waiting.rows():
                sheet.add([row.get(column, Said(None)) for column in columns])
            sheet.close()

    def close(self) -> None:
        for waiting in self._waiting.values():
            waiting.file.close()

    def _sheet(self, row: dict[str, Any]) -> "_Waiting":
        name = str(row.get("schema") or _OTHERS).partition("@")[0] if self._by_schema else "rows"
        if name not in self._waiting and len(self._waiting) >= _MOST_SHEETS:
            name = _OTHERS
        if name not in self._waiting:
            self._waiting[name] = _Waiting(self._folder / str(len(self._waiting)))
        return self._waiting[name]


class _Waiting:
    """The rows of one sheet, and which columns they have."""

    def __init__(self, path: Path) -> None:
        self.file: IO[bytes] = path.open("w+b")
        self.used: set[str] = set(_ALWAYS)

    def add(self, row: dict[str, Said]) -> None:
        filled = {name: said for name, said in row.items() if said.value is not None or said.note is not None}
        self.used |= filled.keys()
        pickle.dump(
            [(name, said.value, said.currency, said.note) for name, said in filled.items()], self.file
        )

    def rows(self) -> Iterator[dict[str, Said]]:
        end = self.file.tell()
        self.file.seek(0)
        while self.file.tell() < end:
            cells = pickle.load(self.file)  # noqa: S301  # written above, into a folder of this process
            yield {name: Said(value, currency, note) for name, value, currency, note in cells}


def _said(
    row: dict[str, Any],
    name: str,
    source: Source | None,
    beside: Beside,
) -> Said:
    value = row.get(name)
    if source is None:
        return Said(_number(value))
    if isinstance(value, list):
        return Said(orjson.dumps(plain(value)).decode())
    if source.about is not About.FIELD:
        return Said(value)
    item = row.get("item_index") if source.list_path is not None else None
    currency, note = beside.get((row.get("run_id", ""), source.name, item), (None, None))
    return Said(value, currency, note)


def _number(value: Any) -> Any:
    """Sums and means come as texts of digits."""
    try:
        return Decimal(value) if isinstance(value, str) else value
    except InvalidOperation:
        return value
