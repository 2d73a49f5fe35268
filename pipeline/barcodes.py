"""Reads barcodes and QR codes off a picture: what each says, of which format, and where it stands."""

import re
from collections.abc import Sequence

import zxingcpp

from pipeline.ink import Grey
from pipeline.orders import Code
from schemas.geometry import area, intersection

MOST = 100
"""Codes of a page; a page of labels has fewer."""

_UNCHECKED = frozenset({"code_39", "code_39_standard", "code_39_extended", "itf", "codabar"})
"""Formats without a check digit of their own: a short one may be a stretch of ruling or hatching."""

_LEAST_UNCHECKED = 6
_LEAST_SIDE = 8.0  # pixels: a line scanned across something is no code
_SAME = 0.5
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {0x7F: 0x2421}
"""What cannot be printed is shown by the picture that Unicode has of it: NUL as \N{SYMBOL FOR NULL}."""


def read(grey: Grey) -> tuple[Code, ...]:
    """Codes in any direction, boxes in pixels of the picture, from top to bottom."""
    found = [code for code in map(_code, zxingcpp.read_barcodes(grey, text_mode=_PLAIN)) if code is not None]
    return distinct(found)


def distinct(codes: Sequence[Code]) -> tuple[Code, ...]:
    """Each code once, however often it was seen in its place."""
    kept: list[Code] = []
    for code in sorted(codes, key=lambda code: (code.bbox[1], code.bbox[0])):
        if not any(_same(code, other) for other in kept):
            kept.append(code)
    return tuple(kept[:MOST])


def _same(code: Code, other: Code) -> bool:
    shared = intersection(code.bbox, other.bbox)
    return code.text == other.text and shared > _SAME * min(area(code.bbox), area(other.bbox))


_PLAIN = zxingcpp.TextMode.Plain


def _code(found: zxingcpp.Barcode) -> Code | None:
    kind = re.sub(r"[^a-z0-9]+", "_", str(found.format).lower()).strip("_")
    corners = found.position
    points = (corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left)
    xs, ys = [float(point.x) for point in points], [float(point.y) for point in points]
    box = (min(xs), min(ys), max(xs), max(ys))
    text = shown(found.text)
    unsure = kind in _UNCHECKED and len(text) < _LEAST_UNCHECKED
    if not found.valid or not text or unsure or min(box[2] - box[0], box[3] - box[1]) < _LEAST_SIDE:
        return None
    return Code(kind, text, box)


def shown(text: str) -> str:
    """The value as text: data, whatever it says; characters that end strings or drive terminals are drawn."""
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode()
