"""Boxes as models of the Qwen-VL families write them, turned into pixels of the image they were sent."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.engine import CoordinateConvention
from schemas.geometry import Box

_MARKED = re.compile(
    r"(?:<\|object_ref_start\|>(?P<name>.*?)<\|object_ref_end\|>)?"
    r"<\|box_start\|>\s*\(\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\)\s*,?\s*"
    r"\(\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\)\s*<\|box_end\|>",
    re.DOTALL,
)
_MARKER = re.compile(r"<\|(?:object_ref|box|quad)_(?:start|end)\|>")
_PER_MILLE = 1000.0
_SLACK = 0.02
"""How far outside the image, as a share of its side, a corner may lie before the box is disbelieved."""


@dataclass(frozen=True, slots=True)
class Marked:
    """An object that Qwen2-VL named between its markers, and its box as written."""

    name: str
    numbers: tuple[float, float, float, float]


def marked(text: str) -> list[Marked]:
    """Every ``<|object_ref_start|>NAME<|object_ref_end|><|box_start|>(x1,y1),(x2,y2)<|box_end|>``."""
    return [
        Marked((found["name"] or "").strip(), tuple(float(found[i]) for i in range(2, 6)))  # type: ignore[arg-type]  # four of them
        for found in _MARKED.finditer(text)
    ]


def unmarked(text: str) -> str:
    """The text without boxes and markers."""
    return _MARKER.sub("", _MARKED.sub(lambda found: found["name"] or "", text))


def in_pixels(numbers: object, convention: CoordinateConvention, width: float, height: float) -> Box | None:
    """Four numbers as the convention means them, in pixels; None for what is no box on this image.

    Corners in the wrong order are put right; what lies a little outside is clipped. A box without area, or
    far outside, is a model's slip and is not repaired into a place that nobody named.
    """
    if convention is CoordinateConvention.NONE or not _four(numbers):
        return None
    a, b, c, d = (float(number) for number in numbers)  # type: ignore[attr-defined]  # checked by _four
    if convention is CoordinateConvention.PER_MILLE:
        a, c = a * width / _PER_MILLE, c * width / _PER_MILLE
        b, d = b * height / _PER_MILLE, d * height / _PER_MILLE
    x0, x1, y0, y1 = min(a, c), max(a, c), min(b, d), max(b, d)
    if x0 < -_SLACK * width or y0 < -_SLACK * height:
        return None
    if x1 > (1 + _SLACK) * width or y1 > (1 + _SLACK) * height:
        return None
    box = (max(0.0, x0), max(0.0, y0), min(width, x1), min(height, y1))
    return box if box[2] > box[0] and box[3] > box[1] else None


def _four(numbers: object) -> bool:
    return (
        isinstance(numbers, Sequence)
        and not isinstance(numbers, str | bytes)
        and len(numbers) == 4
        and all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e7 for n in numbers)
    )


def named_boxes(value: Any, keys: Sequence[str] = ("bbox_2d", "bbox", "box")) -> list[tuple[str, Any]]:
    """Labels and numbers of the JSON that Qwen2.5-VL and Qwen3-VL ground with: ``[{"bbox_2d", "label"}]``."""
    entries = value if isinstance(value, list) else [value]
    found = []
    for entry in entries:
        if isinstance(entry, dict):
            numbers = next((entry[key] for key in keys if key in entry), None)
            if numbers is not None:
                label = entry.get("label", entry.get("text_content", ""))
                found.append((str(label), numbers))
    return found
