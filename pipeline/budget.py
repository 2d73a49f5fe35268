"""Decide how many pixels a page is read at: resize arithmetic and the resolution its smallest text needs.

The arithmetic is that of Qwen-VL's ``smart_resize`` (round to the factor with Python's banker's rounding,
floor when above the limit, ceil when below), mended where the original returns 0 or leaves the limits.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.orders import Geometry
from schemas.engine import PixelLimits
from schemas.errors import DocumentUnreadable
from schemas.page import BudgetUsed, Unit
from schemas.request import BudgetProfile, BudgetRequest

MAX_ASPECT_RATIO = 200
POINTS_PER_INCH = 72.0

X_HEIGHT_OF_SIZE = 0.5
"""Height of a lower-case x as a share of the type size; .45 to .55 over common text faces."""

_DEFAULT_SIZE_PT = 8.0
"""Assumed smallest type where nothing could be measured (no text layer, a probe that found no letters)."""

_MAX_ENLARGEMENT = 2.0
"""A scan is enlarged at most so much: more pixels than were scanned hold no more of the page."""

_SMALLEST_SIZE_PT = 3.0
"""Type below this is decoration (guilloche, microprint) and never drives the budget."""

_SURE_SHARE = 1 / 60
"""Type up to this share of the longer side (14 pt on A4) is believed as measured. Where a probe finds only
larger letters it may have missed small print: the page is then shown as if it held type of that size, unless
that means enlarging a scan."""

_PROFILE_DETAIL = {BudgetProfile.FAST: 0.7, BudgetProfile.BALANCED: 1.0, BudgetProfile.ACCURATE: 1.4}
"""How far a profile departs from the letter height that the engine says it needs."""

_PROFILE_CEILING = {BudgetProfile.FAST: 0.5, BudgetProfile.BALANCED: 1.0, BudgetProfile.ACCURATE: 1.0}
"""The share of the engine's largest image that a profile may use."""


