"""Splits a recognised line into words with boxes on the page."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from model_runtime.cpu_ocr.arrays import Pixels, Quad
from model_runtime.cpu_ocr.recognise import Glyph
from schemas.geometry import Box

Span = tuple[float, float]
"""From and to along a line, as shares of its width."""

_UNSPACED = re.compile(r"[⺀-⿟〇-〇々぀-ヿㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ\U00020000-\U0003ffff]")


def unspaced(char: str) -> bool:
    """True for Han and Kana, whose words are written without spaces between them."""
    return bool(_UNSPACED.match(char))


def runs(glyphs: Sequence[Glyph]) -> Iterator[tuple[Glyph, ...]]:
    """Words: split at spaces, where unspaced script begins or ends, and after its punctuation."""
    word: list[Glyph] = []
    for glyph in glyphs:
        if glyph.char.isspace():
            if word:
                yield tuple(word)
            word = []
            continue
        if word and _breaks(word[-1].char, glyph.char):
            yield tuple(word)
            word = []
        word.append(glyph)
    if word:
        yield tuple(word)


def _breaks(before: str, after: str) -> bool:
    wide_before, wide_after = unspaced(before), unspaced(after)
    if wide_before != wide_after:
        return not _wide_punctuation(after)
    return _wide_punctuation(before) and not _wide_punctuation(after)


def _wide_punctuation(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF" and unicodedata.category(char)[0] == "P"


def ink_columns(line: Pixels) -> npt.NDArray[np.bool_]:
    """Which columns of a line image hold ink, whether dark on light or light on dark."""
    grey = cv2.cvtColor(line, cv2.COLOR_BGR2GRAY)
    margin = line.shape[0] // 8
    core = grey[margin : line.shape[0] - margin] if line.shape[0] > 8 else grey
    _, dark = cv2.threshold(core, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    if dark.mean() > 0.5:
        dark = 1 - dark
    return np.asarray(dark.sum(axis=0) > max(0, core.shape[0] // 24), dtype=np.bool_)


def spans(words: Sequence[Sequence[Glyph]], ink: npt.NDArray[np.bool_]) -> list[Span]:
    """Where each word stands: the recogniser knows about where, the ink knows exactly."""
    count = sum(len(word) for word in words)
    half = 0.5 / max(1, count)
    starts = [max(0.0, word[0].at - half) for word in words]
    ends = [min(1.0, word[-1].at + half) for word in words]
    width = len(ink)
    filled = np.flatnonzero(ink)
    if not len(filled):
        return list(zip(starts, ends, strict=True))
    starts[0] = min(words[0][0].at, filled[0] / width)
    ends[-1] = max(words[-1][-1].at, (filled[-1] + 1) / width)
    for i in range(len(words) - 1):
        gap = _widest_gap(ink, words[i][-1].at, words[i + 1][0].at)
        if gap is None:
            ends[i] = starts[i + 1] = (words[i][-1].at + words[i + 1][0].at) / 2
        else:
            ends[i], starts[i + 1] = gap
    return list(zip(starts, ends, strict=True))


def _widest_gap(ink: npt.NDArray[np.bool_], left: float, right: float) -> Span | None:
    first, last = int(left * len(ink)), int(np.ceil(right * len(ink)))
    window = ink[first:last]
    edges = np.flatnonzero(np.diff(np.concatenate(([True], window, [True])).astype(np.int8)))
    if not len(edges):
        return None
    gaps = edges.reshape(-1, 2)
    begin, end = gaps[np.argmax(gaps[:, 1] - gaps[:, 0])]
    return (first + int(begin)) / len(ink), (first + int(end)) / len(ink)


def part(quad: Quad, span: Span) -> Quad:
    """The stretch of a line quad between two shares of its length."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    a, b = span
    return np.array(
        [quad[0] + top * a, quad[0] + top * b, quad[3] + bottom * b, quad[3] + bottom * a], dtype=np.float32
    )


def hull(quad: Quad) -> Box:
    low, high = quad.min(axis=0), quad.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
