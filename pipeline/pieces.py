"""Pieces: stretches of one line that stand in one column, and the rows they form."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.scripts import is_unspaced
from schemas.geometry import Box, union
from schemas.page import BlockKind
from schemas.reading import ReadWord


@dataclass(slots=True)
class Piece:
    """``box`` and the boxes of ``words`` as printed; ``at`` is where it stands in the reading frame."""

    at: Box
    text: str
    size: float
    words: tuple[ReadWord, ...]
    bold: bool = False
    italic: bool = False
    mono: bool = False
    upright: bool = True
    read_by_eye: bool = False
    """From an image: sizes are estimates."""

    pair: bool = False
    """A label with its value."""

    region: int = -1
    margin: BlockKind | None = None
    """Header, footer or page number, once `margins.find` saw it."""

    item: bool = False
    """Begins with a number that others on the page count on from."""

    @property
    def box(self) -> Box:
        return union([word.bbox for word in self.words])

    @property
    def height(self) -> float:
        return self.at[3] - self.at[1]

    @property
    def middle(self) -> float:
        return (self.at[1] + self.at[3]) / 2


def typical_size(pieces: Sequence[Piece]) -> float:
    """The size most letters have."""
    weights: dict[float, int] = {}
    for piece in pieces:
        size = round(piece.size, 1)
        weights[size] = weights.get(size, 0) + len(piece.text)
    total, seen = sum(weights.values()), 0
    for size in sorted(weights):
        seen += weights[size]
        if seen * 2 >= total:
            return max(size, 0.1)
    return 1.0


def rows_of(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Rows from the top, each from left to right: pieces that share half their height with its first."""
    rows: list[list[Piece]] = []
    main: Piece | None = None
    for piece in sorted(pieces, key=lambda p: (p.middle, p.at[0])):
        if main is not None and _on_one_row(main, piece):
            rows[-1].append(piece)
            main = piece if piece.size > main.size else main
        else:
            rows.append([piece])
            main = piece
    for row in rows:
        row.sort(key=lambda p: p.at[0])
    return rows


def _on_one_row(main: Piece, piece: Piece) -> bool:
    """Beside the row's largest piece; raised and lowered small type is let further up and down."""
    return level(main, piece) and abs(piece.middle - main.middle) < 0.6 * max(main.height, piece.height)


def level(a: Piece, b: Piece) -> bool:
    small, large = sorted((a.size, b.size))
    share = 0.25 if small < 0.8 * large else 0.5
    return min(a.at[3], b.at[3]) - max(a.at[1], b.at[1]) > share * min(a.height, b.height)


def joined(left: Piece, right: Piece, *, apart: bool = False) -> Piece:
    """Two pieces of a line as one; ``apart``: they are two texts, however close they stand."""
    long = left if len(left.text) >= len(right.text) else right
    gap = right.at[0] - left.at[2]
    unspaced = is_unspaced(left.text[-1]) and is_unspaced(right.text[0])
    close = not apart and (unspaced or gap < 0.12 * min(left.size, right.size))
    # A large initial reaches over several lines: the line stands where its other letters stand.
    initial = len(left.text) == 1 and left.height > 1.6 * right.height
    return Piece(
        at=right.at if initial else union([left.at, right.at]),
        text=left.text + ("" if close else " ") + right.text,
        size=long.size,
        words=left.words + right.words,
        bold=long.bold,
        italic=long.italic,
        mono=left.mono and right.mono,
        pair=left.pair or right.pair,
        read_by_eye=left.read_by_eye or right.read_by_eye,
    )
