"""Finds out how a page is to be read: which way up, where its lines are, in which script."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from model_runtime.cpu_ocr import tessdata
from model_runtime.cpu_ocr.arrays import Pixels, Quad, Turn, crop, turned
from model_runtime.cpu_ocr.detect import find_lines
from model_runtime.cpu_ocr.recognise import HEIGHT, Glyphs, read_lines
from model_runtime.cpu_ocr.rotate import CERTAIN, LEGIBLE, MARGIN, lying, plausibility, size, tall
from model_runtime.cpu_ocr.route import SAMPLE, Route, likeness, route

OPPOSITE: dict[Turn, Turn] = {0: 180, 90: 270, 180: 0, 270: 90}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page turned upright, the quads of its lines, its script, and what sample lines were read as."""

    pixels: Pixels
    turn: Turn
    quads: tuple[Quad, ...]
    route: Route
    sampled: dict[int, Glyphs] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sample:
    """The widest lines of a page: as they are, and at the height of PP-OCRv6."""

    natural: list[Pixels]
    strips: list[Pixels]
    glyphs: list[Glyphs]
    score: float


def lay_out(pixels: Pixels, languages: Sequence[str], threads: int) -> Sheet:
    """Two directions remain once it is known whether text runs along or down: they are read and compared."""
    quads = find_lines(pixels, threads)
    turn: Turn = 90 if lying(quads) else 0
    if turn:
        pixels = turned(pixels, turn)
        quads = find_lines(pixels, threads)
    quads = in_rows(quads)
    widest = sorted((i for i, q in enumerate(quads) if not tall(q)), key=lambda i: -size(quads[i])[0])[
        :SAMPLE
    ]
    natural = [crop(pixels, quads[i]) for i in widest]
    sample = _sample(natural, [crop(pixels, quads[i], HEIGHT) for i in widest], threads)
    chosen, upside_down = _which_way_up(sample, languages, threads)
    if not upside_down:
        return Sheet(pixels, turn, tuple(quads), chosen, dict(zip(widest, sample.glyphs, strict=True)))
    pixels = turned(pixels, 180)
    return Sheet(pixels, OPPOSITE[turn], tuple(in_rows(find_lines(pixels, threads))), chosen)


def _sample(natural: list[Pixels], strips: list[Pixels], threads: int) -> _Sample:
    glyphs = read_lines(strips, threads)
    scores = [
        plausibility(line, strip.shape[1], strip.shape[0]) for line, strip in zip(glyphs, strips, strict=True)
    ]
    return _Sample(natural, strips, glyphs, median(scores) if scores else 0.0)


def _which_way_up(sample: _Sample, languages: Sequence[str], threads: int) -> tuple[Route, bool]:
    installed = tessdata.installed()
    upright = route(sample.natural, languages, installed, sample.score)
    if (upright.language is not None and upright.score < 1.0) or sample.score >= CERTAIN or not sample.strips:
        return upright, False
    flipped = _flipped(sample, threads)
    if upright.language is not None:  # by hint alone
        over = likeness(flipped.natural, upright.language)
        return upright, over > likeness(sample.natural, upright.language) + MARGIN
    if flipped.score < CERTAIN:
        other = route(flipped.natural, languages, installed, max(sample.score, flipped.score))
        if other.language is not None:
            return other, True
    return upright, flipped.score > max(LEGIBLE, sample.score + MARGIN)


def _flipped(sample: _Sample, threads: int) -> _Sample:
    def over(lines: list[Pixels]) -> list[Pixels]:
        return [np.ascontiguousarray(np.rot90(line, 2)) for line in lines]

    return _sample(over(sample.natural), over(sample.strips), threads)


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
