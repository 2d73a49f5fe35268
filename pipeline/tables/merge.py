"""Joins the bits in which rules are drawn (dashes, one bit per cell) into the rules a reader sees."""

from collections.abc import Sequence

from schemas.geometry import Box


def merged(boxes: Sequence[Box], gap: float, drift: float) -> list[Box]:
    """``gap``: the widest break in one rule; ``drift``: how far its bits may lie beside each other."""
    flat = [box for box in boxes if box[2] - box[0] >= box[3] - box[1]]
    tall = [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes if x1 - x0 < y1 - y0]
    turned = _chained(tall, gap, drift)
    return [*_chained(flat, gap, drift), *((y0, x0, y1, x1) for x0, y0, x1, y1 in turned)]


def _chained(boxes: Sequence[Box], gap: float, drift: float) -> list[Box]:
    """Horizontal bits joined where they lie on one line and touch."""
    rows: list[list[Box]] = []
    for box in sorted(boxes, key=_middle):
        if rows and _middle(box) - _middle(rows[-1][-1]) <= drift:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in _joined(sorted(row), gap)]


def _joined(row: Sequence[Box], gap: float) -> list[Box]:
    out = [row[0]]
    for x0, y0, x1, y1 in row[1:]:
        a0, b0, a1, b1 = out[-1]
        if x0 - a1 <= gap:
            out[-1] = (a0, min(b0, y0), max(a1, x1), max(b1, y1))
        else:
            out.append((x0, y0, x1, y1))
    return out


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2
