"""Tells the second and further lines of wrapped cells from rows of their own."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from pipeline.tables.headers import is_number
from pipeline.tables.rows import Stretch

Row = Mapping[int, Sequence[Stretch]]
"""What stands in each column."""

_TIGHT = 0.85  # of the usual distance of rows: lines of one cell
_SAME = 1.05


def continuing(rows: Sequence[Row]) -> list[bool]:
    """For each row, whether it is the rest of the one above."""
    pitches = [_first(below) - _last(above) if above and below else 0.0 for above, below in pairwise(rows)]
    full = [pitch for pitch, row in zip(pitches, rows[1:], strict=True) if len(row) > 1]
    usual = median(full) if full else 0.0
    out = [False] * len(rows)
    held: set[int] = set()
    figures: set[int] = set()
    for index, row in enumerate(rows):
        numbers = {col for col, parts in row.items() if is_number(_text(parts))}
        # Figures do not wrap: a second one in a column begins another row.
        if index and row and usual > 0 and set(row) <= held and not numbers & figures:
            out[index] = _goes_on(rows[index - 1], row, pitches[index - 1] / usual, first=index == 1)
        held = held | set(row) if out[index] else set(row)
        figures = figures | numbers if out[index] else numbers
    return out


def _goes_on(above: Row, row: Row, pitch: float, *, first: bool) -> bool:
    """Tighter than rows are, or too little to be a row.

    All cells of a row do not wrap at once; headings may (``first``: the row below them).
    """
    if pitch < _TIGHT:
        return first or len(row) == 1 or set(row) != set(above) or _text(row[min(row)])[:1].islower()
    if len(row) > 1 or pitch > _SAME:
        return False
    return 0 not in row or _text(row[0])[:1].islower()


def _text(parts: Sequence[Stretch]) -> str:
    return " ".join(part.text for part in parts)


def _first(row: Row) -> float:
    return min(part.bbox[1] for parts in row.values() for part in parts)


def _last(row: Row) -> float:
    return max(part.bbox[1] for parts in row.values() for part in parts)
