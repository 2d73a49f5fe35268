"""The result of a document as sheets: fields, items of lists, answers, tables, what to know of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from schemas.errors import ResultWarning
from schemas.field import Answer, Field
from schemas.result import DocumentInfo
from schemas.table import Cell, Table
from services.field_cells import box_of, cell_of, first_place, place_of
from services.stores.field_rows import spread
from services.workbook import Book, Said, Sheet

MOST_SHEETS = 200
"""Of tables; those that follow stand below each other on one more."""

_FIELD_HEAD = ("field", "value", "currency", "state", "confidence", "page", "quote", "box")
_FIELD_WIDTHS = (28, 28, 10, 12, 12, 8, 40, 28)
_ANSWER_HEAD = ("question", "answer", "state", "confidence", "page", "quote", "box")
_ANSWER_WIDTHS = (40, 40, 12, 12, 8, 40, 28)


def add_fields(book: Book, fields: Callable[[], Iterator[Field]]) -> None:
    """The fields are read twice, so that no more is held of them than the names of columns."""
    lists: dict[str, dict[str, None]] = {}
    single = False
    for field in fields():
        _, of_list, _ = spread(field.path)
        if of_list is None:
            single = True
        else:
            lists.setdefault(of_list, {})[_member(field, of_list)] = None
    if single:
        _singles(book, fields())
    for name, members in lists.items():
        _items(book, name, list(members), fields())


def _singles(book: Book, fields: Iterable[Field]) -> None:
    sheet = book.sheet("fields", _FIELD_HEAD, _FIELD_WIDTHS)
    for field in fields:
        if spread(field.path)[1] is not None:
            continue
        about = [Said(field.currency), Said(str(field.state)), Said(field.confidence)]
        sheet.add([Said(field.path), cell_of(field), *about, *first_place(field.evidence)])
    sheet.close()


def _items(book: Book, name: str, members: Sequence[str], fields: Iterable[Field]) -> None:
    """A row an item. Items of a list stand together, in order, as the leaves of an extraction do."""
    sheet = book.sheet(
        name, ["item", *(member or "value" for member in members)], [8, *([20] * len(members))]
    )
    mine = (field for field in fields if spread(field.path)[1] == name)
    for index, leaves in groupby(mine, key=lambda field: spread(field.path)[2]):
        row = {_member(field, name): cell_of(field) for field in leaves}
        sheet.add([Said(index), *(row.get(member, Said(None)) for member in members)])
    sheet.close()


def _member(field: Field, of_list: str) -> str:
    """What of an item: `amount` of `line_items[2].amount`; empty where the item is the value."""
    return field.path[len(of_list) :].partition("]")[2].removeprefix(".")


def add_answers(book: Book, answers: Iterable[Answer]) -> None:
    sheet: Sheet | None = None
    for answer in answers:
        if sheet is None:
            sheet = book.sheet("answers", _ANSWER_HEAD, _ANSWER_WIDTHS)
        note = "\n".join(place_of(one) for one in answer.evidence[:3]) or None
        about = [Said(str(answer.state)), Said(answer.confidence)]
        said = Said(answer.answer, note=note)
        sheet.add([Said(answer.question), said, *about, *first_place(answer.evidence)])
    if sheet is not None:
        sheet.close()


def add_tables(book: Book, tables: Iterable[Table]) -> None:
    """Cells as they are printed, so as text; one with spans stands once, at its top left."""
    rest: Sheet | None = None
    for number, table in enumerate(tables):
        if number < MOST_SHEETS:
            sheet = book.sheet(f"{table.id} {table.caption or ''}")
            _grid(sheet, table)
            sheet.close()
            continue
        if rest is None:
            rest = book.sheet("more tables")
        rest.add([])
        rest.add([Said(f"{table.id} {table.caption or ''}".strip())])
        _grid(rest, table)
    if rest is not None:
        rest.close()


def _grid(sheet: Sheet, table: Table) -> None:
    rows: list[dict[int, Cell]] = [{} for _ in range(table.rows)]
    for cell in table.cells:
        if cell.row < table.rows and cell.col < table.cols:
            rows[cell.row][cell.col] = cell
    for row in rows:
        sheet.add([_cell(row[col]) if col in row else Said(None) for col in range(table.cols)])


def _cell(cell: Cell) -> Said:
    note = f"page {cell.page}"
    if cell.confidence is not None:
        note += f"\nconfidence {cell.confidence:.2f}"
    if cell.bbox is not None:
        note += f"\nbox {box_of(cell.bbox)}"
    return Said(cell.text, note=note) if cell.text else Said(None)


def add_document(book: Book, document: DocumentInfo, warnings: Iterable[ResultWarning]) -> None:
    sheet = book.sheet("document", (), (20, 60))
    for name, value in document.model_dump(mode="json", by_alias=True, exclude={"progress", "error"}).items():
        if name == "labels":
            for key, label in value.items():
                sheet.add([Said(f"label.{key}"), Said(label)])
        elif not isinstance(value, dict):
            sheet.add([Said(name), Said(value)])
    for warning in warnings:
        where = f"page {warning.page}: " if warning.page else ""
        sheet.add([Said(warning.code), Said(f"{where}{warning.detail}")])
    sheet.close()
