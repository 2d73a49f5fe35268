"""Pages set by code come back as their text: in order, in paragraphs, with their parts told apart."""

import random
import re
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.assemble import assemble
from pipeline.orders import Geometry
from schemas.geometry import Box
from schemas.page import BlockKind, PageContent, PageSource, PageState, Unit
from schemas.reading import PageReading, ReadCell, ReadTable, Region, Rule, Unread
from tests.samples.typeset import Sheet, columns, fill, mirrored, set_line, turned

# A layout model has seen the page and found no table on it.
NO_TABLES = Region(BlockKind.PARAGRAPH, (0, 0, 1, 1))


def page_of(reading: PageReading) -> PageContent:
    geometry = Geometry(Unit.POINT, reading.width, reading.height)
    return assemble(reading, 1, geometry, PageSource.TEXT_LAYER, None, None)


def prose(seed: int, paragraphs: int, words: int = 60) -> list[str]:
    """Sentences of made-up words, none of which comes twice, so that order can be checked word by word."""
    chooser = random.Random(seed)
    texts, seen = [], set[str]()
    for _ in range(paragraphs):
        parts: list[str] = []
        length = words + chooser.randrange(words)
        while len(parts) < length:
            syllables = chooser.choice((1, 2, 2, 3, 3, 4))
            word = "".join(
                chooser.choice("bcdfghklmnprstvw") + chooser.choice("aeiou") for _ in range(syllables)
            )
            if word not in seen:
                seen.add(word)
                parts.append(word)
        texts.append(f"{parts[0].capitalize()} {' '.join(parts[1:])}.")
    return texts


def tokens(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def of_kind(content: PageContent, kind: BlockKind) -> list[str]:
    return [block.text for block in content.page.blocks if block.kind is kind]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 3),
    gutter=st.floats(14, 40),
    title=st.booleans(),
    spanning=st.booleans(),
)
def test_columns_are_read_one_after_the_other(
    seed: int, count: int, gutter: float, title: bool, spanning: bool
) -> None:
    sheet, top = Sheet(width=240 * count + 120), 60.0
    texts = prose(seed, 2 * count)
    width = 240.0 - gutter
    lefts = [50 + k * (width + gutter) for k in range(count)]
    expected: list[str] = []
    if title:
        top = sheet.centred("A Title For Everything", top, 18) + 12
        expected += ["A", "Title", "For", "Everything"]
    middle = columns(sheet, texts, lefts, width, top, top + 160)
    expected += tokens(" ".join(texts))
    if spanning:
        again = prose(seed + 1, 2 * count, 40)
        again = [re.sub(r"(\w+)", r"\1x", text) for text in again]
        below = sheet.centred("The Second Part", middle + 20, 14) + 10
        columns(sheet, again, lefts, width, below, below + 120)
        expected += ["The", "Second", "Part", *tokens(" ".join(again))]
    assert tokens(page_of(sheet.reading()).page.text) == expected


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 3))
def test_right_to_left_pages_and_pages_on_their_side_read_the_same(seed: int, count: int) -> None:
    sheet = Sheet(width=240 * count + 120)
    texts = prose(seed, 2 * count)
    columns(sheet, texts, [60 + k * 240 for k in range(count)], 215, 60, 240)
    upright = page_of(sheet.reading()).page
    for changed in (mirrored(sheet.reading()), turned(sheet.reading())):
        page = page_of(changed).page
        assert page.text == upright.text
        assert [block.kind for block in page.blocks] == [block.kind for block in upright.blocks]


def test_skewed_columns_keep_their_lines() -> None:
    sheet = Sheet()
    texts = prose(3, 6)
    columns(sheet, texts, [50, 320], 230, 60, 420)
    slope = 0.02
    lines = []
    for line in sheet.lines:
        words = [
            replace(
                w, bbox=(w.bbox[0], w.bbox[1] - slope * w.bbox[0], w.bbox[2], w.bbox[3] - slope * w.bbox[0])
            )
            for w in line.words
        ]
        x0, y0, x1, y1 = line.bbox
        lines.append(replace(line, words=tuple(words), bbox=(x0, y0 - slope * x1, x1, y1 - slope * x0)))
    reading = replace(sheet.reading(), lines=tuple(lines), skew=1.1458)
    assert tokens(page_of(reading).page.text) == tokens(" ".join(texts))


