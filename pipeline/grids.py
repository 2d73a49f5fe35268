"""Rows of short texts in columns, as on receipts and forms: read row by row even where no table was found."""

from collections.abc import Sequence
from statistics import median

from pipeline.pieces import Piece, joined, rows_of
from pipeline.scripts import is_cjk

# Longest text of one place, and the usual length in a grid, in letters; an ideograph says as much as two.
_LONGEST = 40
_USUAL = 14.0
# From row to row at most so many type sizes.
_LOOSE = 3.0


def with_rows_joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces, with those of each row of a grid put together from left to right."""
    out: list[Piece] = []
    run: list[list[Piece]] = []
    for row in rows_of(pieces):
        if run and not (_may_belong(row) and _near(run[-1], row)):
            out += _closed(run)
            run = []
        if _may_belong(row):
            run.append(row)
        else:
            out += row
    return out + _closed(run)


def _may_belong(row: Sequence[Piece]) -> bool:
    """Short texts side by side, or a line by itself: the name of what the row below prices."""
    return len(row) == 1 or all(_length(piece.text) <= _LONGEST for piece in row)


def _near(upper: Sequence[Piece], lower: Sequence[Piece]) -> bool:
    return lower[0].middle - upper[0].middle < _LOOSE * max(piece.size for piece in lower)


def _closed(run: Sequence[Sequence[Piece]]) -> list[Piece]:
    if not _is_grid([row for row in run if len(row) > 1]):
        return [piece for row in run for piece in row]
    lines = []
    for row in run:
        line = row[0]
        for piece in row[1:]:
            line = joined(line, piece, apart=True)
        line.pair |= len(row) > 1
        lines.append(line)
    return lines


def _is_grid(rows: Sequence[Sequence[Piece]]) -> bool:
    """At least two rows of three, or of a text and a figure; most texts a word or two, not lines of prose."""
    telling = [row for row in rows if len(row) > 2 or _is_figure(row[-1].text)]
    if len(telling) < 2 or len(telling) * 2 < len(rows):
        return False
    return median(_length(piece.text) for row in rows for piece in row) <= _USUAL


def _is_figure(text: str) -> bool:
    signs = [char for char in text if char.isalnum()]
    return bool(signs) and sum(map(str.isdigit, signs)) * 2 > len(signs)


def _length(text: str) -> int:
    return len(text) + sum(map(is_cjk, text))
