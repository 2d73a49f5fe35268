"""Turns the recogniser's certainty of a word into the probability that the word is right."""

import math
from dataclasses import replace

from schemas.reading import ReadLine

# The fit that model_runtime.spec names; its data and figures are in docs/calibration.md.
_INTERCEPT, _SLOPE = -0.967, 0.699
_EDGE = 1e-4


def probability(certainty: float) -> float:
    """Logistic regression on the log-odds of the mean certainty of a word's characters."""
    clipped = min(1 - _EDGE, max(_EDGE, certainty))
    odds = _INTERCEPT + _SLOPE * math.log(clipped / (1 - clipped))
    return round(1 / (1 + math.exp(-odds)), 4)


def calibrated(line: ReadLine) -> ReadLine:
    """A line of PP-OCRv6 with probabilities for its words; of the line as a whole nothing was measured."""
    words = tuple(
        replace(word, confidence=None if word.confidence is None else probability(word.confidence))
        for word in line.words
    )
    return replace(line, words=words, confidence=None)


def uncalibrated(line: ReadLine) -> ReadLine:
    """A line of Tesseract: its certainty was compared with no truth."""
    return replace(line, words=tuple(replace(word, confidence=None) for word in line.words), confidence=None)
