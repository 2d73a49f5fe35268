"""Spreadsheets: what was printed is what a cell says, typed, and nothing of it runs."""

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import ResultWarning
from schemas.field import Correction, Evidence, Field, FieldState, FieldType
from schemas.result import DocumentInfo, Progress, RunState
from schemas.table import Cell, Table, TablePart
from services import document_sheets
from services.workbook import MOST_NOTES, Book, Said


def made(folder: Path, *rows: list[Said], name: str = "a", head: tuple[str, ...] = ()) -> Any:
    path = folder / "a.xlsx"
    with Book() as book:
        sheet = book.sheet(name, head)
        for row in rows:
            sheet.add(row)
        sheet.close()
        book.save(path)
    return openpyxl.load_workbook(path)


FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", "#N/A", "=HYPERLINK(1)"]


def test_nothing_is_a_formula(tmp_path: Path) -> None:
    sheet = made(tmp_path, [Said(text, note=text) for text in FORMULAS], head=tuple(FORMULAS)).active
    assert [cell.value for cell in sheet[2]] == FORMULAS
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    with zipfile.ZipFile(tmp_path / "a.xlsx") as file:
        assert b"<f>" not in file.read("xl/worksheets/sheet1.xml")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(min_size=1), min_size=1, max_size=4), st.text())
def test_any_text_makes_a_file_that_opens(tmp_path: Path, texts: list[str], name: str) -> None:
    sheet = made(tmp_path, [Said(text, note=text) for text in texts], name=name).active
    assert len(sheet.title) <= 31
    for cell, text in zip(sheet[1], texts, strict=True):
        if text.isalnum() and text.isprintable():
            assert cell.value == text


def test_values_have_their_types(tmp_path: Path) -> None:
    cells = made(
        tmp_path,
        [
            Said(Decimal("685.68"), "EUR"),
            Said(Decimal("1200"), "JPY"),
            Said(date(2024, 3, 14)),
            Said(datetime(2024, 3, 14, 12, 30, tzinfo=UTC)),
            Said(True),
            Said(Decimal("12345678901234567890")),
            Said(date(1815, 6, 18)),
            Said("x" * 40_000),
            Said("a\x00b_x0041_"),
            Said(float("nan")),
        ],
    ).active[1]
    assert [cell.data_type for cell in cells] == ["n", "n", "d", "d", "b", "s", "s", "s", "s", "s"]
    assert cells[0].value == 685.68
    assert cells[0].number_format == "#,##0.00#### [$EUR]"
    assert cells[1].number_format == "#,##0 [$JPY]"
    assert cells[2].value.date() == date(2024, 3, 14)
    assert cells[5].value == "12345678901234567890", "a double would have lost its last digits"
    assert cells[6].value == "1815-06-18"
    assert len(cells[7].value) == 32_001
    assert cells[8].value == "a\ufffdb_x005F_x0041_", "which is how such a file spells _x0041_"


def test_notes_are_bounded_and_values_are_not(tmp_path: Path) -> None:
    rows = [[Said(n, note=str(n))] for n in range(MOST_NOTES + 5)]
    sheet = made(tmp_path, *rows).active
    assert sheet.max_row == MOST_NOTES + 5
    assert sum(cell.comment is not None for (cell,) in sheet.iter_rows()) == MOST_NOTES


def test_names_of_sheets_are_free_and_allowed(tmp_path: Path) -> None:
    with Book() as book:
        for name in ["a/b", "A:B", "History", "", "'q'", "n" * 60, "n" * 60]:
            book.sheet(name).close()
        book.save(tmp_path / "a.xlsx")
    names = openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames
    assert names[:5] == ["a b", "A B (2)", "History (2)", "Sheet", "q"]
    assert [len(name) for name in names[5:]] == [31, 31]


def test_a_file_that_is_given_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError), Book() as book:
        book.sheet("a").add(Said(1 // number) for number in (1, 0))
    assert list(tmp_path.iterdir()) == []


def field(path: str, kind: FieldType, value: Any, **more: Any) -> Field:
    evidence = [Evidence(page=2, quote=f"there {value}", boxes=[(1, 2, 3, 4)])]
    return Field(path=path, type=kind, state=FieldState.FOUND, value=value, evidence=evidence, **more)


def test_a_document_is_its_fields_items_and_tables() -> None:
    fields = [
        field("total", FieldType.MONEY, 0.1, decimal="0.10", currency="EUR", confidence=0.97),
        field(
            "date", FieldType.DATE, "2024-03-14", correction=Correction(value="2024-03-15", by="me", at="now")
        ),
        Field(path="number", type=FieldType.TEXT, state=FieldState.MISSING),
        field("line_items[0].sku", FieldType.TEXT, "=A"),
        field("line_items[0].amount", FieldType.MONEY, 3, decimal="3.00", currency="EUR"),
        field("line_items[1].amount", FieldType.MONEY, 4, decimal="4.00", currency="EUR"),
        field("tags[0]", FieldType.TEXT, "red"),
    ]
    cells = [Cell(row=0, col=0, page=1, text="-1", bbox=(0, 0, 1, 1)), Cell(row=1, col=1, page=1, text="b")]
    table = Table(
        id="t1", parts=[TablePart(page=1, rows=(0, 1))], caption="Prices", rows=2, cols=2, cells=cells
    )
    info = DocumentInfo(
        id="doc_1", run_id="run_1", state=RunState.SUCCEEDED, progress=Progress(), filename="=a.pdf",
        media_type="application/pdf", bytes=1, sha256="", created_at="", labels={"dept": "hr"},
    )  # fmt: skip
    with Book() as book, io.BytesIO() as file:
        document_sheets.add_fields(book, lambda: iter(fields))
        document_sheets.add_tables(book, [table] * (document_sheets.MOST_SHEETS + 2))
        document_sheets.add_document(book, info, [ResultWarning(code="odd", detail="why", page=3)])
        book._book.save(file)
        read = openpyxl.load_workbook(file)
    assert read.sheetnames[:4] == ["fields", "line_items", "tags", "t1 Prices"]
    assert read.sheetnames[-2:] == ["more tables", "document"]
    total, day, number = list(read["fields"].iter_rows(min_row=2))
    assert (total[1].value, total[1].number_format) == (0.1, "#,##0.00#### [$EUR]")
    assert total[1].comment.text == "page 2: there 0.1\nbox 1, 2, 3, 4\nconfidence 0.97"
    assert [cell.value for cell in total[2:]] == ["EUR", "found", 0.97, 2, "there 0.1", "1, 2, 3, 4"]
    assert day[1].value.date() == date(2024, 3, 15)
    assert "corrected by me at now; read was: 2024-03-14" in day[1].comment.text
    assert (number[1].value, number[1].comment.text) == (None, "missing")
    rows = list(read["line_items"].iter_rows(values_only=True))
    assert rows == [("item", "sku", "amount"), (0, "=A", 3), (1, None, 4)]
    assert list(read["tags"].iter_rows(values_only=True)) == [("item", "value"), (0, "red")]
    assert list(read["t1 Prices"].iter_rows(values_only=True)) == [("-1", None), (None, "b")]
    assert sum(row[0].value == "t1 Prices" for row in read["more tables"].iter_rows()) == 2
    about = dict(list(read["document"].iter_rows(values_only=True)))
    assert (about["filename"], about["label.dept"], about["odd"]) == ("=a.pdf", "hr", "page 3: why")