def test_paragraphs_end_where_lines_are_indented_or_spaced() -> None:
    sheet = Sheet()
    first, second, third = prose(1, 3)
    y = sheet.paragraph(first, 50, 60, 500)
    y = sheet.paragraph(second, 50, y, 500, indent=15)
    sheet.paragraph(third, 50, y + 12, 500)
    assert of_kind(page_of(sheet.reading()), BlockKind.PARAGRAPH) == [first, second, third]


def test_widely_set_lines_are_one_paragraph() -> None:
    sheet = Sheet()
    text = prose(17, 1)[0]
    for index, line in enumerate(fill(text, 500)):
        sheet.line(line, 50, 60 + 22 * index)
    assert page_of(sheet.reading()).page.text == text


def test_a_sidebar_is_read_apart_from_the_text_beside_it() -> None:
    sheet = Sheet()
    main, aside = prose(1, 3), [text.replace(".", "s.") for text in prose(9, 1)]
    y = 60.0
    for text in main:
        y = sheet.paragraph(text, 50, y, 330, indent=12)
    sheet.paragraph(aside[0], 420, 80, 130, size=8)
    page = page_of(sheet.reading()).page
    assert tokens(page.text) == tokens(" ".join([*main, *aside]))


def test_vertical_japanese_is_read_from_the_right() -> None:
    lines = []
    for column, text in enumerate(
        ("吾輩は猫である。名前は", "まだ無い。どこで生れた", "かとんと見当がつかぬ。")
    ):
        x = 500 - column * 18
        words = [
            replace(
                set_line(char, x, 60 + 12 * row, 12).words[0], bbox=(x, 60 + 12 * row, x + 12, 72 + 12 * row)
            )
            for row, char in enumerate(text)
        ]
        line = set_line(text, x, 60, 12)
        lines.append(replace(line, words=tuple(words), bbox=(x, 60, x + 12, 60 + 12 * len(text)), text_=text))
    page = page_of(PageReading(width=600, height=800, lines=tuple(lines))).page
    assert page.text == "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"


def test_headings_are_told_by_size_weight_and_capitals_and_ranked() -> None:
    sheet = Sheet()
    first, second, third = prose(2, 3)
    y = sheet.line("A Treatise On Everything", 50, 60, 20) + 14
    y = sheet.line("First Things", 50, y, 14) + 6
    y = sheet.paragraph(first, 50, y, 500) + 12
    y = sheet.line("Details of them", 50, y, 10, bold=True) + 4
    y = sheet.paragraph(second, 50, y, 500) + 12
    y = sheet.line("CONCLUDING REMARKS", 50, y, 10)
    sheet.paragraph(third, 50, y, 500)
    page = page_of(sheet.reading()).page
    heads = [(block.text, block.level) for block in page.blocks if block.kind is BlockKind.HEADING]
    assert [text for text, _ in heads] == [
        "A Treatise On Everything", "First Things", "Details of them", "CONCLUDING REMARKS",
    ]  # fmt: skip
    levels = [level for _, level in heads]
    assert levels[:3] == [1, 2, 3]
    assert "# A Treatise On Everything\n" in page.markdown
    assert "## First Things\n" in page.markdown


def test_running_head_footer_and_page_number_stay_out_of_the_markdown() -> None:
    sheet = Sheet()
    text = prose(5, 4)
    sheet.line("42", 50, 30, 9)
    sheet.line("ANNALS OF NOTHING", 240, 30, 9)
    y = 70.0
    for paragraph in text:
        y = sheet.paragraph(paragraph, 50, y, 500, indent=12)
    sheet.line("Downloaded from www.example.org on 1 May", 50, 770, 8)
    page = page_of(sheet.reading()).page
    kinds = {block.text: block.kind for block in page.blocks}
    assert kinds["42"] is BlockKind.PAGE_NUMBER
    assert kinds["ANNALS OF NOTHING"] is BlockKind.HEADER
    assert kinds["Downloaded from www.example.org on 1 May"] is BlockKind.FOOTER
    assert tokens(page.markdown) == tokens(" ".join(text))
    assert "ANNALS OF NOTHING" in page.text


