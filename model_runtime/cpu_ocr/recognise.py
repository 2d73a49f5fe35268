"""Reads straightened line images with PP-OCRv6's recogniser."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from model_runtime.cpu_ocr.arrays import Pixels
from model_runtime.cpu_ocr.models import alphabet, recogniser

HEIGHT = 48
MIN_WIDTH = 320
MAX_WIDTH = 3200  # longer lines are squeezed; 66 times as wide as high is no line of text
COLUMN = 8  # input pixels per output column
BATCH_COLUMNS = 4096  # input columns read at once: bounds memory, not accuracy


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character, the middle of it along the line as a share of the line's width, and its probability."""

    char: str
    at: float
    score: float


Glyphs = tuple[Glyph, ...]


def read_lines(crops: Sequence[Pixels], threads: int = 1) -> list[Glyphs]:
    """The characters of each line, in the order of the crops."""
    order = sorted(range(len(crops)), key=lambda i: _width(crops[i]))
    found: list[Glyphs] = [()] * len(crops)
    batch: list[int] = []
    for index in order:
        widest = _width(crops[index])
        if batch and widest * (len(batch) + 1) > BATCH_COLUMNS:
            _read_batch(crops, batch, found, threads)
            batch = []
        batch.append(index)
    if batch:
        _read_batch(crops, batch, found, threads)
    return found


def _width(line: Pixels) -> int:
    height, width = line.shape[:2]
    return int(min(MAX_WIDTH, max(COLUMN, round(HEIGHT * width / height))))


def _read_batch(crops: Sequence[Pixels], batch: list[int], found: list[Glyphs], threads: int) -> None:
    widths = [_width(crops[i]) for i in batch]
    padded = max(MIN_WIDTH, *widths)
    tensor = np.zeros((len(batch), 3, HEIGHT, padded), np.float32)
    for row, (index, width) in enumerate(zip(batch, widths, strict=True)):
        line = cv2.resize(crops[index], (width, HEIGHT))
        tensor[row, :, :, :width] = line.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1.0
    probabilities = recogniser(threads).run(None, {"x": tensor})[0]
    for row, (index, width) in enumerate(zip(batch, widths, strict=True)):
        found[index] = decode(probabilities[row], padded, width, alphabet(threads))


def decode(probabilities: npt.NDArray[np.float32], padded: int, width: int, chars: tuple[str, ...]) -> Glyphs:
    """Greedy CTC: the best class per column, repeats and blanks dropped."""
    best = probabilities.argmax(axis=1)
    scores = probabilities.max(axis=1)
    starts = np.flatnonzero((best != 0) & (best != np.concatenate(([0], best[:-1]))))
    per_column = padded / len(best)
    return tuple(
        Glyph(chars[best[i]], min(1.0, (i + 0.5) * per_column / width), float(scores[i])) for i in starts
    )
