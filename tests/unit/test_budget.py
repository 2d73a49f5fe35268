"""The pixel budget: resize arithmetic against known vectors and laws, and what decides a page's size."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.budget import SmallestText, decide_budget, smallest_size, smart_resize
from pipeline.orders import Geometry
from schemas.engine import PixelLimits
from schemas.errors import DocumentUnreadable
from schemas.page import BudgetUsed, Unit
from schemas.request import BudgetProfile, BudgetRequest

QWEN2 = PixelLimits(factor=28, min_pixels=200_704, max_pixels=1_003_520)
ROOMY = PixelLimits(factor=28, min_pixels=3_136, max_pixels=12_845_056)
A4 = Geometry(Unit.POINT, 595.28, 841.89)
BALANCED = BudgetRequest(profile=BudgetProfile.BALANCED)


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        ((224, 224), (28, 3_136, 12_845_056), (224, 224)),  # 64 tokens
        ((768, 1024), (28, 3_136, 12_845_056), (756, 1036)),  # 999 tokens
        ((42, 42), (28, 784, 12_845_056), (56, 56)),  # banker's rounding: 1.5 -> 2
        ((70, 70), (28, 784, 12_845_056), (56, 56)),  # 2.5 -> 2
        ((98, 98), (28, 784, 12_845_056), (112, 112)),  # 3.5 -> 4
        ((1169, 827), (28, 200_704, 1_003_520), (1176, 840)),  # A4 at 100 dpi: 1,260 tokens
        ((3508, 2480), (28, 200_704, 1_003_520), (1176, 840)),  # … and at 300 dpi
        ((1, 200), (28, 784, 12_845_056), (28, 196)),  # a ratio of exactly 200 is allowed
        ((100, 100), (28, 200_704, 1_003_520), (448, 448)),
        ((64, 64), (32, 4_096, 16_777_216), (64, 64)),
    ],
)
def test_known_vectors(
    size: tuple[int, int], limits: tuple[int, int, int], expected: tuple[int, int]
) -> None:
    assert smart_resize(*size, *limits) == expected


def test_a_side_never_becomes_zero() -> None:
    # The original returns (0, 756) here.
    assert smart_resize(10, 1900, 28, 784, 3_136) == (28, 112)


def test_a_page_too_long_for_any_engine_is_an_error_of_that_page() -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        smart_resize(1, 201, 28, 784, 12_845_056)
    assert refused.value.code == "page_aspect_ratio"


@pytest.mark.parametrize(("low", "high"), [(784, 783), (5_000, 4_000)])
def test_limits_that_hold_nothing_are_a_mistake_of_the_configuration(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="hold no image"):
        smart_resize(100, 100, 28, low, high)


sides = st.integers(1, 60_000)
factors = st.sampled_from([14, 28, 32])


@given(sides, sides, factors, st.integers(1, 2_000), st.integers(1, 20_000))
@example(10, 1900, 28, 1, 4)
def test_laws_of_resizing(height: int, width: int, factor: int, low: int, extra: int) -> None:
    shorter, longer = sorted((height, width))
    height, width = (height, width) if longer <= 200 * shorter else (longer, longer)
    least, most = low * factor**2, (low + extra) * factor**2
    h, w = smart_resize(height, width, factor, least, most)
    assert h > 0
    assert w > 0
    assert h % factor == w % factor == 0
    assert h * w <= most
    if extra >= 7 * low:  # room for a multiple of the factor whatever the shape
        assert h * w >= least
        if max(h, w) <= 200 * min(h, w):
            assert smart_resize(h, w, factor, least, most) == (h, w)


@given(st.integers(500, 2_000), st.integers(500, 2_000))
def test_the_shape_is_kept_within_one_factor(height: int, width: int) -> None:
    h, w = smart_resize(height, width, 28, 200_704, 1_003_520)
    scale = math.sqrt(h * w / (height * width))
    assert abs(h - height * scale) <= 42
    assert abs(w - width * scale) <= 42


def decide(
    page: Geometry = A4,
    smallest: SmallestText | None = None,
    limits: PixelLimits = ROOMY,
    request: BudgetRequest = BALANCED,
    native_scale: float | None = None,
) -> BudgetUsed:
    return decide_budget(page, smallest, limits, request, 12.0, native_scale=native_scale)


def test_the_design_s_example() -> None:
    budget = decide(smallest=SmallestText(7.5), limits=QWEN2)
    assert (budget.width, budget.height, budget.visual_tokens) == (840, 1176, 1260)
    assert budget.dpi == 101.1
    assert budget.reason == "smallest text 7.5 pt, held at the largest image allowed"


def test_smaller_text_gets_more_pixels() -> None:
    pixels = [(b := decide(smallest=SmallestText(size))).width * b.height for size in (18, 12, 9, 7, 5)]
    assert pixels == sorted(pixels)
    assert pixels[0] < pixels[-1]


def test_letters_come_out_as_high_as_the_engine_needs() -> None:
    budget = decide(smallest=SmallestText(10.0))
    assert budget.dpi is not None
    assert budget.dpi / 72 * 10.0 * 0.5 == pytest.approx(12.0, rel=0.03)


def test_profiles_differ_in_the_expected_order() -> None:
    fast, balanced, accurate = (
        decide(smallest=SmallestText(9.0), request=BudgetRequest(profile=profile)).width
        for profile in (BudgetProfile.FAST, BudgetProfile.BALANCED, BudgetProfile.ACCURATE)
    )
    assert fast < balanced < accurate


def test_explicit_limits_are_kept_and_never_exceed_the_engine_s() -> None:
    small = decide(smallest=SmallestText(6.0), request=BudgetRequest(max_pixels=300_000))
    assert 250_000 < small.width * small.height <= 300_000
    greedy = decide(smallest=SmallestText(3.0), limits=QWEN2, request=BudgetRequest(max_pixels=30_000_000))
    assert greedy.width * greedy.height <= QWEN2.max_pixels
    least = decide(smallest=SmallestText(40.0), request=BudgetRequest(min_pixels=2_000_000))
    assert least.width * least.height >= 2_000_000
    assert "raised to the smallest image allowed" in least.reason


def test_a_scan_is_not_blown_up_beyond_twice_its_pixels() -> None:
    page = Geometry(Unit.PIXEL, 400, 600)
    budget = decide(page, SmallestText(6.0, measured=True), native_scale=1.0)
    assert (budget.width, budget.height) == (812, 1204)
    assert budget.dpi is None
    assert budget.reason == "smallest text measured 6 px, enlarged no more than 2 times"


def test_a_probe_that_saw_only_large_letters_does_not_starve_the_page() -> None:
    believed = decide(smallest=SmallestText(50.0))
    doubted = decide(smallest=SmallestText(50.0, measured=True), native_scale=300 / 72)
    assert doubted.width > 2 * believed.width


def test_unknown_text_is_assumed_small_and_said_so() -> None:
    assert decide().reason == "size of text not known, 8 pt assumed"
    image = decide(Geometry(Unit.PIXEL, 1000, 800))
    assert (image.width, image.height) == (1008, 812)
    assert image.reason == "size of text not known, as scanned"


def test_readers_that_spend_no_tokens_report_none() -> None:
    assert (
        decide(
            limits=PixelLimits(factor=1, min_pixels=1, max_pixels=4_000_000, counts_tokens=False)
        ).visual_tokens
        == 0
    )


@given(
    st.builds(
        lambda w, r, unit: Geometry(unit, w, w * r),
        st.floats(0.1, 20_000),
        st.floats(1 / 150, 150),
        st.sampled_from(list(Unit)),
    ),
    st.one_of(st.none(), st.builds(SmallestText, st.floats(0.01, 2_000), st.booleans())),
    st.sampled_from(list(BudgetProfile)),
    st.sampled_from([QWEN2, ROOMY]),
)
def test_every_page_gets_a_size_within_the_limits(
    page: Geometry, smallest: SmallestText | None, profile: BudgetProfile, limits: PixelLimits
) -> None:
    budget = decide(page, smallest, limits, BudgetRequest(profile=profile))
    assert limits.min_pixels <= budget.width * budget.height <= limits.max_pixels
    assert budget.visual_tokens == budget.width * budget.height // limits.factor**2


def test_rounding_makes_no_page_too_long() -> None:
    """1.4 x 202 pixels, rounded, were 1 x 202."""
    budget = decide(Geometry(Unit.PIXEL, 202, 1.4))
    assert budget.width > budget.height


def test_a_page_two_hundred_times_as_long_as_wide_fails_by_name() -> None:
    with pytest.raises(DocumentUnreadable) as refused:
        decide(Geometry(Unit.POINT, 7.2, 14_400))
    assert refused.value.code == "page_aspect_ratio"


@pytest.mark.parametrize(
    ("sizes", "smallest"),
    [
        ([], None),
        ([(10.0, 500)], 10.0),
        ([(10.0, 3000), (7.0, 60)], 7.0),  # a footnote matters
        ([(10.0, 3000), (6.0, 3)], 10.0),  # a stray superscript does not
        ([(10.0, 300), (1.0, 5000)], 10.0),  # nor does microprint
        ([(12.0, 5)], 12.0),  # a page of one word
    ],
)
def test_the_smallest_text_that_matters(sizes: list[tuple[float, int]], smallest: float | None) -> None:
    assert smallest_size(sizes) == smallest
