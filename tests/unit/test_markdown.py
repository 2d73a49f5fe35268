"""Markdown says what the page says: nothing it would misread is left unescaped, nothing else is touched."""

import pytest

from pipeline.markdown import document_markdown, goes_on, page_markdown
from pipeline.markdown_escapes import escaped
from pipeline.markdown_tables import table_html, table_markdown, table_text
from schemas.page import Block, BlockKind, PageContent, PageResult, PageState
from schemas.table import Cell, CellRole, Table, TablePart


def table(rows: list[list[str]], table_id: str = "t1", **spans: int) -> Table:
    cells = [
        Cell(
            row=r,
            col=c,
            text=text,
            page=1,
            role=CellRole.COLUMN_HEADER if r == 0 else CellRole.BODY,
            **(spans if r == c == 0 else {}),
        )
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
        if text is not None
    ]
    parts = [TablePart(page=1, bbox=None, rows=(0, len(rows) - 1))]
    return Table(id=table_id, parts=parts, rows=len(rows), cols=len(rows[0]), cells=cells)


def block(kind: BlockKind, text: str, **more: object) -> Block:
    return Block.model_validate({"id": f"b-{text[:8]}", "kind": kind, "text": text, **more})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain 3 * 4 = 12 and a_b_c", "plain 3 * 4 = 12 and a_b_c"),
        ("really *very* so", "really \\*very\\* so"),
        ("a _private_ word", "a \\_private\\_ word"),
        ("** no emphasis", "** no emphasis"),
        ("# not a heading", "\\# not a heading"),
        ("1. not a list", "1\\. not a list"),
        ("- not a list", "\\- not a list"),
        ("> not a quotation", "\\> not a quotation"),
        ("<b>bold</b> if a < b", "&lt;b>bold&lt;/b> if a < b"),
        ("2.5 km", "2.5 km"),
    ],
)
def test_only_what_markdown_would_misread_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_blocks_of_every_kind() -> None:
    blocks = [
        block(BlockKind.HEADER, "Annals"),
        block(BlockKind.HEADING, "On Pears", level=2),
        block(BlockKind.PARAGRAPH, "All about pears."),
        block(BlockKind.LIST, "• sweet\n• green"),
        block(BlockKind.LIST, "1) first\n2) second"),
        block(BlockKind.CHECKBOX, "☐ eaten"),
        block(BlockKind.CHECKBOX, "☒ bought"),
        block(BlockKind.TABLE, "", table_id="t1"),
        block(BlockKind.OTHER, ". . . . . . ."),
        block(BlockKind.OTHER, ""),
        block(BlockKind.FOOTNOTE, "1 Or apples."),
        block(BlockKind.PAGE_NUMBER, "7"),
    ]
    assert page_markdown(blocks, [table([["a", "b"], ["1|2", "3"]])]) == (
        "## On Pears\n\nAll about pears.\n\n- sweet\n- green\n\n1) first\n2) second\n\n"
        "- [ ] eaten\n- [x] bought\n\n"
        "| a | b |\n| --- | --- |\n| 1\\|2 | 3 |\n\n1 Or apples."
    )


def test_a_table_with_spans_is_html() -> None:
    wide = table([["both & all"], ["1", "2"]], col_span=2).model_copy(update={"cols": 2})
    assert table_markdown(wide) == (
        '<table><tr><th colspan="2">both &amp; all</th></tr><tr><td>1</td><td>2</td></tr></table>'
    )
    assert table_html(wide) == table_markdown(wide)
    assert table_text(wide) == "both & all\n1\t2"


def test_a_paragraph_goes_on_behind_a_figure_and_its_caption() -> None:
    first = "The river rose by more than a metre in a single night and carried off the bridge that the"
    blocks = [
        block(BlockKind.PARAGRAPH, first),
        block(BlockKind.FIGURE, ""),
        block(BlockKind.CAPTION, "Figure 1: The bridge"),
        block(BlockKind.PARAGRAPH, "town had built the year before."),
    ]
    assert page_markdown(blocks, []) == f"{first} town had built the year before.\n\nFigure 1: The bridge"


@pytest.mark.parametrize(
    ("text", "following", "on"),
    [
        (
            "Long enough to be running text, which this sentence surely is, without an end",
            "that comes here",
            True,
        ),
        (
            "Long enough to be running text, which this sentence surely is, and ends here.",
            "that comes here",
            False,
        ),
        (
            "Long enough to be running text, which this sentence surely is, without an end",
            "Next chapter",
            False,
        ),
        ("short label", "value", False),
        ("an inter-", "national affair", True),
        ("", "text", False),
        ("text", "", False),
    ],
)
def test_what_goes_on(text: str, following: str, on: bool) -> None:
    assert goes_on(text, following) is on


def page(number: int, blocks: list[Block], tables: list[Table]) -> PageContent:
    return PageContent(page=PageResult(number=number, state=PageState.READ, blocks=blocks), tables=tables)


Pages = list[tuple[PageContent, dict[str, object] | None]]


def test_a_table_with_spans_goes_on_over_pages_as_one_html_table() -> None:
    first = table([["wide"], ["1", "2"]], col_span=2).model_copy(update={"cols": 2})
    second = table([["3", "4"]])
    pages: Pages = [
        (page(1, [block(BlockKind.TABLE, "", table_id="t1")], [first]), {"table_goes_on": True}),
        (page(2, [block(BlockKind.TABLE, "", table_id="t1"), block(BlockKind.PARAGRAPH, "After.")], [second]),
         {"table_from": 0}),
    ]  # fmt: skip
    assert "".join(document_markdown(pages)) == (
        '<table><tr><th colspan="2">wide</th></tr><tr><td>1</td><td>2</td></tr>'
        "<tr><th>3</th><th>4</th></tr></table>\n\nAfter.\n"
    )


def test_a_table_that_was_to_go_on_is_closed_where_the_next_page_failed() -> None:
    pages: Pages = [
        (page(1, [block(BlockKind.TABLE, "", table_id="t1")], [table([["a", "b"], ["1", "2"]])]),
         {"table_goes_on": True, "goes_on": None}),
        (page(2, [block(BlockKind.PARAGRAPH, "Something else.")], []), None),
    ]  # fmt: skip
    assert "".join(document_markdown(pages)) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n\nSomething else.\n"


def test_pages_between_that_were_not_asked_for_part_what_runs_on() -> None:
    text = "A sentence that is long enough to be one breaks off at the end of the page in the"
    pages: Pages = [
        (page(1, [block(BlockKind.PARAGRAPH, text)], []), {"goes_on": f"b-{text[:8]}"}),
        (page(3, [block(BlockKind.PARAGRAPH, "middle of another.")], []), {"from": "b-middle o"}),
    ]
    assert "".join(document_markdown(pages)) == f"{text}\n\nmiddle of another.\n"


def test_cells_of_tables_are_escaped_as_all_text_is() -> None:
    shown = table_markdown(table([["Name", "Note"], ["<img src=x onerror=alert(1)>", "*a* | b"]]))
    assert "<img" not in shown
    assert "&lt;img src=x onerror=alert(1)>" in shown
    assert "\\*a\\* \\| b" in shown
