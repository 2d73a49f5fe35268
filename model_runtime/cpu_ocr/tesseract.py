"""Reads straightened line images with Tesseract's recogniser."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import tesserocr
from PIL import Image

from model_runtime.cpu_ocr import tessdata
from model_runtime.cpu_ocr.arrays import Pixels
from schemas.errors import EngineUnavailable

HEIGHT = 48  # of the line image; what Tesseract's network, fed with 36 pixels of text, likes best
OTHER_HEIGHTS = (36, 64)  # tried when the first yields little: a lost Arabic line came back so
GOOD = 0.6
BORDER = 10  # white around the line: without it, marks at the rim are taken for frames
_MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c"))


@dataclass(frozen=True, slots=True)
class TessWord:
    """A word, where it stands along the line (shares of its width), and Tesseract's own confidence 0..1."""

    text: str
    start: float
    end: float
    score: float


TessLine = tuple[TessWord, ...]


def score(line: TessLine) -> float:
    """Mean confidence, weighted by length."""
    total = sum(len(word.text) for word in line)
    return sum(word.score * len(word.text) for word in line) / total if total else 0.0


def read_line(line: Pixels, language: str) -> TessLine:
    """Words in logical order; other heights are tried when the usual one yields nothing good."""
    best = read_once(line, language)
    for height in OTHER_HEIGHTS:
        if score(best) >= GOOD:
            break
        other = read_once(line, language, height)
        if score(other) > score(best):
            best = other
    return best


def read_once(line: Pixels, language: str, height: int = HEIGHT) -> TessLine:
    """Words in logical order, as read at one height."""
    width = max(1, round(line.shape[1] * height / line.shape[0]))
    grey = cv2.cvtColor(line, cv2.COLOR_BGR2GRAY)
    how = cv2.INTER_AREA if height < line.shape[0] else cv2.INTER_CUBIC
    resized = cv2.resize(grey, (width, height), interpolation=how)
    if resized.mean() < 128:  # light on dark: Tesseract expects paper
        resized = cv2.bitwise_not(resized)
    framed = cv2.copyMakeBorder(resized, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_CONSTANT, value=(255.0,))
    api = _api(language)
    api.SetImage(Image.fromarray(framed))
    api.Recognize()
    words = joined(_clean(api.GetUTF8Text()).split(), _pieces(api, width))
    api.Clear()
    return words


def joined(tokens: Sequence[str], pieces: Sequence[TessWord]) -> TessLine:
    """Words as the text spells them, with the places of the pieces that make them up.

    Tesseract's iterator yields single Korean syllables, and Arabic letters back to front; its text is right.
    """
    words: list[TessWord] = []
    rest = list(pieces)
    for token in tokens:
        taken = [rest.pop(0)] if rest else []
        while rest and sum(len(piece.text) for piece in taken) < len(token):
            taken.append(rest.pop(0))
        if not taken:  # the text and the iterator disagree; the word stands after the one before
            taken = [words[-1]] if words else [TessWord(token, 0.0, 1.0, 0.0)]
        letters = sum(len(piece.text) for piece in taken)
        certainty = sum(piece.score * len(piece.text) for piece in taken) / letters
        words.append(
            TessWord(token, min(p.start for p in taken), max(p.end for p in taken), min(1.0, certainty))
        )
    return tuple(words)


def _pieces(api: Any, width: int) -> list[TessWord]:
    iterator = api.GetIterator()
    found = []
    for word in tesserocr.iterate_level(iterator, tesserocr.RIL.WORD) if iterator is not None else ():
        try:
            text = _clean(word.GetUTF8Text(tesserocr.RIL.WORD))
            left, _, right, _ = word.BoundingBox(tesserocr.RIL.WORD)
            certainty = word.Confidence(tesserocr.RIL.WORD) / 100
        except (RuntimeError, TypeError):  # tesserocr's ways of saying that there is no text here
            continue
        if text:
            found.append(TessWord(text, _share(left, width), _share(right, width), certainty))
    return found


def _share(x: int, width: int) -> float:
    return min(1.0, max(0.0, (x - BORDER) / width))


def _clean(text: str | None) -> str:
    """Without the marks of direction that Tesseract adds for terminals."""
    return (text or "").translate(_MARKS).strip()


@lru_cache(maxsize=6)
def _api(language: str) -> Any:
    where = tessdata.folder()
    if where is None or language not in tessdata.installed():
        raise EngineUnavailable("language_data_missing", f"Tesseract's data for {language} is not installed.")
    return tesserocr.PyTessBaseAPI(
        path=str(where), lang=language, psm=tesserocr.PSM.SINGLE_LINE, oem=tesserocr.OEM.LSTM_ONLY
    )
