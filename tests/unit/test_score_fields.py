"""Field scores: equal values in any dress are right, others wrong; boxes count only over the true lines."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.geometry import Box, iou
from tests.bench.field_score import box_hit, leaves, region_iou, right, value_at

LINES: list[tuple[str, Box]] = [
    ("BOOK SHOP SDN BHD", (50, 80, 440, 120)),
    ("12, JALAN SAGU 18,", (110, 144, 380, 163)),
    ("81100 JOHOR BAHRU", (110, 170, 380, 189)),
    ("TOTAL: 9.00", (50, 300, 160, 320)),
    ("CASH 9.00", (50, 330, 140, 350)),
]


@pytest.mark.parametrize(
    ("kind", "true", "found", "holds"),
    [
        ("date", "12-01-19", "2019-01-12", True),
        ("date", "12-01-19", "2019-12-01", False),
        ("date", "05 MAR 2018", "2018-03-05T00:00:00", True),
        ("date", "05 MAR 2018", None, False),
        ("amount", "$8.20", 8.2, True),
        ("amount", "9.00", "9.0", True),
        ("amount", "9.00", 9.01, False),
        ("amount", "9.00", "", False),
        ("text", "BOOK TA .K (TAMAN DAYA) SDN BHD", "Book Ta.K (Taman Daya) Sdn Bhd", True),
        ("text", "BOOK SHOP", "BOOK SHOP SDN BHD", False),
        ("text", "", "", False),
    ],
)
def test_values_are_compared_after_normalisation(kind: str, true: Any, found: Any, holds: bool) -> None:
    assert right(kind, true, found) is holds


def test_paths_of_leaves_lead_back_to_their_values() -> None:
    value = {"a": {"b": [{"c": 1}, {"c": None}]}, "d": "x"}
    assert list(leaves(value)) == [("a.b[0].c", 1), ("a.b[1].c", None), ("d", "x")]
    assert [value_at(value, path) for path, _ in leaves(value)] == [1, None, "x"]
    assert value_at(value, "a.b[7].c") is None
    assert value_at(value, "d.e") is None


@given(*[st.tuples(*[st.integers(0, 9)] * 2, *[st.integers(10, 19)] * 2)] * 2)
def test_regions_of_one_box_are_as_their_boxes(a: Box, b: Box) -> None:
    assert region_iou([a], [b]) == pytest.approx(iou(a, b))
    assert region_iou([a, a], [b]) == pytest.approx(iou(a, b))


def test_a_box_hits_on_the_line_or_on_the_words_of_the_value() -> None:
    assert box_hit("9.00", LINES, [(50, 300, 160, 320)])
    assert box_hit("9.00", LINES, [(121, 300, 160, 320)])
    assert not box_hit("9.00", LINES, [(50, 300, 90, 320)])
    assert not box_hit("9.00", LINES, [(50, 80, 440, 120)])
    assert not box_hit("9.00", LINES, [])


def test_a_value_over_several_lines_needs_them() -> None:
    address = "12, JALAN SAGU 18, 81100 JOHOR BAHRU"
    both: list[Box] = [(110, 144, 380, 163), (110, 170, 380, 189)]
    assert box_hit(address, LINES, both)
    assert not box_hit(address, LINES, [(50, 80, 440, 320)])
