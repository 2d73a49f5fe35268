"""Reads one page image from pixels to lines."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from model_runtime.cpu_ocr import tessdata
from model_runtime.cpu_ocr.arrays import Pixels, Turn, crop, unturned
from model_runtime.cpu_ocr.calibrate import calibrated, uncalibrated
from model_runtime.cpu_ocr.honest import (
    UNREAD_EMPTY,
    UNREAD_IMPLAUSIBLE,
    standard,
    warnings,
)
from model_runtime.cpu_ocr.layout import Sheet, lay_out
from model_runtime.cpu_ocr.lines import Place, from_glyphs, from_tesseract
from model_runtime.cpu_ocr.recognise import HEIGHT, Glyphs, read_lines
from model_runtime.cpu_ocr.rotate import certainty, skew, tall
from model_runtime.cpu_ocr.scripts import BY_LANGUAGE, share
from model_runtime.cpu_ocr.tesseract import TessLine, read_line, score
from model_runtime.cpu_ocr.words import hull
from schemas.reading import PageReading, ReadLine, Unread

SURE = (
    0.9  # PP-OCRv6's certainty above which it may overrule Tesseract on a line without letters of the script
)
WEAK = 0.5


def read_pixels(pixels: Pixels, languages: Sequence[str], threads: int = 1) -> PageReading:
    """Everything that can be read on the page; boxes in its pixels as they came."""
    height, width = pixels.shape[:2]
    sheet = lay_out(pixels, languages, threads)
    read = _read(sheet, threads)
    asked = standard([line for _, line in read])
    lines: list[ReadLine] = []
    unread: list[Unread] = []
    for place, line in read:
        if line is not None and asked.met(line, place):
            lines.append(_moved(line, sheet.turn, width, height))
        else:
            reason = UNREAD_EMPTY if line is None else UNREAD_IMPLAUSIBLE
            unread.append(Unread(hull(unturned(place.quad, sheet.turn, width, height)), reason))
    seen = [*lines, *(None for _ in unread)]
    final = calibrated if sheet.route.language is None else uncalibrated
    return PageReading(
        width=width,
        height=height,
        lines=tuple(final(line) for line in lines),
        unread=tuple(unread),
        content_rotation=sheet.turn,
        skew=skew(sheet.quads),
        language=sheet.route.tag,
        warnings=warnings(sheet.route, seen, tessdata.installed()) if sheet.quads else (),
    )


def _read(sheet: Sheet, threads: int) -> list[tuple[Place, ReadLine | None]]:
    if sheet.route.language is None:
        return [_by_glyphs(sheet, index, threads) for index in range(len(sheet.quads))]
    language = sheet.route.language
    return [_by_tesseract(sheet, index, language, threads) for index in range(len(sheet.quads))]


def _by_glyphs(sheet: Sheet, index: int, threads: int) -> tuple[Place, ReadLine | None]:
    """Tall boxes are read as they are and lying on either side; the best reading counts."""
    quad = sheet.quads[index]
    if not tall(quad):
        place = Place(quad, crop(sheet.pixels, quad, HEIGHT))
        glyphs = sheet.sampled.get(index) or read_lines([place.crop], threads)[0]
        return place, from_glyphs(place, glyphs)
    standing = Place(quad, crop(sheet.pixels, quad))
    ways = [standing, lie_down(standing, 1), lie_down(standing, 3)]
    read = read_lines([place.crop for place in ways], threads)
    best = max(range(3), key=lambda way: certainty(read[way]))
    return ways[best], from_glyphs(ways[best], read[best])


def lie_down(place: Place, quarter_turns: int) -> Place:
    """The place turned counter-clockwise by so many quarters; its corners follow."""
    return Place(
        np.roll(place.quad, -quarter_turns, axis=0),
        np.ascontiguousarray(np.rot90(place.crop, quarter_turns)),
    )


def _by_tesseract(sheet: Sheet, index: int, language: str, threads: int) -> tuple[Place, ReadLine | None]:
    """Tesseract's reading, unless the line has no letters of its script and PP-OCRv6 is sure of it."""
    quad = sheet.quads[index]
    place = Place(quad, crop(sheet.pixels, quad))
    words = read_line(place.crop, language)
    if _foreign(words, language):
        glyphs: Glyphs = read_lines([crop(sheet.pixels, quad, HEIGHT)], threads)[0]
        if certainty(glyphs) >= SURE:
            return place, from_glyphs(place, glyphs)
    return place, from_tesseract(place, words, rtl=BY_LANGUAGE[language].rtl)


def _foreign(words: TessLine, language: str) -> bool:
    text = " ".join(word.text for word in words)
    return score(words) < WEAK or share(text, BY_LANGUAGE[language]) == 0.0


def _moved(line: ReadLine, turn: Turn, width: int, height: int) -> ReadLine:
    """The line on the page as it came, before it was turned."""
    if not turn:
        return line

    def back(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = box
        return hull(unturned(np.array([[x0, y0], [x1, y1]], np.float32), turn, width, height))

    words = tuple(replace(word, bbox=back(word.bbox)) for word in line.words)
    return replace(line, words=words, bbox=back(line.bbox))
