"""Pieces: stretches of one line that stand in one column, cut at gutters, mended where a line was torn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.frame import Frame, runs_down
from pipeline.gutters import Whitespace
from pipeline.joining import join_words
from pipeline.marks import is_marker
from pipeline.scripts import clean, is_unspaced
from schemas.geometry import Box, union
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadLine, ReadWord

# Gaps in multiples of the type size: closer than TIGHT is one run of words whatever stands above and below;
# wider than WIDE is never one line of running text; in between the white space above and below decides.
TIGHT = 0.45
WIDE = 3.0
# The value of a form stands no further from its label.
FORM = 15.0
# How many pieces of a row may begin between a piece and the one it belongs to.
_BACK = 8
# A gap narrower than this cannot be a gutter inside a line as the reader gave it.
CUT = 0.9


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


def pieces_of(reading: PageReading, frame: Frame) -> list[Piece]:
    """All text of the page as pieces, in no particular order; text printed twice in one place comes once."""
    raw = [piece for line in reading.lines if (piece := _piece(line, line.words, frame)) is not None]
    raw = _without_doubles(raw)
    lying = [piece for piece in raw if piece.upright]
    if len(lying) < 2:
        return raw
    space = Whitespace([frame.box(word.bbox) for piece in lying for word in piece.words], typical_size(lying))
    cut = [part for piece in lying for part in _cut(piece, space, frame)]
    return _mended(cut, space) + [piece for piece in raw if not piece.upright]


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
        if gap[1] - gap[0] >= CUT * piece.size and space.parts(gap, piece.middle, _lines(gap, piece.size)):
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


def _mended(pieces: list[Piece], space: Whitespace) -> list[Piece]:
    """Put together what stands on one line in one column."""
    rows = rows_of(pieces)
    return [piece for row in rows for piece in _mended_row(row, space)]


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
    return _level(main, piece) and abs(piece.middle - main.middle) < 0.6 * max(main.height, piece.height)


def _mended_row(row: list[Piece], space: Whitespace) -> list[Piece]:
    done: list[Piece] = []
    for piece in _interleaved(row):
        # Beside it may stand a line of the next column that reaches into two of this column's rows.
        level = [k for k in range(max(0, len(done) - _BACK), len(done)) if _level(done[k], piece)]
        before = max(level, key=lambda index: done[index].at[2], default=None)
        if before is not None and _one_line(done[before], piece, space):
            gap = piece.at[0] - done[before].at[2]
            done[before] = joined(done[before], piece)
            done[before].pair |= gap > WIDE * piece.size
        else:
            done.append(piece)
    return done


def _level(a: Piece, b: Piece) -> bool:
    small, large = sorted((a.size, b.size))
    share = 0.25 if small < 0.8 * large else 0.5
    return min(a.at[3], b.at[3]) - max(a.at[1], b.at[1]) > share * min(a.height, b.height)


def _interleaved(row: list[Piece]) -> list[Piece]:
    """Put raised and lowered small type that a reader gave as a line of its own back among its letters."""
    main = max(row, key=lambda p: (p.size, len(p.words)))
    small = [p for p in row if p.size < 0.8 * main.size and p.at[0] < main.at[2] and p.at[2] > main.at[0]]
    if not small or len(main.words) + sum(len(p.words) for p in small) > 60:
        return row
    if any(a.bbox[0] > b.bbox[0] for a, b in pairwise(main.words)):
        return row  # not from left to right: a turned page or another script
    words = sorted((word for p in (main, *small) for word in p.words), key=lambda w: w.bbox[0])
    mixed = replace(main, words=tuple(words), text=_run_together(words, main.size))
    return sorted([mixed, *(p for p in row if p is not main and p not in small)], key=lambda p: p.at[0])


def _run_together(words: Sequence[ReadWord], size: float) -> str:
    text = clean(words[0].text)
    for before, word in pairwise(words):
        text += ("" if word.bbox[0] - before.bbox[2] < 0.12 * size else " ") + clean(word.text)
    return text


def _one_line(left: Piece, right: Piece, space: Whitespace) -> bool:
    size = min(left.size, right.size)
    gap = (left.at[2], right.at[0])
    width = gap[1] - gap[0]
    if width < -1.5 * size:
        return False  # one lies over the other
    if is_marker(left.text) and width < 4 * size:
        return True
    if max(left.size, right.size) > 1.6 * size and width > TIGHT * size:
        return False  # a note beside a title
    if width <= TIGHT * size or (width < FORM * size and _are_pair(left, right)):
        return True
    if width > WIDE * size:
        return False
    return not space.parts(gap, (left.middle + right.middle) / 2, _lines(gap, size))


def _lines(gap: tuple[float, float], size: float) -> float:
    """Over how many lines white space must run on to be a gutter: narrow gaps align by chance."""
    width = (gap[1] - gap[0]) / size
    return 6.0 if width < 1.1 else 4.0 if width < 1.6 else 3.0


def _are_pair(left: Piece, right: Piece) -> bool:
    """A label and what is filled in: "Name:  Jane Doe", "Invoice no.  30064443"."""
    label, value = left.text, right.text
    if label.count(" ") > 3 or any(char.isdigit() for char in label) or not any(map(str.isalpha, label)):
        return False
    if left.bold and not right.bold and label.count(" ") <= 2 and left.size < 1.1 * right.size:
        return value.count(" ") <= 6
    if label[-1] in ":：":
        return value.count(" ") <= 3 and value[-1] not in ":："
    signs = [char for char in value if char.isalnum()]
    return value.count(" ") <= 2 and sum(map(str.isdigit, signs)) * 2 > len(signs)


def joined(left: Piece, right: Piece) -> Piece:
    long = left if len(left.text) >= len(right.text) else right
    gap = right.at[0] - left.at[2]
    unspaced = is_unspaced(left.text[-1]) and is_unspaced(right.text[0])
    close = unspaced or gap < 0.12 * min(left.size, right.size)
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
