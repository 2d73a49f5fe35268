"""Separate what is printed from the paper it is printed on, in a small grey picture of a page."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_DARK_PAGE = 90
_FINE = 4
_WINDOW = 9
"""Paper is the lightest spot within about 36 pixels: wider than letters and rules, narrower than shadows."""

_LEAST_CONTRAST = 8.0
_LEAST_CONTRAST_OF_SCANS = 20.0
"""Print showing through from the back stays below this; real print, even pale, does not."""

_GRAIN = 0.5
"""Paper noisier than this was scanned or photographed; drawn paper has none at all."""

_NOISE_MULTIPLE = 6.0
_MOST_CONTRAST = 48.0
_CORE_OF_STROKE = 0.35


def positive(grey: Grey) -> Grey:
    """Dark on light, whichever way the page is printed."""
    return 255 - grey if np.median(grey[::3, ::3]) < _DARK_PAGE else grey


def paper(grey: Grey) -> Grey:
    """The paper under each pixel, as bright as the lightest spot nearby."""
    height, width = grey.shape
    # Averaging first keeps single light specks of noise from passing for paper.
    small = cv2.resize(
        grey, (math.ceil(width / _FINE), math.ceil(height / _FINE)), interpolation=cv2.INTER_AREA
    )
    light = cv2.blur(cv2.dilate(small, np.ones((_WINDOW, _WINDOW), np.uint8)), (_WINDOW, _WINDOW))
    spread = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    return spread.reshape(height, width).astype(np.uint8, copy=False)


def contrast(grey: Grey) -> NDArray[np.float32]:
    """How far each pixel departs from the paper around it; what stands on it is positive."""
    grey = positive(grey)
    departure = paper(grey).astype(np.float32) - grey.astype(np.float32)
    departure -= np.median(departure[::3, ::3])
    return departure


def noise(departure: NDArray[np.float32]) -> float:
    """Standard deviation of the paper, robust against what is printed on it."""
    return float(np.median(np.abs(departure[::3, ::3]))) * 1.4826


def ink(grey: Grey) -> NDArray[np.uint8]:
    """1 where anything stands on the paper, darker or lighter than it, however faint."""
    departure = np.abs(contrast(grey))
    return _above(departure, _threshold(departure))


def strokes(grey: Grey) -> NDArray[np.uint8]:
    """1 in the core of what is printed: without the halo that scanning and compression put around letters."""
    departure = np.abs(contrast(grey))
    threshold = _threshold(departure)
    printed = departure[departure > threshold]
    if printed.size:
        threshold = max(
            threshold, _CORE_OF_STROKE * float(np.percentile(printed[:: 1 + len(printed) // 50_000], 90))
        )
    return _above(departure, threshold)


def _threshold(departure: NDArray[np.float32]) -> float:
    grain = noise(departure)
    least = _LEAST_CONTRAST_OF_SCANS if grain > _GRAIN else _LEAST_CONTRAST
    return float(np.clip(_NOISE_MULTIPLE * grain, least, _MOST_CONTRAST))


def _above(departure: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    mask: NDArray[np.uint8] = (departure > threshold).astype(np.uint8)
    return mask