def test_the_first_lines_of_a_letter_are_no_header() -> None:
    sheet = Sheet()
    sheet.line("Jane Doe", 50, 60)
    sheet.line("12 High Street", 50, 72)
    sheet.line("Dear Sir,", 50, 130)
    y = sheet.paragraph(prose(4, 1)[0], 50, 150, 500)
    sheet.line("Yours sincerely,", 50, y + 12)
    page = page_of(sheet.reading()).page
    assert {block.kind for block in page.blocks} <= {BlockKind.PARAGRAPH, BlockKind.HEADING}
    assert page.markdown.startswith("Jane Doe")


def test_lists_and_check_boxes() -> None:
    sheet = Sheet()
    y = sheet.paragraph(prose(6, 1)[0], 50, 60, 500) + 8
    y = sheet.line("• apples and pears", 60, y)
    y = sheet.line("• plums, which are", 60, y)
    y = sheet.line("ripe in autumn", 70, y) + 8
    y = sheet.line("1. first of all", 60, y)
    y = sheet.line("2. after that", 60, y) + 20
    y = sheet.line("☒ paid in full", 60, y)
    sheet.line("☐ sent by post", 60, y)
    markdown = page_of(sheet.reading()).page.markdown
    assert "- apples and pears\n- plums, which are ripe in autumn\n" in markdown
    assert "1. first of all\n2. after that\n" in markdown
    assert markdown.endswith("- [x] paid in full\n- [ ] sent by post")


def test_words_broken_at_a_line_end_are_joined_and_compounds_are_not() -> None:
    sheet = Sheet()
    lines = [
        "A well-known experi-",
        "ment shows how well-",
        "known things come in com-",
        "binations that matter.",
    ]
    for index, line in enumerate(lines):
        sheet.line(line, 50, 60 + 12 * index)
    expected = "A well-known experiment shows how well-known things come in combinations that matter."
    assert page_of(sheet.reading()).page.text == expected


def test_a_paragraph_goes_on_in_the_next_column_of_the_markdown() -> None:
    sheet = Sheet()
    left = [*prose(1, 1, 40)[0].rstrip(".").split(), "pressure", "from", "organi-"]
    y = sheet.paragraph(" ".join(left), 50, 60, 230)
    right = "sations and governments has required others to look at what they do and how they do it."
    sheet.paragraph(right, 320, 60, 230)
    page = page_of(sheet.reading()).page
    assert "pressure from organisations and governments" in page.markdown
    assert [block.text for block in page.blocks][-1].startswith("sations")
    assert y > 60


def test_footnotes_come_after_the_text_of_all_columns() -> None:
    sheet = Sheet()
    texts = prose(8, 4)
    columns(sheet, texts, [50, 320], 230, 60, 560)
    sheet.line("1 See the report of last year.", 50, 730, 7)
    page = page_of(sheet.reading()).page
    assert page.blocks[-1].kind is BlockKind.FOOTNOTE
    assert page.markdown.endswith("1 See the report of last year.")


def test_every_word_belongs_to_a_block_and_none_is_lost() -> None:
    sheet = Sheet()
    sheet.line("7", 300, 20)
    columns(sheet, prose(11, 5), [50, 320], 230, 60, 500)
    sheet.rules.append(Rule((50, 600, 550, 601)))
    sheet.regions.append(Region(BlockKind.FIGURE, (50, 610, 250, 720)))
    sheet.line("axis", 60, 700, 8)
    content = page_of(sheet.reading())
    ids = {block.id for block in content.page.blocks}
    assert len(content.page.words) == sum(len(line.words) for line in sheet.lines)
    assert {word.block for word in content.page.words} <= ids
    assert of_kind(content, BlockKind.FIGURE) == ["axis"]


def test_a_place_that_could_not_be_read_is_a_block_and_a_warning() -> None:
    sheet = Sheet()
    sheet.paragraph(prose(12, 1)[0], 50, 60, 500)
    place: Box = (50, 300, 200, 330)
    sheet.unread.append(Unread(place, "the recogniser found no letters"))
    content = page_of(sheet.reading())
    assert [(b.kind, b.text, b.bbox) for b in content.page.blocks if b.bbox == place] == [
        (BlockKind.OTHER, "", place)
    ]
    assert [(w.code, w.page) for w in content.warnings] == [("unread_place", 1)]


