"""Finds tables drawn with rules: the cells are the boxes that horizontal and vertical rules close."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.geometry import Box, union
from schemas.reading import PageReading, ReadCell, ReadTable, Rule

_REACH = 0.006
"""Of the page's longer side: rules that end this close to each other meet."""

_MOST_SLOTS = 20_000


def ruled_tables(reading: PageReading) -> list[ReadTable]:
    """Grids of at least two by two slots with something printed in several of their cells."""
    reach = _REACH * max(reading.width, reading.height)
    words = [word.bbox for line in reading.lines for word in line.words]
    tables = (_table(group, words, reach) for group in _meeting(reading.rules, reach))
    return [table for table in tables if table is not None and _worth(table, words)]


def _meeting(rules: Sequence[Rule], reach: float) -> list[list[Box]]:
    """Rules sorted into groups that hang together."""
    boxes = sorted((rule.bbox for rule in rules), key=lambda box: box[1])
    parent = list(range(len(boxes)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    open_ones: list[int] = []
    for index, box in enumerate(boxes):
        open_ones = [other for other in open_ones if boxes[other][3] + reach >= box[1]]
        for other in open_ones:
            if _touch(boxes[other], box, reach):
                parent[root(index)] = root(other)
        open_ones.append(index)
    groups: dict[int, list[Box]] = {}
    for index, box in enumerate(boxes):
        groups.setdefault(root(index), []).append(box)
    return list(groups.values())


def _touch(a: Box, b: Box, reach: float) -> bool:
    return a[0] - reach <= b[2] and b[0] - reach <= a[2] and a[1] - reach <= b[3] and b[1] - reach <= a[3]


def _table(group: list[Box], words: Sequence[Box], reach: float) -> ReadTable | None:
    grid = _Grid.of(group, words, reach)
    if grid.rows < 1 or grid.cols < 1 or not 2 <= grid.rows * grid.cols <= _MOST_SLOTS:
        return None
    cells = grid.cells()
    if len(cells) < 2:
        return None
    return ReadTable(union([cell.bbox for cell in cells]), grid.rows, grid.cols, tuple(cells))


def _positions(values: Iterable[float], reach: float) -> list[float]:
    """Coordinates with those of one rule drawn twice, or nearly aligned, taken together."""
    clusters: list[list[float]] = []
    for value in sorted(values):
        if clusters and value - clusters[-1][0] <= reach:
            clusters[-1].append(value)
        else:
            clusters.append([value])
    return [sum(cluster) / len(cluster) for cluster in clusters]


def _open_sides(xs: list[float], ys: list[float], flat: Sequence[Box], words: Sequence[Box]) -> list[float]:
    """Where rules across end beyond the outer rules down, with words in between: sides left open.

    Given for left and right; for top and bottom the caller turns the page.
    """
    if not xs or len(ys) < 2:
        return []
    enough = max(2, len(flat) // 5)
    between = [w for w in words if ys[0] < (w[1] + w[3]) / 2 < ys[-1]]
    sides = []
    starts = [box[0] for box in flat if box[0] < xs[0] < box[2]]
    ends = [box[2] for box in flat if box[0] < xs[-1] < box[2]]
    if len(starts) >= enough and any(min(starts) < (w[0] + w[2]) / 2 < xs[0] for w in between):
        sides.append(min(starts))
    if len(ends) >= enough and any(xs[-1] < (w[0] + w[2]) / 2 < max(ends) for w in between):
        sides.append(max(ends))
    return sides


def _swapped(boxes: Iterable[Box]) -> list[Box]:
    """Rows for columns."""
    return [(y0, x0, y1, x1) for x0, y0, x1, y1 in boxes]


class _Walls:
    """Which stretches of each grid line are really drawn."""

    def __init__(self, boxes: list[Box], positions: list[float], reach: float, *, horizontal: bool) -> None:
        self._drawn: list[list[tuple[float, float]]] = [[] for _ in positions]
        for box in boxes:
            middle = (box[1] + box[3]) / 2 if horizontal else (box[0] + box[2]) / 2
            nearest = min(range(len(positions)), key=lambda i: abs(positions[i] - middle))
            if abs(positions[nearest] - middle) <= reach:
                self._drawn[nearest].append((box[0], box[2]) if horizontal else (box[1], box[3]))

    def stands(self, index: int, start: float, end: float) -> bool:
        """Whether most of the line between two points is drawn."""
        covered = sum(max(0.0, min(end, high) - max(start, low)) for low, high in self._drawn[index])
        return covered > 0.6 * (end - start)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Grid lines, and where they are really drawn."""

    xs: list[float]
    ys: list[float]
    across: _Walls
    down: _Walls

    @classmethod
    def of(cls, group: list[Box], words: Sequence[Box], reach: float) -> "_Grid":
        flat = [box for box in group if box[2] - box[0] >= box[3] - box[1]]
        tall = [box for box in group if box[2] - box[0] < box[3] - box[1]]
        xs = _positions(((box[0] + box[2]) / 2 for box in tall), reach)
        ys = _positions(((box[1] + box[3]) / 2 for box in flat), reach)
        for x in _open_sides(xs, ys, flat, words):
            tall.append((x, ys[0], x, ys[-1]))
            xs = sorted([*xs, x])
        for y in _open_sides(ys, xs, _swapped(tall), _swapped(words)):
            flat.append((xs[0], y, xs[-1], y))
            ys = sorted([*ys, y])
        across = _Walls(flat, ys, reach, horizontal=True)
        return cls(xs, ys, across, _Walls(tall, xs, reach, horizontal=False))

    @property
    def rows(self) -> int:
        return len(self.ys) - 1

    @property
    def cols(self) -> int:
        return len(self.xs) - 1

    def cells(self) -> list[ReadCell]:
        """Slots grown to the right and down until a wall stands in the way; each belongs to one cell."""
        taken: set[tuple[int, int]] = set()
        cells: list[ReadCell] = []
        for row in range(self.rows):
            for col in range(self.cols):
                if (row, col) in taken:
                    continue
                wide = high = 1
                while self._open_right(row, col + wide) and (row, col + wide) not in taken:
                    wide += 1
                while self._open_below(row + high, col, wide, taken):
                    high += 1
                taken.update((row + r, col + c) for r in range(high) for c in range(wide))
                box = (self.xs[col], self.ys[row], self.xs[col + wide], self.ys[row + high])
                cells.append(ReadCell(row, col, box, high, wide))
        return cells

    def _open_right(self, row: int, col: int) -> bool:
        return col < self.cols and not self.down.stands(col, self.ys[row], self.ys[row + 1])

    def _open_below(self, row: int, col: int, wide: int, taken: set[tuple[int, int]]) -> bool:
        """Whether a cell goes on into ``row``: no rule above it, none through it, nothing taken."""
        if row >= self.rows or any((row, col + c) in taken for c in range(wide)):
            return False
        if any(self.across.stands(row, self.xs[col + c], self.xs[col + c + 1]) for c in range(wide)):
            return False
        return all(self._open_right(row, col + c) for c in range(1, wide))


def _worth(table: ReadTable, words: Sequence[Box]) -> bool:
    """Several cells hold words, in more than one row and more than one column."""
    filled = [cell for cell in table.cells if any(_inside(word, cell.bbox) for word in words)]
    rows = {cell.row for cell in filled}
    cols = {cell.col for cell in filled}
    return len(rows) >= 2 and len(cols) >= 2 and len(filled) >= 4 and len(filled) >= 0.25 * len(table.cells)


def _inside(word: Box, cell: Box) -> bool:
    x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
    return cell[0] <= x <= cell[2] and cell[1] <= y <= cell[3]
