"""Glyphs as small pictures, drawn once for each face and size."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from model_runtime.nano.fonts import Face

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Glyph:
    """``left`` and ``top``: of the ink, from the pen on the baseline; ``ink`` None for a space."""

    advance: float
    left: int
    top: int
    ink: Grey | None


class Sprites:
    """The glyphs of one face at one size."""

    def __init__(self, face: Face, size: int) -> None:
        self._font = face.at(size)
        self._missing = face.missing
        self._known: dict[str, Glyph] = {}

    def glyph(self, char: str) -> Glyph:
        found = self._known.get(char)
        if found is None:
            found = self._known[char] = self._drawn(char)
        return found

    def width(self, text: str) -> float:
        return sum(self.glyph(char).advance for char in text)

    def draws(self, text: str) -> bool:
        return self._missing.isdisjoint(text)

    def _drawn(self, char: str) -> Glyph:
        font = self._font
        advance = font.getlength(char)
        left, top, right, bottom = (int(side) for side in font.getbbox(char, anchor="ls"))
        if right <= left or bottom <= top or char == " ":
            return Glyph(advance, 0, 0, None)
        picture = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(picture).text((-left, -top), char, fill=255, font=font, anchor="ls")
        return Glyph(advance, left, top, np.asarray(picture).copy())


@lru_cache(maxsize=6000)
def sprites(face: Face, size: int) -> Sprites:
    return Sprites(face, size)