def smart_resize(height: int, width: int, factor: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """The (height, width) an image of that size is shown to the engine at.

    Both are positive multiples of ``factor`` and their product never exceeds ``max_pixels``. It is also at
    least ``min_pixels``, except where no multiple of the factor near this shape lies between the two limits.
    Raises ValueError for limits that hold not even one factor, DocumentUnreadable for a ratio above 200.
    """
    if max_pixels < factor * factor or max_pixels < min_pixels:
        raise ValueError(f"limits {min_pixels}..{max_pixels} hold no image of factor {factor}")
    if height < 1 or width < 1 or max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        raise DocumentUnreadable(
            "page_aspect_ratio",
            f"the page is {width} x {height}: more than {MAX_ASPECT_RATIO} times as long as wide",
        )
    rows = max(1, round(height / factor))
    cols = max(1, round(width / factor))
    limit = max_pixels // (factor * factor)
    if rows * cols > limit:
        shrink = math.sqrt(height * width / max_pixels)
        rows = math.floor(height / shrink / factor)
        cols = math.floor(width / shrink / factor)
    elif rows * cols * factor * factor < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        rows = math.ceil(height * grow / factor)
        cols = math.ceil(width * grow / factor)
    rows, cols = _within(rows, cols, limit)
    return rows * factor, cols * factor


def _within(rows: int, cols: int, limit: int) -> tuple[int, int]:
    """At least 1 x 1 and at most ``limit`` cells: the original can return 0, or leave narrow limits."""
    rows, cols = max(1, rows), max(1, cols)
    if rows * cols <= limit:
        return rows, cols
    if rows <= cols:
        rows = min(rows, limit)
        return rows, max(1, limit // rows)
    cols = min(cols, limit)
    return max(1, limit // cols), cols


@dataclass(frozen=True, slots=True)
class SmallestText:
    """The smallest type that matters on a page, in the page's unit, and where that is known from."""

    size: float
    measured: bool = False
    """True when a probe of the picture measured it; False when the text layer says so."""


def smallest_size(sizes: Iterable[tuple[float, int]]) -> float | None:
    """The smallest type size that matters, from (size, number of characters) pairs.

    A stray superscript or a line of microprint must not drive the budget: at least 12 characters or 1 % of
    the text have to be that small.
    """
    known = sorted((size, count) for size, count in sizes if count > 0 and size >= _SMALLEST_SIZE_PT)
    total = sum(count for _, count in known)
    enough = min(12, total) if total < 1200 else total * 0.01
    seen = 0
    for size, count in known:
        seen += count
        if seen >= enough:
            return size
    return None


@dataclass(frozen=True, slots=True)
class Decided:
    """A budget, and what was wished for: ``scale`` in pixels per unit, ``letter`` in pixels of an x."""

    used: BudgetUsed
    scale: float
    letter: float

    def shown(self, geometry: Geometry) -> float:
        """How large print is shown, as a share of what was wished for."""
        wanted = geometry.width * geometry.height * self.scale * self.scale
        return math.sqrt(self.used.width * self.used.height / wanted)


def decide_budget(
    geometry: Geometry,
    smallest: SmallestText | None,
    limits: PixelLimits,
    request: BudgetRequest,
    pixels_per_x_height: float,
    *,
    native_scale: float | None = None,
) -> BudgetUsed:
    """The size to render a page at, with the reason in words; `decide` says how."""
    return decide(geometry, smallest, limits, request, pixels_per_x_height, native_scale=native_scale).used


def decide(
    geometry: Geometry,
    smallest: SmallestText | None,
    limits: PixelLimits,
    request: BudgetRequest,
    pixels_per_x_height: float,
    *,
    native_scale: float | None = None,
) -> Decided:
    """The size to render a page at, with the reason in words.

    ``fast`` reads at 0.7 times the engine's letter height and at most half its largest image, ``balanced`` at
    exactly the letter height, ``accurate`` at 1.4 times it. Explicit ``min_pixels``/``max_pixels`` narrow the
    engine's limits and are otherwise balanced. ``native_scale``: pixels per unit a scan really holds.
    """
    profile = request.profile or BudgetProfile.BALANCED
    low, high = _limits(limits, request, profile)
    letter = pixels_per_x_height * _PROFILE_DETAIL[profile]
    scale, reason = _wanted_scale(geometry, smallest, letter)
    if smallest is not None and smallest.measured:
        careful = letter / (max(geometry.width, geometry.height) * _SURE_SHARE * X_HEIGHT_OF_SIZE)
        scale = max(scale, careful if native_scale is None else min(careful, native_scale))
    if native_scale is not None and scale > native_scale * _MAX_ENLARGEMENT:
        scale = native_scale * _MAX_ENLARGEMENT
        reason += f", enlarged no more than {_MAX_ENLARGEMENT:g} times"
    # Rounding sides of less than one pixel would lose the shape of tiny pages: scale those up first.
    scale = max(scale, 1.0 / min(geometry.width, geometry.height))
    wanted = _whole(geometry.height * scale, geometry.width * scale)
    height, width = smart_resize(*_tamed(wanted, high), limits.factor, low, high)
    if wanted[0] * wanted[1] > high:
        reason += ", held at the largest image allowed"
    elif wanted[0] * wanted[1] < low:
        reason += ", raised to the smallest image allowed"
    dpi = None
    if geometry.unit is Unit.POINT:
        dpi = round(math.sqrt(width * height / (geometry.width * geometry.height)) * POINTS_PER_INCH, 1)
    used = BudgetUsed(
        width=width, height=height, visual_tokens=limits.tokens(width, height), dpi=dpi, reason=reason
    )
    return Decided(used, scale, letter)


def _whole(height: float, width: float) -> tuple[int, int]:
    """Rounded; rounding the shorter side down must not make a page too long that is not."""
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        return round(height), round(width)
    rows, cols = max(1, round(height)), max(1, round(width))
    return min(rows, MAX_ASPECT_RATIO * cols), min(cols, MAX_ASPECT_RATIO * rows)


def _tamed(wanted: tuple[int, int], high: int) -> tuple[int, int]:
    """The same shape in fewer digits; keeps the square root exact for absurd pages."""
    height, width = wanted
    excess = math.sqrt(height * width / high) / 64
    if excess <= 1:
        return height, width
    return max(1, round(height / excess)), max(1, round(width / excess))


def _limits(limits: PixelLimits, request: BudgetRequest, profile: BudgetProfile) -> tuple[int, int]:
    one = limits.factor * limits.factor
    high = limits.max_pixels
    if request.profile is not None:
        high = max(int(high * _PROFILE_CEILING[profile]), limits.min_pixels, one)
    if request.max_pixels is not None:
        high = max(min(high, request.max_pixels), one)
    low = max(limits.min_pixels, request.min_pixels or 0)
    return min(low, high), high


def _wanted_scale(geometry: Geometry, smallest: SmallestText | None, x_height: float) -> tuple[float, str]:
    """Pixels per unit of the page that show its smallest text ``x_height`` pixels high."""
    if smallest is None and geometry.unit is Unit.PIXEL:
        return 1.0, "size of text not known, as scanned"
    size = smallest.size if smallest else _DEFAULT_SIZE_PT
    if geometry.unit is Unit.POINT:
        size = max(size, _SMALLEST_SIZE_PT)
    scale = x_height / (size * X_HEIGHT_OF_SIZE)
    if smallest is None:
        return scale, f"size of text not known, {size:g} pt assumed"
    verb = "measured " if smallest.measured else ""
    return scale, f"smallest text {verb}{round(size, 1):g} {geometry.unit}"
