"""Reads one page image from pixels to lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_runtime.cpu_ocr import tessdata, tesseract
from model_runtime.cpu_ocr.arrays import Pixels, Quad, Turn, crop, turned, unturned
from model_runtime.cpu_ocr.detect import find_lines
from model_runtime.cpu_ocr.lines import Place, from_glyphs, from_tesseract
from model_runtime.cpu_ocr.recognise import read_lines
from model_runtime.cpu_ocr.rotate import CERTAIN, MARGIN, lying, reading, sample_score, size, skew, tall
from model_runtime.cpu_ocr.route import SAMPLE, Route, likeness, route
from model_runtime.cpu_ocr.scripts import BY_LANGUAGE
from model_runtime.cpu_ocr.words import hull
from schemas.errors import ResultWarning
from schemas.reading import PageReading, ReadLine, Unread

IMPLAUSIBLE = 0.5  # mean certainty of the characters below which what was read is noise, not text


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as it should be read: turned upright, its lines found, its script known."""

    turn: Turn
    places: tuple[Place, ...]
    route: Route


def read_pixels(pixels: Pixels, languages: Sequence[str], threads: int = 1) -> PageReading:
    """Everything that can be read on the page; boxes in its pixels as they came."""
    height, width = pixels.shape[:2]
    sheet = _lay_out(pixels, languages, threads)
    read = _read_places(sheet, threads)
    lines, unread = [], []
    for place, line in zip(sheet.places, read, strict=True):
        moved = unturned(place.quad, sheet.turn, width, height)
        if line is None:
            unread.append(Unread(hull(moved), "no_text_recognised"))
        elif (line.confidence or 0.0) < IMPLAUSIBLE:
            unread.append(Unread(hull(moved), "recognised_text_implausible"))
        else:
            lines.append(_moved(line, sheet.turn, width, height))
    return PageReading(
        width=width,
        height=height,
        lines=tuple(lines),
        unread=tuple(unread),
        content_rotation=sheet.turn,
        skew=skew([place.quad for place in sheet.places]),
        language=sheet.route.tag,
        warnings=_warnings(sheet.route),
    )


def _lay_out(pixels: Pixels, languages: Sequence[str], threads: int) -> Sheet:
    quads = find_lines(pixels, threads)
    turn: Turn = 90 if lying(quads) else 0
    if turn:
        pixels = turned(pixels, turn)
        quads = find_lines(pixels, threads)
    sample = [crop(pixels, quad) for quad in sorted(quads, key=lambda q: -size(q)[0])[:SAMPLE]]
    chosen, upside_down = _which_way_up(sample, languages, threads)
    if upside_down:
        turn = (turn + 180) % 360  # type: ignore[assignment]  # of 0 and 90 that is 180 and 270
        pixels = turned(pixels, 180)
        quads = find_lines(pixels, threads)
    ordered = in_rows(quads)
    return Sheet(turn, tuple(Place(quad, crop(pixels, quad)) for quad in ordered), chosen)


def _which_way_up(sample: list[Pixels], languages: Sequence[str], threads: int) -> tuple[Route, bool]:
    installed = tessdata.installed()
    upright = route(sample, languages, installed)
    if upright.language is not None and upright.score < 1.0:
        return upright, False
    score = sample_score(sample, 0, threads)
    if score >= CERTAIN or not sample:
        return upright, False
    flipped = [np.ascontiguousarray(np.rot90(line, 2)) for line in sample]
    if upright.language is not None:
        return upright, likeness(flipped, upright.language) > likeness(sample, upright.language) + MARGIN
    other = route(flipped, languages, installed)
    if other.language is not None:
        return other, True
    return upright, sample_score(sample, 180, threads) > score + MARGIN


def in_rows(quads: Sequence[Quad]) -> list[Quad]:
    """Top to bottom, left to right where lines stand side by side."""
    rows: list[list[Quad]] = []
    for quad in sorted(quads, key=lambda q: float(q[:, 1].mean())):
        middle = float(quad[:, 1].mean())
        if rows:
            last = rows[-1][-1]
            if abs(middle - float(last[:, 1].mean())) < 0.5 * min(size(last)[1], size(quad)[1]):
                rows[-1].append(quad)
                continue
        rows.append([quad])
    return [quad for row in rows for quad in sorted(row, key=lambda q: float(q[:, 0].min()))]


def _read_places(sheet: Sheet, threads: int) -> list[ReadLine | None]:
    language = sheet.route.language
    if language is None:
        return _read_rapid(sheet.places, threads)
    rtl = BY_LANGUAGE[language].rtl
    return [
        from_tesseract(place, tesseract.read_line(place.crop, language), rtl=rtl) for place in sheet.places
    ]


def _read_rapid(places: Sequence[Place], threads: int) -> list[ReadLine | None]:
    """Tall boxes are read as they are and lying on either side; the best reading counts."""
    ways: list[tuple[int, Place]] = []
    for index, place in enumerate(places):
        ways.append((index, place))
        if tall(place.quad):
            ways += [(index, lie_down(place, 1)), (index, lie_down(place, 3))]
    read = read_lines([place.crop for _, place in ways], threads)
    best: list[ReadLine | None] = [None] * len(places)
    scores = [0.0] * len(places)
    for (index, place), glyphs in zip(ways, read, strict=True):
        if glyphs and reading(glyphs) > scores[index]:
            scores[index] = reading(glyphs)
            best[index] = from_glyphs(place, glyphs)
    return best


def lie_down(place: Place, quarter_turns: int) -> Place:
    """The place turned counter-clockwise by so many quarters; its corners follow."""
    return Place(
        np.roll(place.quad, -quarter_turns, axis=0),
        np.ascontiguousarray(np.rot90(place.crop, quarter_turns)),
    )


def _moved(line: ReadLine, turn: Turn, width: int, height: int) -> ReadLine:
    """The line on the page as it came, before it was turned."""
    if not turn:
        return line

    def back(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = box
        return hull(unturned(np.array([[x0, y0], [x1, y1]], np.float32), turn, width, height))

    words = tuple(replace(word, bbox=back(word.bbox)) for word in line.words)
    return replace(line, words=words, bbox=back(line.bbox))


def _warnings(chosen: Route) -> tuple[ResultWarning, ...]:
    return tuple(
        ResultWarning(
            code="language_data_missing",
            detail=f"Tesseract's language data {name!r} is not installed; that language was not read.",
        )
        for name in chosen.missing
    )
