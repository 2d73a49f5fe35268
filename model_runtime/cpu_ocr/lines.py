"""Turns what a recogniser said of one quad into a line of words with boxes."""

from dataclasses import dataclass

import numpy as np

from model_runtime.cpu_ocr.arrays import Pixels, Quad
from model_runtime.cpu_ocr.recognise import Glyphs
from model_runtime.cpu_ocr.rotate import size
from model_runtime.cpu_ocr.tesseract import TessLine, score
from model_runtime.cpu_ocr.words import hull, ink_columns, part, runs, spans, unspaced
from schemas.reading import ReadLine, ReadWord

TYPE_SIZE = 0.72  # type size as a share of the detected height


@dataclass(frozen=True, slots=True)
class Place:
    """A detected line: its corners in reading order on the page, and its straightened image."""

    quad: Quad
    crop: Pixels


def from_glyphs(place: Place, glyphs: Glyphs) -> ReadLine | None:
    """A line read by PP-OCRv6; None when nothing was read."""
    words = list(runs(glyphs))
    if not words:
        return None
    where = spans(words, ink_columns(place.crop))
    read = tuple(
        ReadWord(
            "".join(glyph.char for glyph in word),
            hull(part(place.quad, span)),
            _mean([glyph.score for glyph in word]),
        )
        for word, span in zip(words, where, strict=True)
    )
    text = "".join(glyph.char for glyph in glyphs).strip()
    text_ = text if any(unspaced(char) for char in text) else None
    return _line(place, read, _mean([glyph.score for glyph in glyphs]), text_=text_)


def from_tesseract(place: Place, words: TessLine, *, rtl: bool) -> ReadLine | None:
    """A line read by Tesseract; None when nothing was read."""
    if not words:
        return None
    read = tuple(
        ReadWord(word.text, hull(part(place.quad, (word.start, word.end))), round(word.score, 4))
        for word in words
    )
    return _line(place, read, round(score(words), 4), rtl=rtl)


def _line(
    place: Place,
    words: tuple[ReadWord, ...],
    confidence: float,
    *,
    rtl: bool = False,
    text_: str | None = None,
) -> ReadLine:
    return ReadLine(
        words=words,
        bbox=hull(place.quad),
        size=size(place.quad)[1] * TYPE_SIZE,
        confidence=confidence,
        rtl=rtl,
        text_=text_,
    )


def _mean(scores: list[float]) -> float:
    return round(float(np.mean(scores)), 4)
