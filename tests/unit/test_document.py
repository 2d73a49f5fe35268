"""What only the whole document shows: running heads, page numbers, levels, tables and words over pages."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.assemble import assemble
from pipeline.document import DocumentPlan, merge_tables, plan_document, summarise
from pipeline.markdown import document_markdown
from pipeline.orders import Geometry
from pipeline.overlay import apply
from schemas.page import BlockKind, PageContent, PageSource, Unit
from schemas.reading import ReadCell, ReadTable
from schemas.table import CellRole
from tests.samples.typeset import Sheet

# Each fills more than one line.
BODY = (
    "The committee met again in the spring and went over the papers of the year, one by one and at leisure",
    "Nobody could say with certainty where the money was, and so the treasurer himself was asked to explain",
    "He declined to do so in the presence of the public, which was asked to leave the hall and wait outside",
    "What was said behind the doors was not written down, but the sum was found after a week in a drawer",
)


def content_of(sheet: Sheet, number: int, tables: tuple[ReadTable, ...] = ()) -> PageContent:
    geometry = Geometry(Unit.POINT, sheet.width, sheet.height)
    return assemble(sheet.reading(tables=tables), number, geometry, PageSource.TEXT_LAYER, None, None)


def plan_of(contents: list[PageContent]) -> DocumentPlan:
    stored = [(c.page.number, json.loads(json.dumps(summarise(c)))) for c in contents]
    return plan_document(iter(stored))


def finished(contents: list[PageContent], plan: DocumentPlan) -> list[PageContent]:
    return [apply(content, plan.overlay(content.page.number)) for content in contents]


def markdown_of(contents: list[PageContent]) -> str:
    plan = plan_of(contents)
    pages = ((apply(c, plan.overlay(c.page.number)), plan.overlay(c.page.number)) for c in contents)
    return "".join(document_markdown(pages))


def kinds_of(content: PageContent) -> dict[str, BlockKind]:
    return {block.text: block.kind for block in content.page.blocks}


def book(pages: int, first: int = 1) -> list[PageContent]:
    """Pages with a running title close to the text, another on even pages, and a number below."""
    contents = []
    for number in range(1, pages + 1):
        sheet = Sheet()
        sheet.line("Minutes of the Club" if number % 2 else "The Missing Money", 50, 44)
        sheet.paragraph(f"{BODY[number % 4]} {number}.", 50, 62, 500)
        sheet.paragraph(f"{BODY[(number + 1) % 4]}.", 50, 100, 500)
        sheet.line(str(number + first - 1), 300, 750)
        contents.append(content_of(sheet, number))
    return contents


def test_running_heads_are_told_by_repetition() -> None:
    contents = book(6)
    assert kinds_of(contents[2])["Minutes of the Club"] is not BlockKind.HEADER  # alone it could be a title
    pages = finished(contents, plan_of(contents))
    for number, page in enumerate(pages, 1):
        head = "Minutes of the Club" if number % 2 else "The Missing Money"
        assert kinds_of(page)[head] is BlockKind.HEADER
        assert kinds_of(page)[str(number)] is BlockKind.PAGE_NUMBER
        assert head not in page.page.markdown
        assert head in page.page.text
        assert page.page.markdown.startswith(BODY[number % 4][:40])


def test_a_single_page_is_left_as_it_is() -> None:
    contents = book(1)
    assert plan_of(contents).overlay(1) is None


@settings(max_examples=10, deadline=None)
@given(pages=st.integers(1, 7), first=st.integers(1, 400))
def test_applying_an_overlay_twice_is_applying_it_once(pages: int, first: int) -> None:
    contents = book(pages, first) + long_table(2, start=pages + 1)
    plan = plan_of(contents)
    for content in contents:
        overlay = plan.overlay(content.page.number)
        once = apply(content, overlay)
        assert apply(once, overlay) == once
        assert json.loads(json.dumps(overlay)) == overlay


def test_heading_levels_mean_the_same_on_every_page() -> None:
    contents = []
    for number in range(1, 4):
        sheet = Sheet()
        y = 120.0
        if number == 1:
            y = sheet.line("Report of the Club", 50, y, 24) + 10
        y = sheet.line(f"Chapter {['One', 'Two', 'Three'][number - 1]}", 50, y, 16) + 10
        sheet.paragraph(f"{BODY[number]}.", 50, y, 500)
        contents.append(content_of(sheet, number))
    assert [b.level for b in contents[1].page.blocks if b.kind is BlockKind.HEADING] == [1]
    pages = finished(contents, plan_of(contents))
    levels = [[b.level for b in page.page.blocks if b.kind is BlockKind.HEADING] for page in pages]
    assert levels == [[1, 2], [2], [2]]


def table_at(y: float, rows: Sequence[tuple[str, ...]], sheet: Sheet, header: bool) -> ReadTable:
    cells = []
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            x, top = 50 + 160 * c, y + 16 * r
            sheet.line(text, x + 2, top + 2)
            box = (x, top, x + 160.0, top + 16)
            cells.append(ReadCell(r, c, box, header=header and r == 0))
    return ReadTable(
        (50, y, 50 + 160 * len(rows[0]), y + 16 * len(rows)), len(rows), len(rows[0]), tuple(cells)
    )


HEAD = ("Item", "Place", "Price")


def long_table(pages: int, *, header: bool = True, start: int = 1) -> list[PageContent]:
    """A table that fills its pages; its header is repeated on each where ``header`` is set."""
    contents = []
    for number in range(start, start + pages):
        sheet = Sheet()
        rows = [(f"thing {number} {k}", f"shelf {k}", f"{number}{k}.50") for k in range(38)]
        shown = header or number == start
        table = table_at(60, [HEAD, *rows] if shown else rows, sheet, shown)
        sheet.line(f"Page {number} of {start + pages - 1}", 280, 770, 8)
        contents.append(content_of(sheet, number, (table,)))
    return contents


def test_a_table_over_three_pages_is_one_table_with_one_header() -> None:
    contents = long_table(3)
    plan = plan_of(contents)
    fetched: list[int] = []

    def fetch(number: int) -> PageContent:
        fetched.append(number)
        return contents[number - 1]

    (table,) = merge_tables(plan, fetch)
    assert fetched == [1, 2, 3]
    assert (table.id, table.rows, table.cols) == ("t1", 1 + 3 * 38, 3)
    assert [(part.page, part.rows) for part in table.parts] == [(1, (0, 38)), (2, (39, 76)), (3, (77, 114))]
    heads = [cell for cell in table.cells if cell.role is CellRole.COLUMN_HEADER]
    assert [cell.text for cell in heads] == list(HEAD)
    assert sum(cell.text == "Item" for cell in table.cells) == 1
    assert table.html.count("<tr>") == table.rows
    places = {(cell.row, cell.col) for cell in table.cells}
    assert places == {(row, col) for row in range(table.rows) for col in range(3)}
    assert {b.table_id for page in finished(contents, plan) for b in page.page.blocks if b.table_id} == {"t1"}


def test_without_a_repeated_header_every_row_counts() -> None:
    contents = long_table(2, header=False)
    (table,) = merge_tables(plan_of(contents), lambda number: contents[number - 1])
    assert table.rows == 1 + 2 * 38
    assert {cell.role for cell in table.cells if cell.row > 0} & {CellRole.COLUMN_HEADER} == set()


@pytest.mark.parametrize("header", [True, False])
def test_rows_that_are_alike_on_two_pages_all_count(header: bool) -> None:
    """Only a header is repeated; a monthly fee is charged again."""
    fee = ("Monthly fee", "1", "50.00")
    contents = []
    for number in (1, 2):
        sheet = Sheet()
        rows = [fee, *((f"thing {number} {k}", f"shelf {k}", f"{number}{k}.50") for k in range(37))]
        drawn = table_at(60, [HEAD, *rows] if header else rows, sheet, header)
        contents.append(content_of(sheet, number, (drawn,)))
    (table,) = merge_tables(plan_of(contents), lambda number: contents[number - 1])
    assert table.rows == header + 2 * 38
    assert sum(cell.text == "Monthly fee" for cell in table.cells) == 2


def test_the_markdown_of_a_long_table_goes_on_without_a_second_header() -> None:
    lines = markdown_of(long_table(3)).splitlines()
    assert lines[0] == "| Item | Place | Price |"
    assert len(lines) == 2 + 3 * 38
    assert all(line.startswith("|") for line in lines)


def test_tables_with_text_between_them_stay_apart() -> None:
    first, second = Sheet(), Sheet()
    rows = [(f"thing {k}", f"shelf {k}", f"{k}.50") for k in range(5)]
    one = table_at(60, [HEAD, *rows], first, header=True)
    first.paragraph(f"{BODY[0]}.", 50, 300, 500)
    two = table_at(60, [HEAD, *rows], second, header=True)
    contents = [content_of(first, 1, (one,)), content_of(second, 2, (two,))]
    assert [table.id for table in merge_tables(plan_of(contents), lambda n: contents[n - 1])] == ["t1", "t2"]


def letter(number: int, *, note: str = "") -> PageContent:
    """A page of a letter: its head again on each page, with figures that change, then its table."""
    sheet = Sheet()
    sheet.line("Northern Tools Ltd, 12 Quay Road", 50, 160)
    sheet.line(f"Invoice 4711, page {number}", 50, 200, 14)
    if note:
        sheet.paragraph(note, 50, 230, 500)
    rows = [(f"thing {number} {k}", f"shelf {k}", f"{number}{k}.50") for k in range(29)]
    return content_of(sheet, number, (table_at(300, [HEAD, *rows], sheet, header=True),))


def test_a_letterhead_on_every_page_does_not_part_a_table() -> None:
    contents = [letter(1), letter(2)]
    (table,) = merge_tables(plan_of(contents), lambda number: contents[number - 1])
    assert table.rows == 1 + 2 * 29
    assert markdown_of(contents).count("| Item | Place | Price |") == 1
    told = [letter(1), letter(2, note=f"{BODY[0]}.")]
    assert len(list(merge_tables(plan_of(told), lambda number: told[number - 1]))) == 2


def test_sentences_and_words_run_on_over_the_page_end() -> None:
    first, second = Sheet(), Sheet()
    first.paragraph(f"{BODY[0]}. {BODY[1]} and inter-", 50, 600, 500)
    first.line("1 As they had been kept by the clerk.", 50, 740, 7)
    second.paragraph("national affairs were left for another day.", 50, 60, 500)
    second.paragraph(f"{BODY[2]}.", 50, 120, 500)
    markdown = markdown_of([content_of(first, 1), content_of(second, 2)])
    assert "and international affairs were left for another day.\n\n1 As they had" in markdown
    assert markdown.endswith(f"{BODY[2]}.\n")


def test_a_word_broken_at_the_page_end_goes_on_below_the_table_on_top_of_the_next() -> None:
    first, second = Sheet(), Sheet()
    first.paragraph(f"{BODY[0]}. {BODY[1]} what no sin-", 50, 600, 500)
    second.line("Table 1: Prices", 50, 60, 9)
    rows = [(f"thing {k}", f"shelf {k}", f"{k}.50") for k in range(3)]
    table = table_at(75, [HEAD, *rows], second, header=True)
    second.paragraph(f"gle bottle can tell. {BODY[2]}.", 50, 180, 500)
    markdown = markdown_of([content_of(first, 1), content_of(second, 2, (table,))])
    assert "what no single bottle can tell." in markdown
    assert markdown.index("can tell") < markdown.index("Table 1: Prices") < markdown.index("| thing 0")


def test_nothing_is_lost_between_pages_that_end_and_begin_with_whole_sentences() -> None:
    contents = book(5)
    markdown = markdown_of(contents)
    for number in range(1, 6):
        assert f"{BODY[number % 4]} {number}." in markdown.replace("\n", " ")


def test_missing_pages_break_what_runs_on() -> None:
    contents = long_table(3)
    plan = plan_of([contents[0], contents[2]])
    assert [len(table.parts) for table in plan.tables] == [1, 1]


def test_an_empty_document_has_an_empty_plan() -> None:
    plan = plan_document([])
    assert (plan.overlay(1), list(merge_tables(plan, lambda _: PageContent.model_validate({})))) == (None, [])
    assert "".join(document_markdown([])) == ""


def test_front_matter_in_roman_numbers_and_headers_read_with_mistakes() -> None:
    contents = []
    for number, (head, page) in enumerate(
        [
            ("The Mayor of Casterbridge", "ix"),
            ("The Mayor of Casterbrigde", "x"),
            ("Ths Mayor of Casterbridge", "xi"),
        ],
        start=1,
    ):
        sheet = Sheet()
        sheet.line(head, 50, 44, confidence=0.9)
        sheet.paragraph(f"{BODY[number]} {number}.", 50, 62, 500)
        sheet.line(page, 420, 760, confidence=0.9)
        geometry = Geometry(Unit.POINT, sheet.width, sheet.height)
        contents.append(assemble(sheet.reading(), number, geometry, PageSource.OCR, None, None))
    for content in finished(contents, plan_of(contents)):
        kinds = [block.kind for block in content.page.blocks]
        assert kinds == [BlockKind.HEADER, BlockKind.PARAGRAPH, BlockKind.PAGE_NUMBER]


def test_a_footer_is_known_again_where_it_was_cut_into_other_blocks() -> None:
    contents = []
    for number in (1, 2):
        sheet = Sheet()
        sheet.paragraph(f"{BODY[number]}.", 50, 300, 500)
        gap = 6 if number == 1 else 0
        sheet.line("Bank of the Club, Main Street", 50, 740, 9)
        sheet.line("Account 4711 0815 with the bank", 50, 751 + gap, 9)
        contents.append(content_of(sheet, number))
    for content in finished(contents, plan_of(contents)):
        assert content.page.markdown == f"{BODY[content.page.number]}."


def test_a_thousand_pages_are_planned_from_small_summaries() -> None:
    stored = [summarise(content) for content in book(4)]
    assert max(len(json.dumps(summary)) for summary in stored) < 2500
    plan = plan_document((number, stored[(number - 1) % 4]) for number in range(1, 1001))
    assert len(plan.overlays) == 1000
