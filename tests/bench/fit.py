"""Fits probabilities to signs, measured on documents whose issuers the fit has not seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.confidence import FEATURES, Calibration

_BINS = 10
_RIDGE = 1.0
"""Keeps weights finite where the few wrong values can be told apart perfectly."""


@dataclass(frozen=True)
class Observed:
    """One value: whose document it is from, what spoke for it, and whether it was right."""

    issuer: str
    signs: dict[str, float]
    right: bool


def fit(observed: Sequence[Observed], name: str) -> Calibration:
    """Logistic regression by Newton's method."""
    matrix, right = _matrix(observed), np.array([one.right for one in observed], float)
    weights = np.zeros(matrix.shape[1])
    penalty = _RIDGE * np.eye(matrix.shape[1])
    penalty[0, 0] = 0.0  # the intercept is free
    for _ in range(50):
        chance = _logistic(matrix @ weights)
        slope = matrix.T @ (right - chance) - penalty @ weights
        curvature = (matrix * (chance * (1 - chance))[:, None]).T @ matrix + penalty
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(curvature)), slope)
        weights += step
        if float(np.abs(step).max()) < 1e-8:
            break
    return Calibration(
        name,
        round(float(weights[0]), 4),
        {feature: round(float(weight), 4) for feature, weight in zip(FEATURES, weights[1:], strict=True)},
    )


def predicted(calibration: Calibration, observed: Sequence[Observed]) -> NDArray[np.float64]:
    weights = np.array([calibration.intercept, *(calibration.weights.get(f, 0.0) for f in FEATURES)])
    return np.minimum(_logistic(_matrix(observed) @ weights), calibration.highest)


def _matrix(observed: Sequence[Observed]) -> NDArray[np.float64]:
    return np.array([[1.0, *(one.signs.get(f, 0.0) for f in FEATURES)] for one in observed])


def _logistic(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -60, 60))))


def calibration_error(chance: NDArray[np.float64], right: Sequence[bool]) -> float:
    """Expected calibration error over ten bins of equal size."""
    order = np.argsort(chance, kind="stable")
    truth = np.array(right, float)
    error = 0.0
    for part in np.array_split(order, min(_BINS, len(order))):
        error += len(part) / len(order) * abs(float(chance[part].mean() - truth[part].mean()))
    return error


def area_under_curve(chance: NDArray[np.float64], right: Sequence[bool]) -> float:
    """How often a right value is given more than a wrong one; a constant reaches one half, no more."""
    truth = np.array(right, bool)
    good, bad = chance[truth], chance[~truth]
    if not len(good) or not len(bad):
        return math.nan
    higher = (good[:, None] > bad[None, :]).mean() + 0.5 * (good[:, None] == bad[None, :]).mean()
    return float(higher)


def halves(observed: Sequence[Observed]) -> tuple[list[Observed], list[Observed]]:
    """Two parts that share no issuer, of about the same size."""
    by_issuer: dict[str, list[Observed]] = {}
    for one in observed:
        by_issuer.setdefault(one.issuer, []).append(one)
    first: list[Observed] = []
    second: list[Observed] = []
    for group in sorted(by_issuer.values(), key=lambda group: (-len(group), group[0].issuer)):
        (first if len(first) <= len(second) else second).extend(group)
    return first, second
