"""Groups pieces into columns of text: lines under each other that belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.pieces import Piece, rows_of
from schemas.geometry import Box, area, intersection, union
from schemas.page import BlockKind
from schemas.reading import Region

# Lines further apart than this, in type sizes from box to box, are not of one group.
GAP = 0.9
_WIDEST = 1.8
# A piece looks for the next line among so many that follow it down the page.
_AHEAD = 300
# What the layout sees as one of these is one block, however its lines stand.
WHOLE = frozenset(
    (BlockKind.HEADING, BlockKind.FORMULA, BlockKind.CAPTION, BlockKind.SIGNATURE, BlockKind.BARCODE)
)
_TEXT_KINDS = frozenset(BlockKind) - {BlockKind.TABLE, BlockKind.FIGURE}


@dataclass(slots=True)
class Group:
    """Lines in order, in one column; ``hint`` is what the layout says they are."""

    pieces: list[Piece] = field(default_factory=list)
    hint: BlockKind | None = None
    room: float = 0.0
    """How far right a line could have run: the next thing beside the group, or the edge of all text."""

    @property
    def at(self) -> Box:
        return union([piece.at for piece in self.pieces])


def assign_regions(pieces: Sequence[Piece], regions: Sequence[Region], boxes: Sequence[Box]) -> None:
    """Mark each piece with the smallest region its middle lies in; ``boxes`` are the regions in the frame."""
    order = sorted(range(len(regions)), key=lambda i: area(boxes[i]))
    usable = [i for i in order if regions[i].kind in _TEXT_KINDS]
    if not usable:
        return
    x0, y0, x1, y1 = np.array([boxes[i] for i in usable]).T
    for piece in pieces:
        x, y = (piece.at[0] + piece.at[2]) / 2, piece.middle
        around = np.flatnonzero((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1))
        inside = (usable[k] for k in around.tolist() if _mostly_inside(piece.at, boxes[usable[k]]))
        piece.region = next(inside, -1)


def _mostly_inside(at: Box, box: Box) -> bool:
    return intersection(at, box) > 0.5 * area(at)


def group(pieces: Sequence[Piece], regions: Sequence[Region]) -> list[Group]:
    """Chains of pieces: each linked to the only piece under it, where that has only this one above it."""
    whole: dict[int, list[Piece]] = {}
    for piece in pieces:
        if piece.region >= 0 and regions[piece.region].kind in WHOLE:
            whole.setdefault(piece.region, []).append(piece)
    groups = [
        Group([piece for row in rows_of(members) for piece in row], regions[index].kind)
        for index, members in whole.items()
    ]
    rest = [piece for piece in pieces if piece.region < 0 or regions[piece.region].kind not in WHOLE]
    return groups + _chains(rest, regions)


def _chains(pieces: Sequence[Piece], regions: Sequence[Region]) -> list[Group]:
    pieces = sorted(pieces, key=lambda p: (p.at[1], p.at[0]))
    below = [_below(index, pieces) for index in range(len(pieces))]
    above: list[list[int]] = [[] for _ in pieces]
    for index, found in enumerate(below):
        for other in found:
            above[other].append(index)
    limit = _widest_gap(pieces, below)
    groups: list[Group] = []
    home: dict[int, Group] = {}
    for index, piece in enumerate(pieces):
        owner = None
        if len(above[index]) == 1:
            upper = above[index][0]
            if len(below[upper]) == 1 and _belong(pieces[upper], piece, limit):
                owner = home[upper]
        if owner is None:
            kind = regions[piece.region].kind if piece.region >= 0 else None
            owner = Group(hint=kind)
            groups.append(owner)
        owner.pieces.append(piece)
        home[index] = owner
    return groups


def _widest_gap(pieces: Sequence[Piece], below: Sequence[Sequence[int]]) -> float:
    """How far apart, in type sizes, lines of one group may stand: further where the page is set wide."""
    gaps = sorted(
        (pieces[found[0]].at[1] - pieces[index].at[3]) / max(pieces[index].size, 1e-6)
        for index, found in enumerate(below)
        if len(found) == 1 and _alike(pieces[index], pieces[found[0]])
    )
    usual = gaps[len(gaps) // 2] if len(gaps) > 3 else 0.0
    return min(max(GAP, 1.25 * usual), _WIDEST)


def _alike(upper: Piece, lower: Piece) -> bool:
    """Of one size, give or take what an estimate from an image may be off."""
    ratio = max(upper.size, lower.size) / max(min(upper.size, lower.size), 1e-6)
    return ratio <= (1.35 if upper.read_by_eye or lower.read_by_eye else 1.13)


def _below(index: int, pieces: Sequence[Piece]) -> list[int]:
    """Pieces in the first row under this one: overlapping in width, near, with nothing in between."""
    upper = pieces[index]
    limit = upper.at[3] + 2.2 * upper.size
    found: list[int] = []
    for other in range(index + 1, min(len(pieces), index + _AHEAD)):
        lower = pieces[other]
        if lower.at[1] > limit:
            break
        if lower.middle < upper.at[3] - 0.25 * upper.height or not _overlap(upper, lower):
            continue
        if found and lower.at[1] > pieces[found[0]].at[3] - 0.25 * lower.height:
            break  # the row after
        found.append(other)
    return found


def _overlap(a: Piece, b: Piece) -> bool:
    """Over each other, or beginning at one edge: a last line of one word and the indented line after it."""
    size = min(a.size, b.size)
    return min(a.at[2], b.at[2]) - max(a.at[0], b.at[0]) > 0.2 * size or abs(a.at[0] - b.at[0]) < 2.5 * size


def _belong(upper: Piece, lower: Piece, limit: float) -> bool:
    if upper.region != lower.region:
        return False
    gap = lower.at[1] - upper.at[3]
    size = min(upper.size, lower.size)
    if upper.region >= 0:
        return gap < 2.5 * size
    if not _alike(upper, lower):
        return False
    if upper.bold != lower.bold and not upper.read_by_eye:
        return False
    return gap <= limit * size and _aligned(upper, lower)


def _aligned(a: Piece, b: Piece) -> bool:
    """Flush left within an indent, flush right, or centred on each other."""
    size = max(a.size, b.size)
    return (
        abs(a.at[0] - b.at[0]) < 5 * size
        or abs(a.at[2] - b.at[2]) < 1.5 * size
        or abs((a.at[0] + a.at[2]) - (b.at[0] + b.at[2])) < 2 * size
    )
