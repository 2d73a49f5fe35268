"""Says where each line of a transcription stands, those too among them that were misread."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.align import align
from pipeline.ground import Reference, folded, in_one_row
from schemas.geometry import Box, union
from schemas.seen import SeenWord


@dataclass(frozen=True, slots=True)
class LinePlace:
    """``words``: what the other reader saw there, folded."""

    box: Box
    words: frozenset[str]


def line_places(lines: Sequence[str], reference: Reference) -> list[LinePlace | None]:
    """In pixels of the image that the other reader saw; None where nobody can tell.

    A place is made of whole lines of the other reader, among them those of its row that no other line has:
    the word that was misread is the one that was not found. A line that is like nothing the other reader saw
    stands between its neighbours: where as many rows hold something that is nobody's as there are lines
    between two that were found, they are told off one by one.
    """
    rows = _rows([line.bbox for line in reference.lines])
    owned = _owned(lines, reference)
    at = {line: _main_row(theirs, rows) for line, theirs in owned.items()}
    held = Counter(at.values())
    taken = {piece for theirs in owned.values() for piece in theirs}
    free = [[piece for piece in row if piece not in taken] for row in rows]
    claimed = dict(_told_off(len(lines), at, free))
    claims = Counter(claimed.values())
    pieces: dict[int, list[int]] = {}
    for line, row in at.items():
        own = [piece for piece in rows[row] if piece in owned[line]]
        pieces[line] = own + (free[row] if held[row] == 1 and not claims[row] else [])
    pieces |= {line: free[row] for line, row in claimed.items() if claims[row] == 1 and not held[row]}
    return [_place(pieces[line], reference) if line in pieces else None for line in range(len(lines))]


def _rows(boxes: Sequence[Box]) -> list[list[int]]:
    """From top to bottom. A label and its value are lines of their own to many readers."""
    rows: list[list[int]] = []
    for piece in sorted(range(len(boxes)), key=lambda one: boxes[one][1] + boxes[one][3]):
        if rows and in_one_row(boxes[rows[-1][0]], boxes[piece]):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return rows


def _owned(lines: Sequence[str], reference: Reference) -> dict[int, Counter[int]]:
    """Of each line that was found, the lines of the other reader that it has most of, by letters."""
    found = align(lines, reference)
    best: dict[int, tuple[int, int]] = {}
    for number, words in enumerate(found.words):
        for piece, letters in _met(words, reference).items():
            best[piece] = max(best.get(piece, (0, -1)), (letters, number))
    owned: dict[int, Counter[int]] = {}
    for piece, (letters, number) in best.items():
        owned.setdefault(number, Counter())[piece] = letters
    return dict(sorted(owned.items()))


def _met(words: Sequence[SeenWord], reference: Reference) -> Counter[int]:
    met: Counter[int] = Counter()
    for word in words:
        if word.bbox is not None and (piece := _holding(word.bbox, reference)) is not None:
            met[piece] += len(word.text)
    return met


def _holding(box: Box, reference: Reference) -> int | None:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    inside = (
        number
        for number, line in enumerate(reference.lines)
        if line.bbox[0] <= x <= line.bbox[2] and line.bbox[1] <= y <= line.bbox[3]
    )
    return next(inside, None)


def _main_row(pieces: Counter[int], rows: Sequence[Sequence[int]]) -> int:
    return max(range(len(rows)), key=lambda row: sum(pieces[piece] for piece in rows[row]))


def _told_off(count: int, at: dict[int, int], free: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Lines that were not found, with the row that each has to be in."""
    for (first, above), (second, below) in pairwise([(-1, -1), *at.items(), (count, len(free))]):
        between = range(first + 1, second)
        rows = [row for row in range(above + 1, below) if free[row]]
        if len(rows) == len(between):
            yield from zip(between, rows, strict=True)


def _place(pieces: Sequence[int], reference: Reference) -> LinePlace | None:
    lines = [reference.lines[piece] for piece in pieces]
    if not lines:
        return None
    words = frozenset(folded(word.text)[0] for line in lines for word in line.words)
    return LinePlace(union([line.bbox for line in lines]), words - {""})
