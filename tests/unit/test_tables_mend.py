"""What a table model gets wrong is put right: split rows and headings, captions, prose taken for tables."""

from collections.abc import Sequence

from pipeline.tables import build, find_tables
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadCell, ReadLine, ReadTable, ReadWord, Region, line_of
from schemas.table import Table

Row = Sequence[str]


def grid(rows: Sequence[Row], xs: Sequence[float], ys: Sequence[float], heads: int = 1) -> ReadTable:
    """A model's grid: one cell per slot."""
    cells = tuple(
        ReadCell(r, c, (xs[c], ys[r], xs[c + 1], ys[r + 1]), header=r < heads)
        for r in range(len(rows))
        for c in range(len(xs) - 1)
    )
    return ReadTable((xs[0], ys[0], xs[-1], ys[-1]), len(rows), len(xs) - 1, cells)


def text_at(text: str, x: float, y: float) -> ReadLine:
    """A line of 10 points, half a point of advance per point of size."""
    words, at = [], x
    for word in text.split():
        words.append(ReadWord(word, (at, y, at + 5 * len(word), y + 10)))
        at += 5 * len(word) + 3
    return line_of(words, 10)


def found(table: ReadTable, lines: Sequence[ReadLine]) -> list[Table]:
    region = Region(BlockKind.TABLE, table.bbox)
    reading = PageReading(600, 800, tuple(lines), regions=(region,), tables=(table,))
    return [build(one, reading.lines, 1, "t1") for one in find_tables(reading)]


def contents(table: Table) -> list[tuple[int, int, int, str]]:
    return [(cell.row, cell.col, cell.col_span, cell.text) for cell in table.cells]


def test_lines_of_one_cell_are_one_row_again() -> None:
    rows = [("Item", "Price"), ("Steel", "10.00"), ("beams", ""), ("Paper", "2.00"), ("Glass", "4.00")]
    ys = [0.0, 20.0, 32.0, 52.0, 72.0, 92.0]
    lines = [
        text_at(text, 5 + 100 * c, ys[r] + 5)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
        if text
    ]
    (table,) = found(grid(rows, (0, 100, 200), ys), lines)
    assert [cell.text for cell in table.cells if cell.col == 0] == ["Item", "Steel beams", "Paper", "Glass"]
    assert table.rows == 4


def test_tight_rows_of_figures_stay_rows() -> None:
    rows = [("Sex", "Share"), ("Men", "11.0"), ("Women", "6.6"), ("Men", "9.5"), ("Women", "5.3")]
    ys = [0.0, 20.0, 40.0, 50.0, 70.0, 80.0]
    lines = [
        text_at(text, 5 + 100 * c, ys[r] + 0.5) for r, row in enumerate(rows) for c, text in enumerate(row)
    ]
    (table,) = found(grid(rows, (0, 100, 200), ys), lines)
    assert table.rows == 5


def test_a_heading_split_in_two_columns_is_joined() -> None:
    rows = [("Item", "Net", "price", "Tax"), ("Steel", "10.00", "", "1.00"), ("Paper", "2.00", "", "0.20")]
    lines = [
        text_at("Item", 5, 5),
        text_at("Net", 105, 5),
        text_at("price", 127, 5),
        text_at("Tax", 205, 5),
        *(
            text_at(row[c], x, 25 + 20 * r)
            for r, row in enumerate(rows[1:])
            for c, x in ((0, 5), (1, 105), (3, 205))
        ),
    ]
    (table,) = found(grid(rows, (0, 100, 124, 200, 260), (0, 20, 40, 60)), lines)
    assert table.cols == 3
    assert contents(table)[1] == (0, 1, 1, "Net price")


def test_an_empty_column_with_a_heading_of_its_own_stays() -> None:
    rows = [
        ("Item", "Price", "Discount", "Sum"),
        ("Steel", "10.00", "", "10.00"),
        ("Paper", "2.00", "", "2.00"),
    ]
    lines = [
        text_at(text, 5 + 100 * c, 5 + 20 * r)
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
        if text
    ]
    (table,) = found(grid(rows, (0, 100, 200, 300, 400), (0, 20, 40, 60)), lines)
    assert table.cols == 4


def test_a_label_through_two_cells_spans_them() -> None:
    rows = [("Item", "Count", "Price"), ("Steel", "2", "10.00"), ("Total without", "tax", "10.00")]
    lines = [
        *(
            text_at(text, 5 + 100 * c, 5 + 20 * r)
            for r, row in enumerate(rows[:2])
            for c, text in enumerate(row)
        ),
        text_at("Total without tax", 50, 45),
        text_at("10.00", 205, 45),
    ]
    (table,) = found(grid(rows, (0, 100, 200, 300), (0, 20, 40, 60)), lines)
    assert contents(table)[-2:] == [(2, 0, 2, "Total without tax"), (2, 2, 1, "10.00")]


def test_a_caption_is_given_back_to_the_page() -> None:
    rows = [("Table 4: Correlation", "of yields"), ("Country", "Yield"), ("Spain", "0.31"), ("Italy", "0.18")]
    lines = [
        text_at("Table 4: Correlation of yields", 5, 5),
        *(text_at(t, 5 + 100 * c, 25 + 20 * r) for r, row in enumerate(rows[1:]) for c, t in enumerate(row)),
    ]
    (table,) = found(grid(rows, (0, 100, 200), (0, 20, 40, 60, 80), heads=2), lines)
    assert contents(table)[0] == (0, 0, 1, "Country")
    assert table.parts[0].bbox == (0, 20, 200, 80)


def test_prose_that_a_grid_cuts_through_is_no_table() -> None:
    text = "The board met again and went through the papers"
    lines = [text_at(text, 5, 5 + 20 * r) for r in range(5)]
    assert found(grid([("", "")] * 5, (0, 120, 300), [20.0 * r for r in range(6)]), lines) == []


def test_a_table_cut_in_two_by_the_model_is_one() -> None:
    rows = [("Charges", "0.01"), ("Credits", "0.00"), ("Charges", "1.87"), ("Credits", "0.20")]
    lines = [
        text_at(text, 5 + 100 * c, 5 + 20 * r) for r, row in enumerate(rows) for c, text in enumerate(row)
    ]
    upper = grid(rows[:2], (0, 100, 200), (0, 20, 40))
    lower = grid(rows[2:], (0, 100, 200), (40, 60, 80))
    reading = PageReading(600, 800, tuple(lines), tables=(upper, lower))
    (table,) = find_tables(reading)
    assert (table.rows, table.cols) == (4, 2)
