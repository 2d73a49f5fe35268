"""Parts a column that a model took for one: white space runs through it, with content on both sides."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.tables.rows import Stretch, stretches
from schemas.reading import ReadCell, ReadLine, ReadTable

_GUTTER = 0.8  # of the type size: wider than any space between words
_FEWEST = 2  # rows with something on both sides
_BOTH = 0.5  # of the rows that hold anything; with edges in line, of those with anything on the emptier side
_IN_LINE = 0.3  # of the type size
_CUT = 0.34  # of the rows that hold anything may run through the gutter: titles, remarks
_MOST = 4  # columns out of one


_Lines = Sequence[Sequence[Stretch]]
"""What stands in one cell, printed line by printed line."""


@dataclass(frozen=True, slots=True)
class _Wall:
    x: float
    cost: float
    """How much text it runs through: the smaller shares of the stretches it cuts, summed."""


def with_columns_parted(table: ReadTable, lines: Sequence[ReadLine]) -> ReadTable:
    """The table with such columns cut in two; from right to left, so that numbers of columns stay true."""
    parts = stretches(lines, gap=_GUTTER)
    words = stretches(lines, gap=0.0)
    for col in reversed(range(table.cols)):
        for _ in range(_MOST - 1):
            wall = _wall(table, col, parts, words)
            if wall is None:
                break
            table = _parted(table, col, wall, words)
    return table


def _wall(table: ReadTable, col: int, parts: Sequence[Stretch], words: Sequence[Stretch]) -> float | None:
    cells = [cell for cell in table.cells if cell.col == col and cell.col_span == 1 and cell.row_span == 1]
    rows = [_printed_rows(held) for cell in cells if (held := _inside(cell, parts))]
    rows = [row for row in rows if row]
    gaps = [(a.bbox[2], b.bbox[0]) for row in rows for line in row for a, b in pairwise(line)]
    walls = [
        wall
        for low, high in _meetings(gaps)
        if (wall := _judged((low, high), rows, [w for c in cells for w in _inside(c, words)])) is not None
    ]
    return min(walls, key=lambda wall: wall.cost).x if walls else None


def _meetings(gaps: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches of x between neighbouring ends of gaps: inside one, the same gaps are open."""
    ends = sorted({end for gap in gaps for end in gap})
    return [(low, high) for low, high in pairwise(ends) if high - low > 0.5]


def _judged(span: tuple[float, float], rows: Sequence[_Lines], words: Sequence[Stretch]) -> _Wall | None:
    """The wall in the middle of the span, if enough rows have content on both sides of it."""
    free = _clear(span, words)
    if free is None:
        return None
    both = [line for row in rows for line in row if _stands_on_both(line, free)]
    cut = [part for row in rows for line in row for part in line if part.bbox[0] < free < part.bbox[2]]
    through = sum(any(part in cut for line in row for part in line) for row in rows)
    if len(both) < max(_FEWEST, _BOTH * _asked(rows, both, free)) or through > _CUT * len(rows):
        return None
    shares = (min(free - p.bbox[0], p.bbox[2] - free) / (p.bbox[2] - p.bbox[0]) for p in cut)
    return _Wall(free, sum(shares))


def _asked(rows: Sequence[_Lines], both: Sequence[Sequence[Stretch]], x: float) -> int:
    """How many rows to judge by. Wrapped lines fill one side alone; edges in line make up for that."""
    firsts = [next(part for part in line if part.bbox[0] >= x) for line in both]
    lasts = [line[-1] for line in both]
    if not firsts or not (_in_line(firsts, 0) or _in_line(lasts, 2)):
        return len(rows)
    left = sum(any(part.bbox[2] <= x for line in row for part in line) for row in rows)
    right = sum(any(part.bbox[0] >= x for line in row for part in line) for row in rows)
    return min(left, right)


def _in_line(parts: Sequence[Stretch], edge: int) -> bool:
    places = [part.bbox[edge] for part in parts]
    return max(places) - min(places) <= _IN_LINE * parts[0].size


def _clear(span: tuple[float, float], words: Sequence[Stretch]) -> float | None:
    """Where in the span the fewest words are cut: the middle of its widest piece without one, if any."""
    edges = sorted({span[0], span[1], *(x for w in words for x in w.bbox[::2] if span[0] < x < span[1])})
    pieces = list(pairwise(edges))
    free = [(a, b) for a, b in pieces if not any(w.bbox[0] < (a + b) / 2 < w.bbox[2] for w in words)]
    if not free:
        return (span[0] + span[1]) / 2
    low, high = max(free, key=lambda piece: piece[1] - piece[0])
    return (low + high) / 2


def _stands_on_both(line: Sequence[Stretch], x: float) -> bool:
    """Words or figures on either side; a sign of currency beside its amount is none."""
    left = any(part.bbox[2] <= x and _says(part) for part in line)
    return left and any(part.bbox[0] >= x and _says(part) for part in line)


def _says(part: Stretch) -> bool:
    return any(char.isalnum() for char in part.text)


def _printed_rows(held: Sequence[Stretch]) -> list[list[Stretch]]:
    """Lines of a cell that hold several stretches or one, each left to right."""
    lines: list[list[Stretch]] = []
    for part in sorted(held, key=lambda p: (p.bbox[1] + p.bbox[3]) / 2):
        last = lines[-1][0] if lines else None
        shared = min(part.bbox[3], last.bbox[3]) - max(part.bbox[1], last.bbox[1]) if last is not None else 0
        if last is not None and shared > 0.5 * (part.bbox[3] - part.bbox[1]):
            lines[-1].append(part)
        else:
            lines.append([part])
    return [sorted(line, key=lambda p: p.bbox[0]) for line in lines]


def _inside(cell: ReadCell, parts: Sequence[Stretch]) -> list[Stretch]:
    x0, y0, x1, y1 = cell.bbox
    return [
        part
        for part in parts
        if x0 <= (part.bbox[0] + part.bbox[2]) / 2 <= x1 and y0 <= (part.bbox[1] + part.bbox[3]) / 2 <= y1
    ]


def _parted(table: ReadTable, col: int, x: float, words: Sequence[Stretch]) -> ReadTable:
    out: list[ReadCell] = []
    for cell in table.cells:
        if cell.col > col:
            out.append(replace(cell, col=cell.col + 1))
        elif cell.col + cell.col_span - 1 < col:
            out.append(cell)
        elif cell.col_span > 1 or _runs_through(cell, x, words):
            out.append(replace(cell, col_span=cell.col_span + 1))
        else:
            x0, y0, x1, y1 = cell.bbox
            out.append(replace(cell, bbox=(x0, y0, x, y1), text=None))
            out.append(replace(cell, col=col + 1, bbox=(x, y0, x1, y1), text=None))
    return replace(table, cols=table.cols + 1, cells=tuple(out))


def _runs_through(cell: ReadCell, x: float, words: Sequence[Stretch]) -> bool:
    """Whether a line of the cell goes through the wall: a word across it, or words close on both sides."""
    inside = _inside(cell, words)
    for line in _printed_rows(inside):
        if any(word.bbox[0] < x < word.bbox[2] for word in line):
            return True
        if any(
            a.bbox[2] <= x <= b.bbox[0] and b.bbox[0] - a.bbox[2] <= 0.45 * a.size for a, b in pairwise(line)
        ):
            return len(inside) > 2  # two words, a gutter between: two headings set close
    return False
