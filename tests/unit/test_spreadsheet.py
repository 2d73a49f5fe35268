"""CSV of tables: nothing in a document may become a formula in somebody's spreadsheet."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.table import Cell, Table, TablePart
from services.spreadsheet import csv_lines, grid, harmless


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\n=1",
        "＝1+1",
        "-A1",
        "+A1",
    ],
)
def test_formulas_are_made_harmless(text: str) -> None:
    assert harmless(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["-12,50", "-1.234,56 €", "+49 40 5550 1234", "-5 %", "", "a=b", "12", "x - y"]
)
def test_numbers_and_plain_text_stay(text: str) -> None:
    assert harmless(text) == text


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=4
        ),
        min_size=1,
    )
)
def test_what_goes_in_comes_out(rows: list[list[str]]) -> None:
    text = b"".join(csv_lines(rows)).decode()
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]


def test_spans_stand_at_their_top_left() -> None:
    cells = [
        Cell(row=0, col=0, col_span=2, page=1, text="head"),
        Cell(row=1, col=0, page=1, text="a"),
        Cell(row=1, col=1, page=1, text="b"),
    ]
    table = Table(id="t1", parts=[TablePart(page=1, rows=(0, 1))], rows=2, cols=2, cells=cells)
    assert grid(table) == [["head", ""], ["a", "b"]]
