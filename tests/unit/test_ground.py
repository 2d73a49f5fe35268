"""Quotes and transcriptions laid over the words that another reader saw."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.align import align
from pipeline.approximate import nearest
from pipeline.ground import Reference
from schemas.field import Match
from schemas.reading import ReadLine, ReadWord, line_of


def line(top: float, *words: str, left: float = 0.0) -> ReadLine:
    return line_of(
        [ReadWord(word, (left + 50 * i, top, left + 50 * i + 45, top + 10)) for i, word in enumerate(words)],
        10,
    )


PAGE = Reference(
    [
        line(0, "Invoice", "No.", "INV-2024-17"),
        line(20, "Total:1.234,50", "EUR"),
        line(40, "2", "Bolts", "12,00"),
        line(60, "12", "Nuts", "12,00"),
        line(80, "Müller-Lüdenscheidt", "GmbH"),
    ]
)


def test_a_quote_is_found_where_it_stands_whatever_its_punctuation() -> None:
    found = PAGE.find("invoice no: INV 2024-17")
    assert found is not None
    assert (found.match, found.boxes) == (Match.EXACT, ((0, 0, 145, 10),))
    glued = PAGE.find("1.234,50 EUR")
    assert glued is not None
    assert glued.boxes == ((0, 20, 95, 30),)


def test_letters_may_be_misread_but_another_number_is_another_place() -> None:
    near = PAGE.find("Mueller-Ludenscheidt GmbH")
    assert near is not None
    assert near.match is Match.FUZZY
    assert PAGE.find("1.234,51 EUR") is None
    assert PAGE.find("Invoice No. INV-2024-71") is None
    assert PAGE.find("34,50") is None, "the end of a longer number is not that number"
    assert PAGE.find("—") is None


@pytest.mark.parametrize("other", ["12.345,0", "-1.234,50", "123.450", "Total 12,345.0 EUR"])
def test_a_separator_or_a_sign_makes_another_number(other: str) -> None:
    assert PAGE.find(other) is None


@pytest.mark.parametrize("same", ["1.234,50", "1,234.50", "1 234,50", "Total: 1234,50 EUR"])
def test_a_number_may_be_written_otherwise(same: str) -> None:
    found = PAGE.find(same)
    assert found is not None
    assert [box[:2] for box in found.boxes] == [(0, 20)]


def test_of_several_places_the_one_nearest_counts() -> None:
    second = PAGE.find("12,00", near=(0, 60, 45, 70))
    assert second is not None
    assert second.boxes == ((100, 60, 145, 70),)


def test_a_quote_over_two_lines_has_two_boxes() -> None:
    found = PAGE.find("EUR 2 Bolts")
    assert found is not None
    assert found.boxes == ((50, 20, 95, 30), (0, 40, 95, 50))


def test_a_transcription_gets_the_places_of_its_words_in_any_order_of_columns() -> None:
    laid = align(["Müller-Lüdenscheidt GmbH", "Invoice No. INV-2024-17\nTotal: 1.234,50 EUR"], PAGE)
    assert laid.box(0) == (0, 80, 95, 90)
    assert laid.box(1) == (0, 0, 145, 30)
    assert [word.text for word in laid.words[1]] == [
        "Invoice",
        "No.",
        "INV-2024-17",
        "Total:",
        "1.234,50",
        "EUR",
    ]
    assert laid.support == 1.0
    assert laid.coverage is not None
    assert 0.6 < laid.coverage < 0.9


def test_what_nobody_else_saw_is_told() -> None:
    laid = align(["Invoice No. INV-2024-17", "An elephant signed this in the presence of witnesses"], PAGE)
    assert laid.support is not None
    assert laid.support < 0.4
    assert all(word.bbox is None for word in laid.words[1])


def test_without_another_reader_nothing_is_placed_and_nothing_judged() -> None:
    laid = align(["Some text"], None)
    assert (laid.coverage, laid.support, laid.box(0)) == (None, None, None)


def test_text_where_another_reader_sees_nothing_has_no_support() -> None:
    laid = align(["Dear Sir or Madam"], Reference([]))
    assert (laid.coverage, laid.support) == (None, 0.0)
    assert align([""], Reference([])).support is None


WORDS = st.lists(st.text(alphabet="abcdefghij", min_size=3, max_size=8), min_size=1, max_size=6)


@given(st.lists(WORDS, min_size=1, max_size=8), st.randoms())
def test_every_line_is_found_again_whatever_its_order(
    lines: list[list[str]], random: "st.DataObject"
) -> None:
    reference = Reference([line(20.0 * at, *words) for at, words in enumerate(lines)])
    pieces = [" ".join(words) for words in lines]
    random.shuffle(pieces)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    # Lines that stand inside or across others cannot be told apart: spaces count for nothing here.
    keys, whole = ["".join(words) for words in lines], "".join(pieces).replace(" ", "")
    assume(all(len(re.findall(f"(?={key})", whole)) == keys.count(key) for key in keys))
    laid = align(pieces, reference)
    assert laid.coverage is not None
    assert laid.coverage > 0.99
    assert [word.text for words in laid.words for word in words] == " ".join(pieces).split()


def edits(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


@given(st.text(alphabet="abc", min_size=1, max_size=6), st.text(alphabet="abc", min_size=1, max_size=12))
def test_the_nearest_stretch_is_the_nearest(pattern: str, text: str) -> None:
    best = min(edits(pattern, text[i:j]) for i in range(len(text) + 1) for j in range(i, len(text) + 1))
    found = nearest(pattern, text, len(pattern) - 1)
    if found is None:
        assert best > len(pattern) - 1
    else:
        assert found.edits == best == edits(pattern, text[found.start : found.end])
