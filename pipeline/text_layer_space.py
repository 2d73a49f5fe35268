"""Turns boxes of the unrotated page into boxes of the page as it is seen."""

from dataclasses import dataclass

import pymupdf

from pipeline.tables.turn import turned
from schemas.geometry import Box


@dataclass(frozen=True, slots=True)
class PageSpace:
    """The visible page: size in points with UserUnit applied, after /Rotate.

    PyMuPDF reports text and drawings in the unrotated page (its own `rotation_matrix` forgets UserUnit).
    """

    width: float
    height: float
    rotation: int

    @classmethod
    def of(cls, page: pymupdf.Page) -> "PageSpace":
        return cls(page.rect.width, page.rect.height, page.rotation % 360)

    def box(self, box: "tuple[float, float, float, float]") -> Box:
        """A box of the unrotated page in the visible one, its corners in order."""
        return turned(box, self.rotation, self.width, self.height)

    def direction(self, direction: tuple[float, float]) -> tuple[float, float]:
        """The direction of writing (x right, y down) as it is seen."""
        x, y = direction
        return {90: (-y, x), 180: (-x, -y), 270: (y, -x)}.get(self.rotation, (x, y))

    def shows(self, box: Box) -> bool:
        """Whether the middle of a box lies on the visible page."""
        return 0 <= (box[0] + box[2]) / 2 <= self.width and 0 <= (box[1] + box[3]) / 2 <= self.height
