"""Estimate the height of the smallest lower-case letters on a picture of a page, cheaply."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ink import Grey, strokes

_GAPS = (5, 13, 33)
"""Gaps between letters that are closed to make words of them, each for letters about so high and higher."""

_REACH = 2.6
"""A gap serves letters from about its own size up to the next gap's."""

_LONGER_THAN_HIGH = 2.0
_PIECE = 6
"""Lines are measured in pieces so many times as long as high, which a skew of 2 degrees does not smear."""

_MOST_PIECES = 500
_LEAST_HEIGHT = 3.0
_CORE = 0.5
_FILL = (0.08, 0.75)
_STEMS = 0.5
"""Letters show at least this many strokes per x-height of width; rules, bars and dashes show none."""

_SMALL_SHARE = 0.05
_SMALL_SHARE_OF_IDEOGRAPHS = 0.12
"""They fall apart into strokes that pass for smaller letters."""

_LEAST_LETTERS = 10.0
_IDEOGRAPH_CROSSINGS = 1.75
"""Strokes met on the way down through a letter: up to 1.6 in Latin, 1.9 to 2.4 in ideographs and Hangul."""

_CLEAR_HEIGHT = 10
_OF_IDEOGRAPHS = 0.58
"""Ideographs fill .87 of their type size where Latin letters fill .5."""

_LETTER_ASPECT = 1.1
"""Average advance of a letter, in x-heights."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a word: rows of its x-height zone, all its rows, width, strokes crossed downwards."""

    height: int
    full: int
    width: int
    crossings: float


def x_height(grey: Grey, *, ideographs: bool = False) -> float | None:
    """Height in pixels of this picture; None when it shows nothing like lines of text.

    Words are blobs much longer than high; in each, the rows between base line and mean line hold most ink,
    and their number is the x-height (of capitals and digits: their full height). Ideographs and Hangul are
    told by their many strokes, unless the caller knows; of them it is the x-height that Latin type of the
    same size has. The result is the height that the smallest 5 % of the letters do not exceed.
    """
    mask = strokes(grey)
    # A page may lie on its side: the direction in which more of it lines up is that of the text.
    pieces = max(_pieces(mask), _pieces(np.ascontiguousarray(mask.T)), key=_covered)
    if _letters(pieces) < _LEAST_LETTERS:
        return None
    if ideographs or _dense(pieces):
        return _OF_IDEOGRAPHS * _smallest(
            [(piece.full, float(piece.width)) for piece in pieces], _SMALL_SHARE_OF_IDEOGRAPHS
        )
    return _smallest(
        [(piece.height, piece.width / (piece.height * _LETTER_ASPECT)) for piece in pieces], _SMALL_SHARE
    )


def _smallest(measured: list[tuple[int, float]], share: float) -> float:
    """The height that a small share of the letters does not exceed, from (height, letters) pairs."""
    measured.sort()
    reached = np.cumsum([letters for _, letters in measured])
    enough = min(max(_LEAST_LETTERS, share * float(reached[-1])), float(reached[-1]))
    return float(measured[int(np.searchsorted(reached, enough))][0])


def _letters(pieces: list[_Piece]) -> float:
    """How many letters the pieces are likely to hold."""
    return sum(piece.width / (piece.height * _LETTER_ASPECT) for piece in pieces)


def _covered(pieces: list[_Piece]) -> int:
    return sum(piece.width for piece in pieces)


def _dense(pieces: list[_Piece]) -> bool:
    """True for ideographs; small ones run together on a coarse picture and cannot be told."""
    clear = [piece.crossings for piece in pieces if piece.height >= _CLEAR_HEIGHT]
    return len(clear) * 2 > len(pieces) and float(np.median(clear)) >= _IDEOGRAPH_CROSSINGS


def _pieces(mask: NDArray[np.uint8]) -> list[_Piece]:
    return [piece for gap in _GAPS for piece in _pieces_of(mask, gap)]


def _pieces_of(mask: NDArray[np.uint8], gap: int) -> Iterator[_Piece]:
    """Pieces of words whose letters are of the size that ``gap`` is made for."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    low, high = (_LEAST_HEIGHT if gap == _GAPS[0] else float(gap)), gap * _REACH
    wide = (stats[:, 2] >= _LONGER_THAN_HIGH * stats[:, 3]) & (stats[:, 3] >= low) & (stats[:, 3] <= 3 * high)
    wide[0] = False  # the paper
    chosen = np.flatnonzero(wide)
    for label in chosen[:: max(1, len(chosen) // _MOST_PIECES)]:
        x, y, w, h, _ = (int(value) for value in stats[label])
        word = mask[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == label)
        for left in range(0, w, _PIECE * h):
            piece = _measured(word[:, left : left + _PIECE * h])
            if piece is not None and low <= piece.height <= high:
                yield piece


def _measured(piece: NDArray[np.uint8]) -> _Piece | None:
    """None for what does not look like letters: a rule, a bar, a photograph."""
    height, width = piece.shape
    profile = piece.sum(axis=1, dtype=np.float64)
    if width < height or not _FILL[0] <= profile.sum() / (height * width) <= _FILL[1]:
        return None
    level = _CORE * float(np.sort(profile)[-max(1, height // 4) :].mean())
    inside = np.flatnonzero(profile >= level)
    core = piece[inside[0] : inside[-1] + 1]
    stems = float(np.median((np.diff(core, axis=1) == 1).sum(axis=1)))
    if stems < max(2.0, _STEMS * width / len(core)):
        return None
    inked = piece[:, piece.any(axis=0)].astype(np.int8)
    begun = np.diff(inked, axis=0, prepend=np.int8(0)) == 1
    full = int(np.count_nonzero(profile))
    return _Piece(len(core), full, width, float(begun.sum(axis=0).mean()))
