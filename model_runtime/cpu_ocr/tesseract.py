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
    best = _read_at(line, language, HEIGHT)
    for height in OTHER_HEIGHTS:
        if score(best) >= GOOD:
            break
        other = _read_at(line, language, height)
        if score(other) > score(best):
            best = other
    return best


def _read_at(line: Pixels, language: str, height: int) -> TessLine:
    width = max(1, round(line.shape[1] * height / line.shape[0]))
    grey = cv2.cvtColor(line, cv2.COLOR_BGR2GRAY)
    resized = cv2.resize(
        grey, (width, height), interpolation=cv2.INTER_AREA if height < line.shape[0] else cv2.INTER_CUBIC
    )
    framed = cv2.copyMakeBorder(resized, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_CONSTANT, value=(255.0,))
    api = _api(language)
    api.SetImage(Image.fromarray(framed))
    api.Recognize()
    words = [_word(word, width) for word in _words(api)]
    api.Clear()
    return tuple(word for word in words if word.text)


def _words(api: Any) -> Sequence[Any]:
    iterator = api.GetIterator()
    if iterator is None:
        return []
    found = []
    for word in tesserocr.iterate_level(iterator, tesserocr.RIL.WORD):
        try:
            found.append(
                (
                    word.GetUTF8Text(tesserocr.RIL.WORD),
                    word.BoundingBox(tesserocr.RIL.WORD),
                    word.Confidence(tesserocr.RIL.WORD),
                )
            )
        except RuntimeError:  # tesserocr's way of saying that there is no text here
            continue
    return found


def _word(found: Any, width: int) -> TessWord:
    text, box, confidence = found
    start, end = (box[0] - BORDER) / width, (box[2] - BORDER) / width
    return TessWord(text.strip(), min(1.0, max(0.0, start)), min(1.0, max(0.0, end)), confidence / 100)


@lru_cache(maxsize=6)
def _api(language: str) -> Any:
    where = tessdata.folder()
    if where is None or language not in tessdata.installed():
        raise EngineUnavailable("language_data_missing", f"Tesseract's data for {language} is not installed.")
    return tesserocr.PyTessBaseAPI(
        path=str(where), lang=language, psm=tesserocr.PSM.SINGLE_LINE, oem=tesserocr.OEM.LSTM_ONLY
    )
