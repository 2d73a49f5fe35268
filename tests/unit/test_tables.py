"""Tables printed here are found with their rows, columns and spans; prose and charts are not."""

import random

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tables import build, find_tables
from pipeline.tables.headers import is_number
from pipeline.text_layer import LayoutUse, read
from schemas.geometry import iou
from schemas.reading import PageReading, ReadCell, ReadTable, ReadWord, Rule, line_of
from schemas.table import CellRole, Table
from tests.samples.table_pages import Printed, Style, new_page, print_table

WORDS = [
    *("Revenue", "Cost", "Margin", "Profit", "Region", "North", "South", "East", "West", "Total", "Growth"),
    *("Staff", "Assets", "Capital", "Rent", "Energy", "Water", "Steel", "Paper", "Coffee", "Sugar"),
    *("Cotton", "Export", "Import", "Freight", "Storage", "Transport", "Insurance", "Interest"),
]


def a_table(seed: int, style: Style) -> Printed:
    """Named columns, sometimes under a heading of several; names of one or two words, sometimes wrapped."""
    chooser = random.Random(seed)
    cols = chooser.randint(2, 6)
    widths = [chooser.uniform(80, 130), *(chooser.uniform(55, 85) for _ in range(cols - 1))]
    rows: list[list[tuple[str, int]]] = []
    if cols >= 4 and chooser.random() < 0.4 and style in (Style.GRID, Style.OPEN):
        over = chooser.randint(2, cols - 1)
        rows.append(
            [
                ("", 1),
                (chooser.choice(WORDS), over),
                *((chooser.choice(WORDS), 1) for _ in range(cols - 1 - over)),
            ]
        )
    rows.append([(chooser.choice(WORDS), 1) for _ in range(cols)])
    for _ in range(chooser.randint(4, 12)):
        name = " ".join(chooser.sample(WORDS, 2))
        if chooser.random() < 0.2:
            name = f"{chooser.choice(WORDS)}\n{chooser.choice(WORDS).lower()}"
        rows.append([(name, 1), *((f"{chooser.uniform(-50, 9000):,.2f}", 1) for _ in range(cols - 1))])
    right = set(range(1, cols)) if chooser.random() < 0.7 else set[int]()
    return Printed(rows, widths, style, size=chooser.choice([8, 9, 10]), right_aligned=right)


def prose(page: pymupdf.Page, chooser: random.Random, top: float, lines: int) -> None:
    for row in range(lines):
        text = " ".join(chooser.choices(WORDS, k=12)).lower()
        page.insert_text((60, top + 13 * row), text, fontsize=10)


def printed_page(table: Printed, seed: int, rotation: int = 0) -> tuple[PageReading, pymupdf.Rect]:
    chooser = random.Random(seed)
    document, page = new_page()
    prose(page, chooser, 70, 4)
    where = print_table(page, table, 60, 140)
    prose(page, chooser, where.y1 + 40, 4)
    page.set_rotation(rotation)
    reading = read(pymupdf.open("pdf", document.tobytes())[0], LayoutUse.NEVER).reading
    return reading, where


def built(reading: PageReading) -> list[Table]:
    found = find_tables(reading)
    return [build(table, reading.lines, 1, f"t{index}") for index, table in enumerate(found, 1)]


def contents(table: Table) -> list[tuple[int, int, int, str]]:
    return [(cell.row, cell.col, cell.col_span, cell.text) for cell in table.cells]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), style=st.sampled_from([Style.GRID, Style.OPEN]))
def test_ruled_tables_come_back_cell_by_cell(seed: int, style: Style) -> None:
    printed = a_table(seed, style)
    reading, where = printed_page(printed, seed)
    (table,) = built(reading)
    assert contents(table) == printed.cells
    box = table.parts[0].bbox
    assert box is not None
    assert iou(box, tuple(where)) > 0.9


@pytest.mark.parametrize("style", [Style.LINES, Style.BARE])
def test_bare_tables_come_back_mostly(style: Style) -> None:
    whole = 0
    for seed in range(30):
        printed = a_table(seed, style)
        reading, _ = printed_page(printed, seed)
        whole += [contents(table) for table in built(reading)] == [printed.cells]
    assert whole >= 25


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_tables_of_rotated_pages_read_the_same(rotation: int) -> None:
    printed = a_table(3, Style.GRID)
    reading, _ = printed_page(printed, 3, rotation)
    (table,) = built(reading)
    assert contents(table) == printed.cells
    for cell in table.cells:
        assert cell.bbox is not None
        assert 0 <= cell.bbox[0] < cell.bbox[2] <= reading.width
        assert 0 <= cell.bbox[1] < cell.bbox[3] <= reading.height


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_prose_is_no_table(seed: int) -> None:
    chooser = random.Random(seed)
    document, page = new_page()
    prose(page, chooser, 70, chooser.randint(3, 45))
    assert built(read(pymupdf.open("pdf", document.tobytes())[0], LayoutUse.NEVER).reading) == []


def test_two_columns_of_prose_are_no_table() -> None:
    document, page = new_page()
    text = "the board met again and went through the papers one by one"
    for row in range(30):
        page.insert_text((50, 80 + 13 * row), text[:48], fontsize=9)
        page.insert_text((310, 80 + 13 * row), text[3:51], fontsize=9)
    assert built(read(pymupdf.open("pdf", document.tobytes())[0], LayoutUse.NEVER).reading) == []


def test_a_frame_around_text_is_no_table() -> None:
    document, page = new_page()
    page.draw_rect(pymupdf.Rect(50, 50, 500, 200))
    prose(page, random.Random(1), 80, 6)
    assert built(read(pymupdf.open("pdf", document.tobytes())[0], LayoutUse.NEVER).reading) == []


