"""Reading order of rectangles on a page: columns, spanning headings, sidebars."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.geometry import Box

_Matrix = NDArray[np.bool_]
_Row = NDArray[np.float64]

# The order is cubic in the number of rectangles; a page of more is a drawing or noise, not columns of text.
MOST_BOXES = 400


def reading_order(boxes: Sequence[Box], slack: float = 1.0) -> list[int]:
    """Indices of the boxes in reading order (left to right, top to bottom), a total order for any input.

    Two rules (after Breuel's layout analysis): of two boxes over each other the upper comes first; of two
    beside each other the left one, with all of its column, unless something that spans both lies between.
    ``slack``: how far boxes may overlap and still count as clear of each other.
    """
    if len(boxes) < 2:
        return list(range(len(boxes)))
    if len(boxes) > MOST_BOXES:
        return sorted(range(len(boxes)), key=lambda i: (boxes[i][1], boxes[i][0]))
    x0, y0, x1, y1 = np.array(boxes, dtype=np.float64).T
    before = _before(x0, y0, x1, y1, slack)
    return _sorted(before, x0, y0, x1)


def _before(x0: _Row, y0: _Row, x1: _Row, y1: _Row, slack: float) -> _Matrix:
    middle = (y0 + y1) / 2
    # Boxes share a column when they overlap by more than the slack and by a tenth of the narrower one.
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    narrower = np.minimum((x1 - x0)[:, None], x1 - x0)
    over = shared > np.minimum(np.maximum(slack, 0.1 * narrower), 0.5 * narrower)
    np.fill_diagonal(over, False)
    above = over & (middle[:, None] < middle)
    aside = ~over & (((x0 + x1) / 2)[:, None] < (x0 + x1) / 2)
    level = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0) > slack
    # parted[a, b]: some box c lies between a and b in height and over or under both.
    clear = over & (y1[:, None] - slack <= y0)
    down = clear.astype(np.float32)
    parted = (down @ down) > 0
    parted |= parted.T
    beside = aside & level
    first = above | beside
    # A box is beside another also through its column: something stacked with it, with nothing spanning in
    # between, is level with the other. Without that the lower half of a left column would come after a short
    # right one. What is told so indirectly gives way to what the boxes say directly.
    stacked = _stacked(above, x0, x1)
    told = _step(stacked, beside) | _step(beside, stacked) | _step(_step(stacked, beside), stacked)
    told &= aside & ~parted
    known = _closure(first)
    return first | (told & ~known & ~known.T)


def _closure(first: _Matrix) -> _Matrix:
    """Everything that follows from the relation; a chain is doubled each round."""
    known = first
    for _ in range(len(first).bit_length()):
        wider = known | _step(known, known)
        if (wider == known).all():
            break
        known = wider
    return known


def _stacked(above: _Matrix, x0: _Row, x1: _Row) -> _Matrix:
    """Pairs of one column: neither is much wider than what they share."""
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    wider = np.maximum((x1 - x0)[:, None], x1 - x0)
    narrower = np.minimum((x1 - x0)[:, None], x1 - x0)
    # A short last line or a heading is narrower than its column but starts where the column starts.
    start = np.abs(x0[:, None] - x0) < 0.1 * wider
    alike = (shared > 0.6 * wider) | (start & (shared > 0.9 * narrower))
    return (above | above.T) & alike


def _step(first: _Matrix, second: _Matrix) -> _Matrix:
    return (first.astype(np.float32) @ second.astype(np.float32)) > 0


def _sorted(before: _Matrix, x0: _Row, y0: _Row, x1: _Row) -> list[int]:
    """Topological order; where the rules leave a choice, stay in the column, else take the highest box."""
    count = len(x0)
    left = before.sum(axis=0).astype(np.int64)
    free = np.ones(count, dtype=bool)
    order: list[int] = []
    last = -1
    for _ in range(count):
        ready = np.flatnonzero(free & (left == 0))
        if not len(ready):  # a ring: rules that contradict each other; break it at the top
            remaining = np.flatnonzero(free)
            fewest = left[remaining].min()
            ready = remaining[left[remaining] == fewest]
        chosen = _choose(ready, last, x0, y0, x1)
        order.append(chosen)
        free[chosen] = False
        left -= before[chosen]
        last = chosen
    return order


def _choose(ready: NDArray[np.int64], last: int, x0: _Row, y0: _Row, x1: _Row) -> int:
    if last >= 0 and len(ready) > 1:
        below = [i for i in ready if y0[i] >= y0[last] and min(x1[i], x1[last]) > max(x0[i], x0[last])]
        if below:
            return int(min(below, key=lambda i: (y0[i], x0[i])))
    return int(min(ready, key=lambda i: (y0[i], x0[i])))
