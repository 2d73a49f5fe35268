"""Separate what is printed from the paper it is printed on, in a small grey picture of a page."""

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_PAPER_CELL = 16
"""Paper is estimated on cells this wide: wider than letters and rules, narrower than shadows."""

_LEAST_CONTRAST = 8.0
_NOISE_MULTIPLE = 6.0
_MOST_CONTRAST = 48.0


def contrast(grey: Grey) -> NDArray[np.float32]:
    """How far each pixel departs from the paper around it, dark ink positive."""
    height, width = grey.shape
    small = cv2.resize(
        grey,
        (max(1, width // _PAPER_CELL), max(1, height // _PAPER_CELL)),
        interpolation=cv2.INTER_AREA,
    )
    # The lighter part of a neighbourhood is its paper; a plain mean would be darkened by dense print.
    paper = cv2.dilate(
        cv2.medianBlur(small, 3) if min(small.shape) >= 3 else small, np.ones((3, 3), np.uint8)
    )
    spread = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width)
    return spread.astype(np.float32) - grey.astype(np.float32)


def noise(departure: NDArray[np.float32]) -> float:
    """Standard deviation of the paper, robust against what is printed on it."""
    sample = departure[::3, ::3]
    return float(np.median(np.abs(sample - np.median(sample)))) * 1.4826


def ink(grey: Grey) -> NDArray[np.uint8]:
    """1 where something stands on the paper, darker or lighter than it."""
    departure = contrast(grey)
    middle = float(np.median(departure[::3, ::3]))
    threshold = float(np.clip(_NOISE_MULTIPLE * noise(departure), _LEAST_CONTRAST, _MOST_CONTRAST))
    mask: NDArray[np.uint8] = (np.abs(departure - middle) > threshold).astype(np.uint8)
    return mask
