"""The reading order of rectangles is total, and follows columns and what spans them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.order import MOST_BOXES, reading_order
from schemas.geometry import Box

_box = st.tuples(st.floats(0, 500), st.floats(0, 700), st.floats(0, 200), st.floats(0, 200)).map(
    lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3])
)


@settings(deadline=None)
@given(st.lists(_box, max_size=60))
def test_every_box_comes_once(boxes: list[Box]) -> None:
    assert sorted(reading_order(boxes)) == list(range(len(boxes)))


@given(st.lists(st.floats(5, 60), min_size=1, max_size=20), st.floats(0, 300))
def test_a_stack_is_read_downwards(heights: list[float], left: float) -> None:
    boxes, y = [], 0.0
    for height in heights:
        boxes.append((left, y, left + 100, y + height))
        y += height + 3
    assert reading_order(boxes[::-1]) == list(range(len(boxes)))[::-1]


def test_a_figure_over_two_of_three_columns() -> None:
    boxes: list[Box] = [
        (0, 0, 90, 100),
        (100, 0, 190, 100),
        (0, 110, 190, 200),
        (0, 210, 90, 300),
        (100, 210, 190, 300),
        (200, 0, 290, 300),
    ]
    assert reading_order(boxes) == [0, 1, 2, 3, 4, 5]


def test_the_lower_half_of_a_column_comes_before_a_short_one_beside_its_upper_half() -> None:
    boxes: list[Box] = [(0, 0, 90, 100), (0, 110, 90, 300), (100, 0, 190, 60)]
    assert reading_order(boxes) == [0, 1, 2]


def test_an_address_above_and_to_the_right_comes_first() -> None:
    assert reading_order([(0, 100, 90, 150), (300, 0, 390, 50), (0, 200, 390, 300)]) == [1, 0, 2]


def test_a_page_of_too_many_boxes_is_read_in_rows() -> None:
    boxes: list[Box] = [
        (float(i % 40), float(i // 40), i % 40 + 0.5, i // 40 + 0.5) for i in range(MOST_BOXES + 100)
    ]
    assert reading_order(boxes) == list(range(len(boxes)))
