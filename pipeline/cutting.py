"""Turns the lines of a reading into pieces: cut where a line runs over a gutter, mended where it was torn."""

from collections.abc import Sequence
from itertools import pairwise

from pipeline.frame import Frame, runs_down
from pipeline.gutters import Whitespace
from pipeline.joining import join_words
from pipeline.mending import gutter_lines, mended
from pipeline.pieces import Piece, typical_size
from pipeline.scripts import clean
from schemas.geometry import Box, union
from schemas.reading import PageReading, ReadLine, ReadWord

# A gap narrower than this, in type sizes, cannot be a gutter inside a line as the reader gave it.
CUT = 0.9


def pieces_of(reading: PageReading, frame: Frame) -> list[Piece]:
    """All text of the page as pieces, in no particular order; text printed twice in one place comes once."""
    raw = [piece for line in reading.lines if (piece := _piece(line, line.words, frame)) is not None]
    raw = _without_doubles(raw)
    lying = [piece for piece in raw if piece.upright]
    if len(lying) < 2:
        return raw
    space = Whitespace([frame.box(word.bbox) for piece in lying for word in piece.words], typical_size(lying))
    cut = [part for piece in lying for part in _cut(piece, space, frame)]
    return mended(cut, space) + [piece for piece in raw if not piece.upright]


def _piece(line: ReadLine, words: Sequence[ReadWord], frame: Frame) -> Piece | None:
    kept = tuple(word for word in words if word.text.strip())
    if not kept:
        return None
    whole = len(kept) == len(line.words)
    text = clean(line.text if whole else join_words(word.text for word in kept))
    if not text:
        return None
    box = union([word.bbox for word in kept])
    at = frame.box(box)
    width, height = at[2] - at[0], at[3] - at[1]
    # A line that stands on end in the frame: margin text, a label beside a table or chart.
    on_end = height > 2.2 * width and len(text) > 2 and height > 1.8 * line.size
    return Piece(
        at=at,
        text=text,
        size=line.size if line.size > 0 else max(height, 0.1),
        words=kept,
        bold=line.bold,
        italic=line.italic,
        mono=line.mono,
        upright=not on_end or (frame.turn == 270 and runs_down(line)),
        read_by_eye=line.confidence is not None,
    )


def _without_doubles(pieces: list[Piece]) -> list[Piece]:
    """Drop text painted twice for boldness or shadow: the same characters within a fraction of their size."""
    seen: dict[str, list[Box]] = {}
    kept = []
    for piece in pieces:
        others = seen.setdefault(piece.text, [])
        near = 0.35 * piece.size
        if any(abs(piece.at[0] - at[0]) < near and abs(piece.at[1] - at[1]) < near for at in others):
            continue
        if len(others) < 64:
            others.append(piece.at)
        kept.append(piece)
    return kept


def _cut(piece: Piece, space: Whitespace, frame: Frame) -> list[Piece]:
    """Cut a line that runs over a gutter into its columns."""
    if len(piece.words) < 2 or frame.mirrored:
        return [piece]
    boxes = [frame.box(word.bbox) for word in piece.words]
    if all(after[0] - before[2] < CUT * piece.size for before, after in pairwise(boxes)):
        return [piece]
    parts: list[list[int]] = [[0]]
    for index in range(1, len(boxes)):
        gap = (boxes[index - 1][2], boxes[index][0])
        if gap[1] - gap[0] >= CUT * piece.size and space.parts(
            gap, piece.middle, gutter_lines(gap, piece.size)
        ):
            parts.append([])
        parts[-1].append(index)
    if len(parts) == 1:
        return [piece]
    return [_part(piece, [piece.words[i] for i in part], frame) for part in parts]


def _part(piece: Piece, words: Sequence[ReadWord], frame: Frame) -> Piece:
    kept = tuple(words)
    return Piece(
        at=frame.box(union([word.bbox for word in kept])),
        text=clean(join_words(word.text for word in kept)),
        size=piece.size,
        words=kept,
        bold=piece.bold,
        italic=piece.italic,
        mono=piece.mono,
        read_by_eye=piece.read_by_eye,
    )