def test_a_page_none_of_which_could_be_read_is_unreadable() -> None:
    sheet = Sheet()
    sheet.unread += [
        Unread((50.0, y, 200.0, y + 30), "the recogniser found no letters") for y in (300.0, 400.0)
    ]
    content = page_of(sheet.reading())
    assert content.page.state is PageState.UNREADABLE
    assert content.page.markdown == ""
    assert [w.detail for w in content.warnings] == [
        "2 places of the page could not be read: the recogniser found no letters"
    ]
    assert page_of(Sheet().reading()).page.state is PageState.READ


def test_a_photograph_in_which_text_was_suspected_is_no_unreadable_page() -> None:
    sheet = Sheet()
    sheet.unread.append(Unread((50.0, 100.0, 450.0, 480.0), "the recogniser found no letters"))
    content = page_of(sheet.reading())
    assert content.page.state is PageState.READ
    assert [w.code for w in content.warnings] == ["unread_place"]


def test_cards_in_rows_are_read_row_by_row() -> None:
    sheet = Sheet()
    texts = prose(13, 4, 40)
    places = [(50.0, 60.0), (320.0, 60.0), (50.0, 260.0), (320.0, 260.0)]
    for text, (x, y) in zip(texts, places, strict=True):
        sheet.regions.append(Region(BlockKind.FIGURE, (x - 10, y - 10, x + 240, y + 170)))
        below = sheet.line(f"Card{text.split()[0]}", x, y, 14) + 30
        sheet.paragraph(text, x, below, 220)
    page = page_of(sheet.reading()).page
    assert tokens(page.text) == [t for text in texts for t in [f"Card{text.split()[0]}", *tokens(text)]]
    assert not of_kind(page_of(sheet.reading()), BlockKind.FIGURE)


def test_a_bold_heading_is_not_read_into_the_line_of_the_column_beside_it() -> None:
    sheet = Sheet()
    y = sheet.paragraph(prose(19, 1)[0], 50, 60, 230)
    sheet.line("Results so far", 50, y + 8, bold=True)
    for index in range(30):
        sheet.line(
            "five words or just six" if index % 2 else "and so it goes on", 320, y + 8 + 12 * (index - 15)
        )
    blocks = page_of(sheet.reading()).page.blocks
    assert "Results so far" in [block.text for block in blocks]


def test_labels_are_read_with_their_values() -> None:
    sheet = Sheet()
    rows = (("Name:", "Jane Doe"), ("Invoice number", "30064443"), ("Born", "in Oxford"))
    for index, (label, value) in enumerate(rows):
        sheet.line(label, 50, 60 + 14 * index, bold=label == "Born")
        sheet.line(value, 140, 60 + 14 * index)
    sheet.regions.append(NO_TABLES)
    assert page_of(sheet.reading()).page.text.split("\n") == [" ".join(row) for row in rows]


def test_text_set_on_end_in_the_margin_does_not_disturb_the_columns() -> None:
    sheet = Sheet()
    texts = prose(14, 4)
    columns(sheet, texts, [50, 320], 230, 60, 400)
    stamp = "arXiv:1234.5678v1"
    line = set_line(stamp, 12, 200, 12)
    box: Box = (12, 200, 24, 200 + 7.0 * len(stamp))
    sheet.lines.append(replace(line, words=(replace(line.words[0], bbox=box),), bbox=box))
    page = page_of(sheet.reading()).page
    assert tokens(page.markdown) == tokens(" ".join(texts))
    assert page.blocks[-1].text == stamp


def test_boxes_of_a_reading_in_pixels_come_back_in_the_unit_of_the_page() -> None:
    sheet = Sheet()
    sheet.line("Somewhere", 60, 80, 20)
    content = assemble(sheet.reading(), 3, Geometry(Unit.POINT, 300, 400), PageSource.OCR, None, None)
    assert content.page.number == 3
    assert content.page.blocks[0].bbox == pytest.approx((30, 40, 75, 50))
    assert content.page.words[0].bbox == pytest.approx((30, 40, 75, 50))