def test_a_chart_with_grid_lines_is_no_table() -> None:
    document, page = new_page()
    for step in range(6):
        page.draw_line((100, 100 + 40 * step), (400, 100 + 40 * step))
        page.draw_line((100 + 60 * step, 100), (100 + 60 * step, 300))
        page.insert_text((75, 103 + 40 * step), str(500 - 100 * step), fontsize=8)
        page.insert_text((95 + 60 * step, 315), str(2000 + step), fontsize=8)
    page.draw_polyline([(100, 250), (160, 180), (220, 220), (280, 140), (340, 150), (400, 120)])
    assert built(read(pymupdf.open("pdf", document.tobytes())[0], LayoutUse.NEVER).reading) == []


def test_rows_without_rules_between_them_are_told_apart_by_their_figures() -> None:
    document, page = new_page()
    rows = [
        ("Country", "Fund", "Total"),
        ("Malta", "0.28", "0.72"),
        ("Poland", "22", "55"),
        ("Latvia", "1.5", "3.9"),
    ]
    for index, row in enumerate(rows):
        for x, text in zip((110, 250, 350), row, strict=True):
            page.insert_text((x, 114 + 16 * index), text, fontsize=10)
    for x in (100, 240, 340, 440):
        page.draw_line((x, 100), (x, 168))
    for y in (100, 118, 168):
        page.draw_line((100, y), (440, y))
    (table,) = built(read(pymupdf.open("pdf", document.tobytes())[0], LayoutUse.NEVER).reading)
    assert [cell.text for cell in table.cells] == [text for row in rows for text in row]


def word(text: str, x: float, y: float, width: float = 40) -> ReadWord:
    return ReadWord(text, (x, y, x + width, y + 10), 0.9)


def a_reading() -> tuple[ReadTable, PageReading]:
    """Two header rows, the upper with one heading over both columns of figures; a cell of two lines."""
    cells = (
        ReadCell(0, 0, (0, 0, 100, 20), row_span=2, header=True),
        ReadCell(0, 1, (100, 0, 300, 20), col_span=2, header=True),
        ReadCell(1, 1, (100, 20, 200, 40), header=True),
        ReadCell(1, 2, (200, 20, 300, 40), header=True),
        ReadCell(2, 0, (0, 40, 100, 80)),
        ReadCell(2, 1, (100, 40, 200, 80)),
        ReadCell(2, 2, (200, 40, 300, 80)),
    )
    lines = (
        line_of([word("<Name>", 5, 10)], 10),
        line_of([word("Sales", 180, 5)], 10),
        line_of([word("2021", 110, 25), word("2022", 210, 25)], 10),
        line_of([word("Tea", 5, 45), word("&", 50, 45), word("1,200", 110, 45), word("900", 210, 45)], 10),
        line_of([word("herbs", 5, 60)], 10),
        line_of([word("elsewhere", 5, 300)], 10),
    )
    rules = (Rule((0, 0, 300, 1)),)
    return ReadTable((0, 0, 300, 80), 3, 3, cells), PageReading(400, 400, lines, rules=rules)


def test_a_table_is_built_with_texts_roles_boxes_and_html() -> None:
    table, reading = a_reading()
    made = build(table, reading.lines, 4, "t9")
    assert (made.id, made.rows, made.cols) == ("t9", 3, 3)
    assert (made.parts[0].page, made.parts[0].rows) == (4, (0, 2))
    assert [cell.text for cell in made.cells] == [
        "<Name>",
        "Sales",
        "2021",
        "2022",
        "Tea & herbs",
        "1,200",
        "900",
    ]
    assert [cell.role for cell in made.cells[:4]] == [CellRole.COLUMN_HEADER] * 4
    assert [cell.role for cell in made.cells[4:]] == [CellRole.ROW_HEADER, CellRole.BODY, CellRole.BODY]
    assert made.cells[4].bbox == (5, 45, 90, 70)
    assert made.cells[4].confidence == 0.9
    assert made.html == (
        '<table><thead><tr><th rowspan="2">&lt;Name&gt;</th><th colspan="2">Sales</th></tr>'
        "<tr><th>2021</th><th>2022</th></tr></thead>"
        '<tbody><tr><th scope="row">Tea &amp; herbs</th><td>1,200</td><td>900</td></tr></tbody></table>'
    )


def test_a_heading_is_widened_over_the_columns_it_is_centred_on() -> None:
    xs = (0, 100, 200, 300, 400)
    texts = [
        ["", "", "Year ended", ""],
        ["", "2021", "2022", "2023"],
        ["Cost", "178", "141", "138"],
        ["Tax", "9", "8", "7"],
    ]
    cells = tuple(
        ReadCell(r, c, (xs[c], 20 * r, xs[c + 1], 20 * r + 20), header=r < 2)
        for r in range(4)
        for c in range(4)
    )
    lines = tuple(
        line_of([word(text, (xs[c] + xs[c + 1]) / 2 - 20, 20 * r + 5)], 10)
        for r, row in enumerate(texts)
        for c, text in enumerate(row)
        if text
    )
    reading = PageReading(400, 400, lines, tables=(ReadTable((0, 0, 400, 80), 4, 4, cells),))
    (made,) = built(reading)
    (heading,) = (cell for cell in made.cells if cell.text == "Year ended")
    assert (heading.col, heading.col_span) == (1, 3)


@given(st.decimals(-(10**9), 10**9, places=2, allow_nan=False))
def test_amounts_are_numbers_and_words_are_not(amount: object) -> None:
    for text in (f"{amount}", f"{amount:,}", f"$ {amount}", f"({amount})", f"{amount} %", f"€{amount}"):
        assert is_number(text)
    assert not is_number("Total")
    assert not is_number("Q2 2006 onwards")
