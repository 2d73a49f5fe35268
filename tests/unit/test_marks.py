"""Bullets, numbers, boxes and Roman numerals at the start of lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.margins import page_number
from pipeline.marks import (
    bullet,
    checkbox,
    counted,
    is_caption,
    is_marker,
    ordinal,
    roman,
    section_depth,
    to_roman,
)


@given(st.integers(1, 3999))
def test_roman_numerals_come_back(number: int) -> None:
    assert roman(to_roman(number)) == number
    assert roman(to_roman(number).upper()) == number


@given(st.text(alphabet="ivxlcdm", max_size=8))
def test_other_strings_of_roman_digits_are_none(text: str) -> None:
    assert roman(text) == 0 or to_roman(roman(text)) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"), ("- 12 -", "12"), ("Page 3 of 7", "3"), ("Seite 4", "4"), ("xiv", "xiv"), ("3/9", "3"),
        ("第 5 页", "5"), ("| 8", "8"), ("A-12", "A-12"),
        ("mild", None), ("12.50", None), ("12 apples", None), ("", None), ("1999 to 2004", None),
    ],
)  # fmt: skip
def test_page_numbers(text: str, number: str | None) -> None:
    assert page_number(text) == number


def test_items() -> None:
    assert bullet("• pears") == ("•", "pears")
    assert bullet("●Babysitting") == ("●", "Babysitting")
    assert bullet("-5 degrees") is None
    assert ordinal("(a) pears") == ("(a)", "a", "pears")
    assert ordinal("12. pears") == ("1.", "12", "pears")
    assert ordinal("1.2 pears") is None
    assert checkbox("[x] done") == (True, "done")
    assert checkbox("☐ to do") == (False, "to do")
    assert checkbox("[1] a reference") is None
    assert is_marker("1.")
    assert is_marker("•")
    assert not is_marker("pears")


def test_numbers_count_as_items_only_where_others_count_on() -> None:
    texts = ["1. one", "some text", "2. two", "7. seven of them came", "3. three"]
    assert counted(texts, [0, 0, 0, 0, 300], 5) == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("text", "depth"),
    [("1.2.3 Scope", 3), ("2 Methods", 1), ("IV. Results", 1), ("Methods", None), ("3", None)],
)
def test_section_numbers(text: str, depth: int | None) -> None:
    assert section_depth(text) == depth


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("Figure 3: A pear", True), ("Fig. 3. A pear", True), ("Table IV", True), ("Abbildung 2 – A", True),
        ("表1 梨", True), ("Figures differ", False), ("Tables turned", False), ("Table of contents", False),
    ],
)  # fmt: skip
def test_captions(text: str, caption: bool) -> None:
    assert is_caption(text) is caption
