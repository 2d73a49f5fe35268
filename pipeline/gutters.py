"""White space on a page: whether a gap in a row is part of a gutter that parts columns."""

from collections.abc import Sequence

import numpy as np

from schemas.geometry import Box

# Cells of the raster in multiples of the type size; fine enough for a gutter of one letter's width.
_CELL_X = 0.3
_CELL_Y = 0.5
_MOST_CELLS = 1500
# Text counts as standing beside a gutter when it begins within so many type sizes of it.
_REACH = 6.0


class Whitespace:
    """A coarse raster of where text stands, made once per page."""

    def __init__(self, boxes: Sequence[Box], size: float) -> None:
        array = np.array(boxes, dtype=np.float64)
        low, high = array[:, :2].min(axis=0), array[:, 2:].max(axis=0)
        self._origin = low
        self._step = np.maximum(
            np.array([_CELL_X * size, _CELL_Y * size]), np.maximum(high - low, 1e-6) / _MOST_CELLS
        )
        self._rows_per_line = max(1.0, 1.2 * size / self._step[1])
        cols, rows = (np.ceil((high - low) / self._step).astype(int) + 1).tolist()
        self._taken = np.zeros((rows, cols), dtype=bool)
        # Letters do not fill their boxes: a hair is cut from each side so that touching lines stay apart.
        hair = np.minimum((array[:, 2:] - array[:, :2]) * 0.1, 0.12 * size)
        first = np.floor((array[:, :2] + hair - low) / self._step).astype(int)
        last = np.floor((array[:, 2:] - hair - low) / self._step).astype(int)
        for (x0, y0), (x1, y1) in zip(first.tolist(), last.tolist(), strict=True):
            self._taken[y0 : y1 + 1, x0 : x1 + 1] = True

    def parts(self, gap: tuple[float, float], y: float, lines: float) -> bool:
        """Whether white space inside the gap runs on over that many lines with text on both sides of it."""
        left = int(np.ceil((gap[0] - self._origin[0]) / self._step[0] - 0.35))
        right = int(np.floor((gap[1] - self._origin[0]) / self._step[0] + 0.35))
        row = int((y - self._origin[1]) / self._step[1])
        if right <= left or not 0 <= row < len(self._taken):
            return False
        return any(
            self._height(max(column, 0), row) >= lines * self._rows_per_line
            for column in range(left, min(right, self._taken.shape[1]))
        )

    def _height(self, column: int, row: int) -> int:
        """Rows around ``row`` that are white at the column and have text near it on both sides."""
        line = self._taken[:, column]
        above = np.flatnonzero(line[: row + 1])
        below = np.flatnonzero(line[row:])
        top = int(above[-1]) + 1 if len(above) else 0
        bottom = row + int(below[0]) if len(below) else len(line)
        if bottom <= top:
            return 0
        reach = max(1, int(_REACH / _CELL_X))
        left = self._taken[top:bottom, max(0, column - reach) : column].any(axis=1)
        right = self._taken[top:bottom, column + 1 : column + 1 + reach].any(axis=1)
        return int((left & right).sum())
