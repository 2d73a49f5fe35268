"""Boxes as each family of models writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.families import TRAITS, Family, family_of
from pipeline.native_boxes import in_pixels, marked, named_boxes, unmarked
from schemas.engine import CoordinateConvention

REPLY_2 = (
    "<|object_ref_start|>the total<|object_ref_end|><|box_start|>(100,250),(500,300)<|box_end|> and "
    "<|object_ref_start|>the date<|object_ref_end|><|box_start|>(0,0),(1000,1000)<|box_end|>"
)


def test_qwen2_vl_writes_markers_and_thousandths() -> None:
    traits = TRAITS[Family.QWEN2_VL]
    assert (traits.factor, traits.markers) == (28, True)
    found = marked(REPLY_2)
    assert [one.name for one in found] == ["the total", "the date"]
    assert in_pixels(found[0].numbers, traits.coordinates, 840, 1176) == pytest.approx((84, 294, 420, 352.8))
    assert in_pixels(found[1].numbers, traits.coordinates, 840, 1176) == (0, 0, 840, 1176)
    assert unmarked(REPLY_2) == "the total and the date"


def test_qwen2_5_vl_writes_json_in_pixels_of_the_image_it_was_sent() -> None:
    traits = TRAITS[Family.QWEN2_5_VL]
    assert (traits.factor, traits.markers) == (28, False)
    [(label, numbers)] = named_boxes([{"bbox_2d": [84, 294, 420, 353], "label": "the total"}])
    assert label == "the total"
    assert in_pixels(numbers, traits.coordinates, 840, 1176) == (84, 294, 420, 353)
    assert in_pixels([84, 294, 1000, 353], traits.coordinates, 840, 1176) is None


def test_qwen3_vl_writes_json_in_thousandths() -> None:
    traits = TRAITS[Family.QWEN3_VL]
    assert (traits.factor, traits.markers) == (32, False)
    [(_, numbers)] = named_boxes({"bbox_2d": [100, 250, 500, 300], "label": "the total"})
    assert in_pixels(numbers, traits.coordinates, 960, 1280) == (96, 320, 480, 384)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2-VL-7B-Instruct-GPTQ-Int4", Family.QWEN2_VL),
        ("Qwen/Qwen2.5-VL-72B-Instruct-AWQ", Family.QWEN2_5_VL),
        ("Qwen/Qwen3-VL-30B-A3B-Instruct", Family.QWEN3_VL),
        ("qwen2_5_vl", Family.QWEN2_5_VL),
        ("gpt-9", Family.OTHER),
    ],
)
def test_a_checkpoint_says_its_family(model: str, family: Family) -> None:
    assert family_of(model) is family


@given(
    st.lists(st.integers(-50, 1100) | st.floats(allow_nan=True), min_size=3, max_size=5),
    st.sampled_from(CoordinateConvention),
)
def test_a_box_lies_on_the_image_or_is_none(numbers: list[float], convention: CoordinateConvention) -> None:
    box = in_pixels(numbers, convention, 840, 1176)
    if box is not None:
        assert 0 <= box[0] < box[2] <= 840
        assert 0 <= box[1] < box[3] <= 1176


@pytest.mark.parametrize(
    "nonsense", [None, "1234", [1, 2, 3], [1, 2, 3, "4"], [True] * 4, {"x": 1}, [5, 5, 5, 5]]
)
def test_what_is_no_box_is_no_place(nonsense: object) -> None:
    assert in_pixels(nonsense, CoordinateConvention.PIXELS, 100, 100) is None
