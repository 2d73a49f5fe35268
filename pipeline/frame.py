"""The reading frame: page boxes turned upright, straightened and, for right-to-left pages, mirrored."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.scripts import is_cjk
from schemas.geometry import Box
from schemas.reading import PageReading, ReadLine


@dataclass(frozen=True, slots=True)
class Frame:
    """Maps boxes of a page into coordinates in which text runs left to right, lines top to bottom.

    Order, columns and paragraphs are decided there; the boxes users see never move.
    """

    width: float
    height: float
    turn: int = 0
    slope: float = 0.0
    mirrored: bool = False

    @property
    def size(self) -> tuple[float, float]:
        return (self.height, self.width) if self.turn in (90, 270) else (self.width, self.height)

    def box(self, box: Box) -> Box:
        x0, y0, x1, y1 = self._turned(box)
        if self.slope:
            drop = self.slope * (x0 + x1) / 2
            # A sloping line's box is taller than its letters by what the slope adds over its width.
            shrink = min(abs(self.slope) * (x1 - x0), (y1 - y0) / 2) / 2
            y0, y1 = y0 + drop + shrink, y1 + drop - shrink
        if self.mirrored:
            width = self.size[0]
            x0, x1 = width - x1, width - x0
        return (x0, y0, x1, y1)

    def _turned(self, box: Box) -> Box:
        x0, y0, x1, y1 = box
        if self.turn == 90:
            return (self.height - y1, x0, self.height - y0, x1)
        if self.turn == 180:
            return (self.width - x1, self.height - y1, self.width - x0, self.height - y0)
        if self.turn == 270:
            return (y0, self.width - x1, y1, self.width - x0)
        return box


def frame_of(reading: PageReading) -> Frame:
    """Which way this page reads, from its rotation, skew, and the direction of most of its letters."""
    rtl, vertical, total = 0, 0, 0
    for line in reading.lines:
        letters = sum(len(word.text) for word in line.words)
        total += letters
        rtl += letters if line.rtl else 0
        vertical += letters if reading.content_rotation in (0, 180) and runs_down(line) else 0
    # Vertical Chinese or Japanese: columns from the right; turned by 270 degrees they are lines from the top.
    turn = 270 if total and vertical * 2 > total else 0
    skew = reading.skew or 0.0
    return Frame(
        width=reading.width,
        height=reading.height,
        turn=(reading.content_rotation + turn) % 360,
        slope=math.tan(math.radians(skew)) if abs(skew) <= 15 and not turn else 0.0,
        mirrored=bool(total) and rtl * 2 > total and not turn,
    )


def runs_down(line: ReadLine) -> bool:
    """A line of ideographs set from top to bottom."""
    x0, y0, x1, y1 = line.bbox
    tall = y1 - y0 > 1.8 * (x1 - x0) and len(line.text) > 1
    return tall and _mostly_cjk([word.text for word in line.words])


def _mostly_cjk(texts: Sequence[str]) -> bool:
    letters = [char for text in texts for char in text if char.isalnum()]
    return bool(letters) and sum(map(is_cjk, letters)) * 2 > len(letters)