def test_a_page_without_text_has_no_blocks() -> None:
    page = page_of(PageReading(width=100, height=100)).page
    assert (page.state, page.blocks, page.text, page.markdown) == (PageState.READ, [], "", "")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(min_size=0, max_size=12),
            st.floats(-50, 650),
            st.floats(-50, 850),
            st.floats(0, 300),
            st.floats(0, 300),
            st.floats(0, 60),
        ),
        max_size=40,
    )
)
def test_any_reading_becomes_a_page(items: list[tuple[str, float, float, float, float, float]]) -> None:
    lines = []
    for text, x, y, w, h, size in items:
        line, box = set_line("x", 0, 0, 1), (x, y, x + w, y + h)
        word = replace(line.words[0], text=text, bbox=box)
        lines.append(replace(line, words=(word,), bbox=box, size=size))
    content = page_of(PageReading(width=600, height=800, lines=tuple(lines)))
    assert PageContent.model_validate_json(content.model_dump_json()) == content


def test_a_table_takes_the_caption_beside_it() -> None:
    sheet = Sheet()
    sheet.paragraph(prose(15, 1)[0], 50, 60, 500)
    sheet.line("Table 2: Prices of pears", 50, 200, 9)
    box: Box = (50, 215, 350, 275)
    cells = []
    for row, col in product(range(3), range(2)):
        sheet.line(f"{'ab'[col]}{row}", 52 + 150 * col, 218 + 20 * row)
        place = (50.0 + 150 * col, 215.0 + 20 * row, 200.0 + 150 * col, 235.0 + 20 * row)
        cells.append(ReadCell(row, col, place))
    sheet.line("Figure 1: A pear", 50, 285, 9)
    content = page_of(sheet.reading(tables=(ReadTable(box, 3, 2, tuple(cells)),)))
    assert [table.caption for table in content.tables] == ["Table 2: Prices of pears"]
    assert [b.text for b in content.page.blocks if b.table_id == "t1"] == ["a0\tb0\na1\tb1\na2\tb2"]


def test_receipts_are_read_row_by_row() -> None:
    sheet = Sheet(300, 400)
    sheet.centred("CORNER SHOP", 20, 12)
    for row, (name, count, price) in enumerate(
        [("tea", "2", "3.10"), ("milk", "1", "0.99"), ("rolls", "6", "1.80")]
    ):
        for x, text in ((20, name), (150, count), (230, price)):
            sheet.line(text, x, 60 + 14 * row)
    sheet.line("Total:", 20, 120)
    sheet.line("5.89", 230, 120)
    sheet.regions.append(NO_TABLES)
    text = page_of(sheet.reading()).page.text
    assert text.split("\n") == ["CORNER SHOP", "tea 2 3.10", "milk 1 0.99", "rolls 6 1.80", "Total: 5.89"]


def test_a_large_initial_belongs_to_its_word() -> None:
    sheet = Sheet()
    sheet.line("nce upon a time there was", 70, 60)
    sheet.line("a king who had three sons,", 70, 72)
    sheet.line("and they all went out into the", 50, 84)
    sheet.line("world.", 50, 96)
    sheet.lines.append(set_line("O", 50, 60, 22))
    assert page_of(sheet.reading()).page.text.startswith("Once upon a time there was a king who had")


def test_a_letterhead_in_the_middle_keeps_its_lines() -> None:
    sheet = Sheet()
    for index, line in enumerate(("CORNER SHOP LTD", "12 High Street, Oxford OX1 4AB", "Tel. 01865 123456")):
        sheet.centred(line, 60 + 12 * index)
    sheet.paragraph(prose(18, 1)[0], 50, 200, 500)
    lines = page_of(sheet.reading()).page.text.split("\n")
    assert lines[:3] == ["CORNER SHOP LTD", "12 High Street, Oxford OX1 4AB", "Tel. 01865 123456"]


def test_an_address_keeps_its_lines() -> None:
    sheet = Sheet()
    for index, line in enumerate(("Jane Doe", "12 High Street", "Oxford OX1 4AB")):
        sheet.line(line, 50, 100 + 12 * index)
    sheet.paragraph(prose(16, 1)[0], 50, 200, 500)
    assert page_of(sheet.reading()).page.blocks[0].text == "Jane Doe\n12 High Street\nOxford OX1 4AB"
