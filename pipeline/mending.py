"""Mends lines that a reader tore: puts together what stands on one line of one column, values with labels."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pipeline.gutters import Whitespace
from pipeline.marks import is_marker
from pipeline.pieces import Piece, joined, level, rows_of
from pipeline.scripts import clean
from schemas.reading import ReadWord

# Gaps in multiples of the type size: closer than TIGHT is one run of words whatever stands above and below;
# wider than WIDE is never one line of running text; in between the white space above and below decides.
TIGHT = 0.45
WIDE = 3.0
# The value of a form stands no further from its label, a sum no further from its name.
FORM = 15.0
SUM = 40.0
# A bold label further from the text beside it is a heading in a column of its own.
HEADED = 8.0
# How many pieces of a row may begin between a piece and the one it belongs to.
_BACK = 8


def mended(pieces: list[Piece], space: Whitespace) -> list[Piece]:
    """Put together what stands on one line in one column."""
    rows = rows_of(pieces)
    return [piece for row in rows for piece in _row(row, space)]


def _row(row: list[Piece], space: Whitespace) -> list[Piece]:
    done: list[Piece] = []
    for piece in _interleaved(row):
        # Beside it may stand a line of the next column that reaches into two of this column's rows.
        beside = [k for k in range(max(0, len(done) - _BACK), len(done)) if level(done[k], piece)]
        before = max(beside, key=lambda index: done[index].at[2], default=None)
        if before is not None and _one_line(done[before], piece, space):
            gap = piece.at[0] - done[before].at[2]
            done[before] = joined(done[before], piece)
            done[before].pair |= gap > WIDE * piece.size
        else:
            done.append(piece)
    return done


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
    if width <= TIGHT * size or _are_pair(left, right, width / size):
        return True
    if width > WIDE * size:
        return False
    return not space.parts(gap, (left.middle + right.middle) / 2, gutter_lines(gap, size))


def gutter_lines(gap: tuple[float, float], size: float) -> float:
    """Over how many lines white space must run on to be a gutter: narrow gaps align by chance."""
    width = (gap[1] - gap[0]) / size
    return 6.0 if width < 1.1 else 4.0 if width < 1.6 else 3.0


def _are_pair(left: Piece, right: Piece, ems: float) -> bool:
    """A label and what is filled in: "Name:  Jane Doe", "Invoice no.  30064443", "Total:      12.00"."""
    label, value = left.text, right.text
    if ems > FORM:
        return ems < SUM and label[-1] == ":" and _is_figure(value)
    if label.count(" ") > 3 or any(char.isdigit() for char in label) or not any(map(str.isalpha, label)):
        return False
    if left.bold and not right.bold and label.count(" ") <= 2 and left.size < 1.1 * right.size:
        return ems < HEADED and value.count(" ") <= 6
    if label[-1] in ":：":
        return value.count(" ") <= 3 and value[-1] not in ":："
    return value.count(" ") <= 2 and _is_figure(value)


def _is_figure(text: str) -> bool:
    signs = [char for char in text if char.isalnum()]
    return bool(signs) and sum(map(str.isdigit, signs)) * 2 > len(signs)
