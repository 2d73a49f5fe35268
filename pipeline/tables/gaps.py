"""Finds tables without rules: rows of short stretches of words that keep the same gaps between them."""

from collections.abc import Sequence
from statistics import median

from pipeline.tables.rows import Stretch, rows, stretches
from pipeline.tables.wrapping import continuing
from schemas.geometry import Box, union
from schemas.reading import PageReading, ReadCell, ReadTable

_FEW_ROWS = 3
_LOOSE = 2.6  # of the type size, from line to line: wider, and the table has ended
_CLEAR = 0.15  # share of rows that may reach into a gap between columns (spanning headings do)
_WORDY = 5  # words: where two lines in three have as many, in all columns, they are prose
_LONG_CELL = 45  # characters: columns of longer cells throughout are columns of prose


def gap_tables(reading: PageReading) -> list[ReadTable]:
    """Tables of at least two columns and three rows."""
    found = [_mended(row) for row in rows(stretches(reading.lines))]
    tables = (_table(block) for block in _blocks(found))
    return [table for table in tables if table is not None]


def _mended(row: list[Stretch]) -> list[Stretch]:
    """Put together what a reader tore: justified lines come word by word from some text layers."""
    out = [row[0]]
    for part in row[1:]:
        last = out[-1]
        if part.bbox[0] - last.bbox[2] <= max(part.size, last.size):
            size = max(part.size, last.size)
            out[-1] = Stretch(last.words + part.words, union([last.bbox, part.bbox]), size)
        else:
            out.append(part)
    return out


def _blocks(found: list[list[Stretch]]) -> list[list[list[Stretch]]]:
    """Runs of rows close below each other, without the rows of a single stretch at either end."""
    blocks: list[list[list[Stretch]]] = [[]]
    for row in found:
        if blocks[-1]:
            above = blocks[-1][-1]
            size = median(part.size for part in row)
            gap = min(part.bbox[1] for part in row) - max(part.bbox[3] for part in above)
            if gap > _LOOSE * size or (_lone(blocks[-1][-2:]) and len(row) == 1):
                blocks.append([])
        blocks[-1].append(row)
    trimmed = (_trimmed(block) for block in blocks)
    return [block for block in trimmed if sum(len(row) > 1 for row in block) >= _FEW_ROWS]


def _lone(last: list[list[Stretch]]) -> bool:
    return len(last) == 2 and all(len(row) == 1 for row in last)


def _trimmed(block: list[list[Stretch]]) -> list[list[Stretch]]:
    start, end = 0, len(block)
    while start < end and len(block[start]) == 1:
        start += 1
    while end > start and len(block[end - 1]) == 1:
        end -= 1
    return block[start:end]


def _table(block: list[list[Stretch]]) -> ReadTable | None:
    walls = _walls(block)
    if len(walls) < 1 or _prose(block, walls):
        return None
    left = min(part.bbox[0] for row in block for part in row) - 1
    right = max(part.bbox[2] for row in block for part in row) + 1
    edges = [left, *walls, right]
    merged = _unwrapped(block, walls)
    if len(merged) < _FEW_ROWS - 1:
        return None
    cells = [cell for index, row in enumerate(merged) for cell in _cells_of(index, row, edges)]
    if len({cell.col for cell in cells}) < 2:
        return None
    return ReadTable(union([cell.bbox for cell in cells]), len(merged), len(edges) - 1, tuple(cells))


def _walls(block: list[list[Stretch]]) -> list[float]:
    """Middles of the gaps that nearly all rows of several stretches leave clear."""
    several = [row for row in block if len(row) > 1]
    size = median(part.size for row in several for part in row)
    left = min(part.bbox[0] for row in several for part in row)
    right = max(part.bbox[2] for row in several for part in row)
    step = max(size / 8, (right - left) / 2000)
    count = int((right - left) / step) + 1
    cover = [0] * count
    for row in several:
        for part in row:
            for index in range(int((part.bbox[0] - left) / step), int((part.bbox[2] - left) / step) + 1):
                if index < count:
                    cover[index] += 1
    allowed = _CLEAR * len(several)
    walls: list[float] = []
    start: int | None = None
    for index, reached in enumerate([*cover, len(several)]):
        if reached <= allowed:
            start = index if start is None else start
        elif start is not None:
            if (index - start) * step >= 0.6 * size and start > 0:
                walls.append(left + (start + index) / 2 * step)
            start = None
    return walls


def _prose(block: list[list[Stretch]], walls: Sequence[float]) -> bool:
    """Columns of running text beside each other, not a table: nearly every line is full of words."""
    parts = [part for row in block if len(row) > 1 for part in row]
    if len(walls) <= 2 and median(len(part.text) for part in parts) > _LONG_CELL:
        return True
    columns: dict[int, list[Stretch]] = {}
    for part in parts:
        columns.setdefault(_column(part, walls), []).append(part)
    wordy = sum(len(part.words) >= _WORDY for part in parts)
    return wordy > 0.65 * len(parts) or all(_running(column) for column in columns.values())


def _running(column: list[Stretch]) -> bool:
    width = max(part.bbox[2] - part.bbox[0] for part in column)
    full = [part for part in column if part.bbox[2] - part.bbox[0] > 0.75 * width]
    words = [word.text for part in full for word in part.words]
    spelled = sum(word.strip(".,;:()").isalpha() for word in words)
    return len(full) >= 0.7 * len(column) and len(words) >= 3 * len(full) and spelled > 0.8 * len(words)


def _unwrapped(block: list[list[Stretch]], walls: Sequence[float]) -> list[list[Stretch]]:
    """Rows with the second and further lines of a cell put back to the row they continue."""
    held: list[dict[int, list[Stretch]]] = []
    for row in block:
        columns: dict[int, list[Stretch]] = {}
        for part in row:
            columns.setdefault(_column(part, walls), []).append(part)
        held.append(columns)
    out: list[list[Stretch]] = []
    for row, on in zip(block, continuing(held), strict=True):
        if on:
            out[-1].extend(row)
        else:
            out.append(list(row))
    return out


def _column(part: Stretch, walls: Sequence[float]) -> int:
    middle = (part.bbox[0] + part.bbox[2]) / 2
    return sum(wall < middle for wall in walls)


def _cells_of(index: int, row: list[Stretch], edges: Sequence[float]) -> list[ReadCell]:
    """One cell per column touched; a stretch that reaches over walls spans their columns."""
    spans: list[tuple[int, int, list[Box]]] = []
    for part in sorted(row, key=lambda p: p.bbox[0]):
        first = _slot(part.bbox[0] + 1, edges)
        last = max(first, _slot(part.bbox[2] - 1, edges))
        if spans and first <= spans[-1][1]:
            low, high, boxes = spans.pop()
            spans.append((low, max(high, last), [*boxes, part.bbox]))
        else:
            spans.append((first, last, [part.bbox]))
    return [ReadCell(index, first, union(boxes), 1, last - first + 1) for first, last, boxes in spans]


def _slot(x: float, edges: Sequence[float]) -> int:
    return max(0, min(len(edges) - 2, sum(edge <= x for edge in edges) - 1))
