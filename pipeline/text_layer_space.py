"""Turns boxes of the unrotated page into boxes of the page as it is seen."""

from dataclasses import dataclass

import pymupdf

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
        x0, y0, x1, y1 = box
        if self.rotation == 90:
            x0, y0, x1, y1 = self.width - y1, x0, self.width - y0, x1
        elif self.rotation == 180:
            x0, y0, x1, y1 = self.width - x1, self.height - y1, self.width - x0, self.height - y0
        elif self.rotation == 270:
            x0, y0, x1, y1 = y0, self.height - x1, y1, self.height - x0
        return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def direction(self, direction: tuple[float, float]) -> tuple[float, float]:
        """The direction of writing (x right, y down) as it is seen."""
        x, y = direction
        return {90: (-y, x), 180: (-x, -y), 270: (y, -x)}.get(self.rotation, (x, y))

    def shows(self, box: Box) -> bool:
        """Whether the middle of a box lies on the visible page."""
        return 0 <= (box[0] + box[2]) / 2 <= self.width and 0 <= (box[1] + box[3]) / 2 <= self.height
