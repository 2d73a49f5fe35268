"""A model's grid is put right by what is printed: gutters part columns, rules part rows."""

from collections.abc import Sequence

import pytest

from pipeline.tables import build, find_tables
from schemas.geometry import Box
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadCell, ReadLine, ReadTable, ReadWord, Region, Rule, line_of
from schemas.table import Table

ROW = 14.0


def grid(xs: Sequence[float], ys: Sequence[float], heads: int = 1) -> ReadTable:
    cells = tuple(
        ReadCell(r, c, (xs[c], ys[r], xs[c + 1], ys[r + 1]), header=r < heads)
        for r in range(len(ys) - 1)
        for c in range(len(xs) - 1)
    )
    return ReadTable((xs[0], ys[0], xs[-1], ys[-1]), len(ys) - 1, len(xs) - 1, cells)


def at(text: str, x: float, y: float) -> ReadLine:
    """A line of 10 points; five a letter, three between words."""
    words: list[ReadWord] = []
    for word in text.split():
        words.append(ReadWord(word, (x, y, x + 5 * len(word), y + 10)))
        x += 5 * len(word) + 3
    return line_of(words, 10)


def printed(rows: Sequence[Sequence[str]], xs: Sequence[float], top: float = 2) -> list[ReadLine]:
    return [
        at(text, x, top + ROW * row)
        for row, texts in enumerate(rows)
        for text, x in zip(texts, xs, strict=True)
        if text
    ]


def found(table: ReadTable, lines: Sequence[ReadLine], rules: Sequence[Box] = ()) -> list[Table]:
    region = Region(BlockKind.TABLE, table.bbox)
    reading = PageReading(
        600, 800, tuple(lines), regions=(region,), tables=(table,), rules=tuple(map(Rule, rules))
    )
    return [build(one, reading.lines, 1, "t1") for one in find_tables(reading)]


def texts(table: Table) -> list[list[str]]:
    rows: list[list[str]] = [[""] * table.cols for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row][cell.col] = cell.text
    return rows


def levels(count: int) -> list[float]:
    return [ROW * row for row in range(count + 1)]


ITEMS = [
    ("Qty", "Article", "Amount"),
    ("2", "Copper pipe", "9.40"),
    ("10", "Elbow joint", "11.50"),
    ("6", "Ball valve", "88.80"),
    ("4", "Solder wire", "45.00"),
]


def test_a_column_with_white_space_through_it_is_two() -> None:
    """A model that took quantity and article for one column."""
    (table,) = found(grid((0, 200, 300), levels(5)), printed(ITEMS, (5, 40, 220)))
    assert texts(table) == [list(row) for row in ITEMS]


def test_the_wrapped_lines_of_a_description_do_not_hide_the_gutter() -> None:
    rows = [row for item in ITEMS for row in (item, ("", "of the best kind", ""))][2:]
    (table,) = found(grid((0, 200, 300), levels(len(rows)), heads=0), printed(rows, (5, 40, 220)))
    assert table.cols == 3
    assert [row[0] for row in texts(table) if row[0]] == ["2", "10", "6", "4"]


def test_a_title_over_both_stays_whole() -> None:
    lines = [*printed(ITEMS, (5, 40, 220), top=2 + ROW), at("Everything we delivered in spring", 5, 2)]
    (table,) = found(grid((0, 200, 300), levels(6)), lines)
    title = next(cell for cell in table.cells if cell.row == 0 and cell.text)
    assert (title.text, title.col_span) == ("Everything we delivered in spring", 2)


@pytest.mark.parametrize(
    "column",
    [
        ["$ 9.40", "$ 1.15", "$ 14.80", "$ 3.00"],
        ["Copper pipe", "Elbow joint of brass", "Valve", "Wire on a spool"],
        ["Pipe", "Joint   brass", "Valve", "Wire"],
    ],
    ids=["currency", "words", "once"],
)
def test_what_belongs_together_is_not_parted(column: list[str]) -> None:
    lines: list[ReadLine] = []
    for row, text in enumerate(column):
        x = 5.0
        for part in text.split("   ") if "$" not in text else text.split(" "):
            lines.append(at(part, x, 2 + ROW * row))
            x = 60.0
        lines.append(at(f"{row}.50", 220, 2 + ROW * row))
    (table,) = found(grid((0, 200, 300), levels(4), heads=0), lines)
    assert table.cols == 2


HEAD = ("Pos.", "Article", "Amount")
RULES: list[Box] = [(0, 2 * ROW - 0.5, 300, 2 * ROW), (0, 3 * ROW - 0.5, 300, 3 * ROW)]


def test_what_stands_above_a_ruled_head_is_no_part_of_the_table() -> None:
    rows = [
        ("Invoice", "", ""),
        ("Number", "30064443", ""),
        HEAD,
        ("1", "Copper pipe", "9.40"),
        ("2", "Ball valve", "1.15"),
    ]
    (table,) = found(grid((0, 80, 200, 300), levels(5)), printed(rows, (5, 90, 220)), RULES)
    assert texts(table) == [list(row) for row in rows[2:]]
    assert {cell.role.value for cell in table.cells if cell.row == 0} == {"column_header"}
    assert {cell.role.value for cell in table.cells if cell.row == 1} != {"column_header"}


def test_sections_with_heads_of_their_own_stay_in_one_table() -> None:
    rows = [HEAD, ("1", "Copper pipe", "9.40"), ("Pos.", "Service", "Amount"), ("1", "Repair", "7.00")]
    (table,) = found(grid((0, 80, 200, 300), levels(4)), printed(rows, (5, 90, 220)), RULES)
    assert texts(table) == [list(row) for row in rows]


def test_a_rule_through_a_row_parts_it() -> None:
    """The model took head and first item for one row."""
    rows = [HEAD, ("1", "Copper pipe", "9.40"), ("2", "Ball valve", "1.15")]
    table = grid((0, 80, 200, 300), [0.0, 2 * ROW, 3 * ROW])
    (result,) = found(table, printed(rows, (5, 90, 220)), [(0, ROW - 1, 300, ROW)])
    assert texts(result) == [list(row) for row in rows]


ADDRESS = ["Bakery Koehler", "Mill Lane 3", "24103 Kiel"]
DETAILS = [("Number:", "R-815"), ("Date:", "14.03.2024"), ("Customer:", "K-30772")]


def test_an_address_beside_labelled_values_is_no_table() -> None:
    rows = [(line, *detail) for line, detail in zip(ADDRESS, DETAILS, strict=True)]
    assert not found(grid((0, 150, 230, 320), levels(3)), printed(rows, (5, 160, 240)))


def test_a_form_and_a_table_with_a_labelled_sum_are_tables() -> None:
    form = [(*one, *other) for one, other in zip(DETAILS, reversed(DETAILS), strict=True)]
    assert found(grid((0, 80, 160, 240, 320), levels(3)), printed(form, (5, 90, 165, 245)))
    sums = [*ITEMS, ("", "Subtotal:", "154.70"), ("", "Total:", "154.70")]
    assert found(grid((0, 40, 200, 300), levels(7)), printed(sums, (5, 45, 220)))
