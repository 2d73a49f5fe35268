"""Pictures on a page: illustrations with labels, or the background of text that is read on its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.order import reading_order
from pipeline.pieces import Piece
from schemas.geometry import Box, area, intersection, union

_PROSE_WORDS = 5
# Cards of one row have their tops and bottoms in line, give or take this share of their height.
_IN_LINE = 0.12


@dataclass(slots=True)
class Pictures:
    """``illustrations``: the labels in each, by index of its box; ``panels``: boxes with running text."""

    illustrations: dict[int, list[Piece]] = field(default_factory=dict)
    panels: list[Box] = field(default_factory=list)


def sort_pictures(
    boxes: Sequence[Box], pieces: Sequence[Piece], tables: Sequence[Box], page: Box
) -> Pictures:
    """Tell illustrations from backgrounds; a picture of the whole page is a scan and neither."""
    found = Pictures()
    for index in sorted(range(len(boxes)), key=lambda i: -area(boxes[i])):
        box = boxes[index]
        if not 0 < area(box) < 0.8 * area(page):
            continue
        inside = [piece for piece in pieces if holds(box, piece.at)]
        if any(holds(box, table) for table in tables) or _is_prose(inside):
            found.panels.append(box)
        elif not any(holds(boxes[other], box) for other in found.illustrations):
            found.illustrations[index] = inside
    return found


def holds(box: Box, inner: Box) -> bool:
    return intersection(box, inner) > 0.8 * area(inner)


def _is_prose(pieces: Sequence[Piece]) -> bool:
    """Sentences rather than labels."""
    lengths = [len(piece.words) for piece in pieces]
    running = [length for length in lengths if length >= _PROSE_WORDS]
    return len(running) >= 2 and sum(running) * 2 > sum(lengths)


def order_within(boxes: Sequence[Box], panels: Sequence[Box], slack: float) -> list[int]:
    """Reading order in which what stands on one panel stays together, and cards are read row by row."""
    smallest = sorted(panels, key=area)
    homes = [next((k for k, panel in enumerate(smallest) if holds(panel, box)), None) for box in boxes]
    members: dict[int | None, list[int]] = {}
    for index, home in enumerate(homes):
        members.setdefault(home, []).append(index)
    # A panel with one thing on it, or everything, says nothing about order.
    for home, inside in list(members.items()):
        if home is not None and (len(inside) < 2 or len(inside) == len(boxes)):
            members.setdefault(None, []).extend(members.pop(home))
    units = [_Unit(boxes[i], [i]) for i in members.pop(None, [])]
    cards = [
        _Unit(
            union([boxes[i] for i in inside]),
            [inside[k] for k in reading_order([boxes[i] for i in inside], slack)],
        )
        for inside in members.values()
    ]
    units += _in_rows(cards, slack)
    return [i for k in reading_order([unit.at for unit in units], slack) for i in units[k].members]


@dataclass(slots=True)
class _Unit:
    at: Box
    members: list[int]


def _in_rows(cards: list[_Unit], slack: float) -> list[_Unit]:
    """Cards side by side become one unit, from left to right."""
    rows: list[list[_Unit]] = []
    for card in sorted(cards, key=lambda c: (c.at[1], c.at[0])):
        row = next((r for r in rows if all(_side_by_side(card.at, other.at, slack) for other in r)), None)
        if row is None:
            rows.append([card])
        else:
            row.append(card)
    units = []
    for row in rows:
        row.sort(key=lambda card: card.at[0])
        units.append(_Unit(union([card.at for card in row]), [i for card in row for i in card.members]))
    return units


def _side_by_side(a: Box, b: Box, slack: float) -> bool:
    height = max(a[3] - a[1], b[3] - b[1])
    level = abs(a[1] - b[1]) < _IN_LINE * height + slack
    return level and min(a[2], b[2]) - max(a[0], b[0]) <= slack
