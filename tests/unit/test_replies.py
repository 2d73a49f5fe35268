"""Replies of models: Markdown, tables and JSON, whole, odd and broken off."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.certainty import Tokens
from pipeline.json_spans import read_json
from pipeline.parse_markdown import read_page
from pipeline.parse_tables import html_table, pipe_table
from schemas.page import BlockKind

PAGE = """---
language: de
rotation: 90
legible: yes
---
# Rechnung **Nr. 5**

Sehr geehrte Damen
und Herren

- Äpfel
- Birnen
  aus dem Garten

[x] bezahlt
- [ ] offen

$$E = mc^2$$

Vor <table><tr><th colspan="2">Kopf</th></tr><tr><td>1</td><td>2</td></tr></table> danach

| a | b |
|---|---|
| 3 | 4 |

![Ein Hund](dog.png)
[^1]: Fußnote
"""


def test_a_page_of_markdown_becomes_blocks_in_order() -> None:
    page = read_page(PAGE)
    assert (page.language, page.rotation, page.legible) == ("de", 90, True)
    assert [(block.kind, block.text) for block in page.blocks] == [
        (BlockKind.HEADING, "Rechnung Nr. 5"),
        (BlockKind.PARAGRAPH, "Sehr geehrte Damen\nund Herren"),
        (BlockKind.LIST, "- Äpfel\n- Birnen\naus dem Garten"),
        (BlockKind.CHECKBOX, "☑ bezahlt"),
        (BlockKind.CHECKBOX, "☐ offen"),
        (BlockKind.FORMULA, "$$E = mc^2$$"),
        (BlockKind.PARAGRAPH, "Vor"),
        (BlockKind.TABLE, ""),
        (BlockKind.PARAGRAPH, "danach"),
        (BlockKind.TABLE, ""),
        (BlockKind.FIGURE, "Ein Hund"),
        (BlockKind.FOOTNOTE, "Fußnote"),
    ]
    for block in page.blocks:
        first = (block.text.split() or [""])[0].strip("$☑☐")
        assert first in PAGE[block.span[0] : block.span[1]]


def test_a_page_without_the_lines_before_it_is_read_all_the_same() -> None:
    page = read_page("Just text.\n---\nMore: text")
    assert page.language is None
    assert page.legible is None
    assert [block.text for block in page.blocks] == ["Just text.", "More: text"]


@given(st.text(alphabet="ab |#-<>/tdrable$\\[]*\n:x1", max_size=300))
def test_whatever_a_model_writes_its_letters_are_kept_or_markup(text: str) -> None:
    page = read_page(text)
    for block in page.blocks:
        start, end = block.span
        assert 0 <= start <= end <= len(text)
        if block.table is not None:
            table = block.table.table
            places = {
                (cell.row + i, cell.col + k)
                for cell in table.cells
                for i in range(cell.row_span)
                for k in range(cell.col_span)
            }
            assert len(places) == sum(cell.row_span * cell.col_span for cell in table.cells)
            assert all(row < table.rows and col < table.cols for row, col in places)


def test_spans_push_later_cells_aside_as_in_html() -> None:
    html = (
        "<table><caption>Umsatz</caption><thead><tr><th rowspan=2>Jahr</th><th colspan=2>Euro</th></tr>"
        "<tr><th>Q1</th><th>Q2</th></tr></thead><tr><th>2021</th><td>1&nbsp;000<br>netto</td><td>2</td></tr>"
    )
    parsed = html_table(html)
    assert parsed is not None
    table = parsed.table
    assert (table.rows, table.cols, table.caption) == (3, 3, "Umsatz")
    at = {(cell.row, cell.col): cell for cell in table.cells}
    assert at[0, 0].row_span == 2
    assert at[1, 1].text == "Q1"
    assert at[2, 1].text == "1 000\nnetto"
    assert [at[place].head for place in ((0, 0), (1, 2), (2, 0))] == [True, True, False]
    assert at[2, 0].header
    for cell, (start, end) in zip(table.cells, parsed.spans, strict=True):
        assert cell.text[:1] in html[start:end]


def test_impossible_spans_cannot_make_a_table_larger_than_its_reply() -> None:
    parsed = html_table("<table><tr><td rowspan=99999 colspan=99999>a<td>b</tr><tr><td>c</table>")
    assert parsed is not None
    assert parsed.table.rows == 2
    assert parsed.table.cols <= 300
    row = pipe_table(["|" + "x|" * 5000])
    assert row is not None
    assert row.table.cols <= 300


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), st.booleans())
def test_json_is_read_with_the_place_of_every_value(value: dict[str, Any], spaced: bool) -> None:
    value = json.loads(json.dumps(value).replace("\\u0000", ""))
    text = json.dumps(value, ensure_ascii=spaced, indent=1 if spaced else None)
    read = read_json(f"Here you are:\n```json\n{text}\n```" if spaced else text)
    assert read.whole
    assert read.value == value
    for path, (start, end) in read.spans.items():
        inner: Any = value
        for step in path:
            inner = inner[step]
        whole = f"Here you are:\n```json\n{text}\n```" if spaced else text
        assert json.loads(whole[start:end].replace("\\u0000", "")) == inner


@given(
    st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(0, 999), max_size=2), max_size=6), st.data()
)
def test_what_stands_before_a_break_is_kept_and_nothing_is_made_up(
    rows: list[dict[str, int]], data: st.DataObject
) -> None:
    text = json.dumps({"rows": rows})
    cut = data.draw(st.integers(0, len(text) - 1))
    read = read_json(text[:cut])
    assert not read.whole
    for got, real in zip((read.value or {}).get("rows", []), rows, strict=False):
        assert got.items() <= real.items()


def test_numbers_that_json_does_not_allow_are_text() -> None:
    assert read_json('{"value": 00123}').value == {"value": "00123"}


def test_no_depth_of_brackets_breaks_the_reader() -> None:
    assert not read_json("[" * 100_000).whole
    assert not read_json('{"a":' * 100_000).whole
    assert read_json("no json at all").value is None


def test_a_value_is_as_sure_as_its_own_tokens() -> None:
    pieces = [
        ('{"quote": ', -5.0),
        ('"x"', -5.0),
        (', "value": ', -5.0),
        ("12", -0.1),
        ("3.5", -0.3),
        ("}", -5.0),
    ]
    text = "".join(piece for piece, _ in pieces)
    start = text.index("123.5")
    sure = Tokens(text, pieces).of(start, start + 5)
    assert sure is not None
    assert abs(sure.mean - 2.718281828**-0.2) < 1e-6
    assert abs(sure.least - 2.718281828**-0.3) < 1e-6
    assert Tokens(text, []).of(start, start + 5) is None
    assert Tokens(text, [(piece, None) for piece, _ in pieces]).of(start, start + 5) is None
