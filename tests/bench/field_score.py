"""Extracted fields against true values: right values after normalisation, boxes over the true lines."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from schemas.geometry import Box, area
from tests.bench.text_score import edits, letters

_DAY_FIRST = (
    "%Y-%m-%d", "%d/%m/%Y", "%d/%m/%y", "%d-%m-%Y", "%d-%m-%y", "%d.%m.%Y", "%d.%m.%y",
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%Y/%m/%d",
)  # fmt: skip
_HIT = 0.5
_SHORTEST_LINE = 3


def true_date(text: str) -> date | None:
    """A date as the ground truth writes it: day first."""
    for form in _DAY_FIRST:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            continue
    return None


def true_amount(text: Any) -> Decimal | None:
    """An amount as the ground truth writes it: decimal point, thousands commas, perhaps a currency sign."""
    kept = "".join(c for c in str(text) if c.isdigit() or c in ".-")
    try:
        return Decimal(kept)
    except InvalidOperation:
        return None


def same_date(true: Any, found: Any) -> bool:
    wanted = true_date(str(true))
    return wanted is not None and str(found)[:10] == wanted.isoformat()


def same_amount(true: Any, found: Any) -> bool:
    wanted, got = true_amount(true), true_amount(found)
    return wanted is not None and wanted == got


def same_text(true: Any, found: Any) -> bool:
    """Equal letters and digits, whatever the case, spacing and punctuation."""
    return bool(letters(str(true))) and letters(str(true)) == letters(str(found))


def right(kind: str, true: Any, found: Any) -> bool:
    """Whether a found value (of kind date, amount or text) is the true one. Nothing found is never right."""
    if found is None or found == "":
        return False
    return {"date": same_date, "amount": same_amount, "text": same_text}[kind](true, found)


def value_at(extraction: Any, path: str) -> Any:
    """The value at a path such as ``positions[2].amount``; None where the path leads nowhere."""
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            index = int(step[1:-1])
            extraction = (
                extraction[index] if isinstance(extraction, list) and index < len(extraction) else None
            )
        elif step:
            extraction = extraction.get(step) if isinstance(extraction, dict) else None
    return extraction


def leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    """Paths and values of everything in a JSON value that is neither object nor array."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def _covered(boxes: Iterable[Box]) -> float:
    """Area of the union of boxes, by the grid their edges make."""
    kept = [box for box in boxes if area(box) > 0]
    xs = sorted({x for b in kept for x in (b[0], b[2])})
    ys = sorted({y for b in kept for y in (b[1], b[3])})
    total = 0.0
    for x0, x1 in pairwise(xs):
        for y0, y1 in pairwise(ys):
            if any(b[0] <= x0 and x1 <= b[2] and b[1] <= y0 and y1 <= b[3] for b in kept):
                total += (x1 - x0) * (y1 - y0)
    return total


def region_iou(a: list[Box], b: list[Box]) -> float:
    """Intersection over union of two regions made of boxes."""
    both = _covered([*a, *b])
    return (_covered(a) + _covered(b) - both) / both if both else 0.0


def _slice(text: str, value: str, box: Box) -> Box:
    """The part of a line's box where ``value`` stands, by the share of characters before and in it."""
    at = text.casefold().find(value.casefold())
    if at < 0 or not text:
        return box
    width = box[2] - box[0]
    return (box[0] + width * at / len(text), box[1], box[0] + width * (at + len(value)) / len(text), box[3])


def true_regions(value: str, lines: list[tuple[str, Box]]) -> list[list[Box]]:
    """The places where ``value`` stands, each a list of boxes.

    Every line that contains it is one place (the whole line, or the part of it that is the value); the lines
    it contains, forgiving one wrong character in ten, are together another.
    """
    wanted = letters(value)
    places: list[list[Box]] = []
    parts: list[Box] = []
    for text, box in lines:
        line = letters(text)
        if wanted and wanted in line:
            places += [[box], [_slice(text, value, box)]]
        elif len(line) >= _SHORTEST_LINE and _inside(line, wanted):
            parts.append(box)
    return [*places, parts] if parts else places


def _inside(line: str, wanted: str) -> bool:
    if line in wanted:
        return True
    allowed = len(line) // 10
    starts = range(max(len(wanted) - len(line) + 1, 0)) if allowed else range(0)
    return any(edits(line, wanted[i : i + len(line)]) <= allowed for i in starts)


def box_hit(value: str, lines: list[tuple[str, Box]], boxes: list[Box]) -> bool:
    """Whether the evidence of a field covers a place where its true value stands, with IoU of one half."""
    return any(region_iou(place, boxes) >= _HIT for place in true_regions(value, lines))
