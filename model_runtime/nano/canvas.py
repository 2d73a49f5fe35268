"""A page being drawn: ink as coverage, and the place of every character on it."""

from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from model_runtime.nano.fonts import Face
from model_runtime.nano.glyphs import Grey, sprites

Floats: TypeAlias = NDArray[np.float32]

MIDDLE = 0.33
"""Of a line of type: how far its middle stands above the baseline, as a share of the size."""


@dataclass(frozen=True, slots=True)
class Style:
    face: Face
    size: int

    def width(self, text: str) -> float:
        return sprites(self.face, self.size).width(text)

    def draws(self, text: str) -> bool:
        return sprites(self.face, self.size).draws(text)


@dataclass(frozen=True, slots=True)
class Run:
    """Characters that were drawn together: a slice of those of the canvas."""

    start: int
    stop: int
    end: float
    """Where the pen stood at last."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """``boxes``: of each character's ink (x0, y0, x1, y1); ``middles``: of its place in the line (x, y)."""

    cover: Grey
    characters: str
    boxes: Floats
    middles: Floats

    def box(self, runs: "tuple[Run, ...]") -> tuple[float, float, float, float] | None:
        """Around the ink of some runs, cut off at the page's edges."""
        found = np.concatenate([self.boxes[run.start : run.stop] for run in runs]) if runs else self.boxes[:0]
        found = found[found[:, 2] > found[:, 0]]
        if not len(found):
            return None
        height, width = self.cover.shape
        low, high = found[:, :2].min(0), found[:, 2:].max(0)
        x0, y0, x1, y1 = float(low[0]), float(low[1]), float(high[0]), float(high[1])
        x0, x1 = max(0.0, x0), min(float(width), x1)
        y0, y1 = max(0.0, y0), min(float(height), y1)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None


@dataclass
class Canvas:
    height: int
    width: int
    cover: Grey = field(init=False)
    _characters: list[str] = field(default_factory=list)
    _boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    _middles: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cover = np.zeros((self.height, self.width), np.uint8)

    def text(self, x: float, baseline: float, text: str, style: Style) -> Run:
        known = sprites(style.face, style.size)
        start, middle = len(self._characters), baseline - MIDDLE * style.size
        line = round(baseline)
        for char in text:
            glyph = known.glyph(char)
            left, top = round(x) + glyph.left, line + glyph.top
            if glyph.ink is None:
                self._boxes.append((x, middle, x, middle))
            else:
                high, wide = glyph.ink.shape
                self._boxes.append((left, top, left + wide, top + high))
                self._blend(glyph.ink, left, top)
            self._characters.append(char)
            self._middles.append((x + glyph.advance / 2, middle))
            x += glyph.advance
        return Run(start, len(self._characters), x)

    def gap(self, run: Run, style: Style) -> None:
        """A space between two runs of a line, that the auxiliary loss may see: just after ``run``."""
        self._characters.append(" ")
        self._middles.append((run.end + style.size * 0.15, self._middles[run.stop - 1][1]))
        self._boxes.append((run.end, self._middles[-1][1], run.end, self._middles[-1][1]))

    def fill(self, x0: float, y0: float, x1: float, y1: float, strength: int = 255) -> None:
        """A rule, a bar, a frame's side."""
        part = self.cover[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))]
        np.maximum(part, np.uint8(strength), out=part)

    def _blend(self, ink: Grey, left: int, top: int) -> None:
        high, wide = ink.shape
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + high, self.height), min(left + wide, self.width)
        if y1 > y0 and x1 > x0:
            part = self.cover[y0:y1, x0:x1]
            np.maximum(part, ink[y0 - top : y1 - top, x0 - left : x1 - left], out=part)

    def drawn(self, height: int, width: int, turn: float = 0.0) -> Drawn:
        """The page at the size it is wanted, turned by some degrees about its middle."""
        boxes = np.asarray(self._boxes, np.float32).reshape(-1, 4)
        middles = np.asarray(self._middles, np.float32).reshape(-1, 2)
        cover, scale = self.cover, (width / self.width, height / self.height)
        if (height, width) != cover.shape:
            how = cv2.INTER_AREA if scale[0] < 0.75 else cv2.INTER_CUBIC
            cover = np.asarray(cv2.resize(cover, (width, height), interpolation=how), np.uint8)
            across = np.asarray(scale, np.float32)
            boxes, middles = boxes * np.tile(across, 2), middles * across
        if turn:
            matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), turn, 1.0), np.float32)
            cover = np.asarray(
                cv2.warpAffine(cover, matrix, (width, height), flags=cv2.INTER_LINEAR), np.uint8
            )
            middles = middles @ matrix[:, :2].T + matrix[:, 2]
            boxes = _turned(boxes, matrix)
        return Drawn(cover, "".join(self._characters), boxes, middles)


def _turned(boxes: Floats, matrix: Floats) -> Floats:
    """Around the turned corners."""
    corners = boxes[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 4, 2) @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)
