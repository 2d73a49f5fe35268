"""Turns what speaks for a value into the probability that it is what is printed, by a fit that was measured.

Without a fit there is no probability: the value stands without one. A value whose quote nobody but the model
has seen gets none either, however sure the model was.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.certainty import Certainty
from schemas.errors import Unsupported
from schemas.field import Match

_EDGE = 1e-4


class Kind(StrEnum):
    """What a probability is of."""

    VALUES = "values"
    TEXT = "text"


FEATURES = ("mean", "least", "fuzzy", "agreed", "disagreed", "invalid", "adds", "differs")


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of one value.

    ``match``: how its quote was found among words that another reader saw; None: it was not. ``agreed``:
    whether an independent reading of the same place says the same; None: there was none. ``adds``: whether an
    amount makes the sum that it stands in; None: it stands in none.
    """

    certainty: Certainty | None
    match: Match | None = None
    agreed: bool | None = None
    valid: bool = True
    adds: bool | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression over `features`, with the name under which its data and figures are published."""

    name: str
    intercept: float
    weights: Mapping[str, float]
    measured_on: Kind | None = None
    """What it was fitted on, and can be used for; None: either."""

    highest: float = 0.99
    """No fit on a few thousand values knows of rarer errors than about one in a hundred."""

    @classmethod
    def parse(cls, text: str | bytes) -> "Calibration":
        """From JSON ``{"name", "intercept", "weights": {feature: weight}, "measured_on"}``."""
        try:
            given = json.loads(text)
            weights = {str(name): float(weight) for name, weight in given["weights"].items()}
            kind = Kind(given["measured_on"]) if given.get("measured_on") else None
            made = cls(str(given["name"]), float(given["intercept"]), weights, kind)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unsupported("unsupported_setting", "the file is no calibration of Quire") from error
        if set(weights) - set(FEATURES) or not all(map(math.isfinite, (made.intercept, *weights.values()))):
            raise Unsupported("unsupported_setting", "the calibration has weights that mean nothing here")
        return made


def probability(signs: Signs, calibration: Calibration | None, kind: Kind = Kind.VALUES) -> float | None:
    """None where nothing was measured that would allow one."""
    if calibration is None or calibration.measured_on not in (None, kind):
        return None
    if signs.certainty is None or signs.match in (None, Match.MODEL):
        return None
    odds = calibration.intercept + sum(
        calibration.weights.get(name, 0.0) * value for name, value in features(signs).items()
    )
    return round(min(calibration.highest, 1 / (1 + math.exp(-max(-60.0, min(60.0, odds))))), 4)


def text_probability(certainty: Certainty | None, calibration: Calibration | None) -> float | None:
    """Of transcribed text, whose place is the page: the model's certainty alone."""
    return probability(Signs(certainty, Match.EXACT), calibration, Kind.TEXT)


def text_features(certainty: Certainty) -> dict[str, float]:
    return features(Signs(certainty, Match.EXACT))


def features(signs: Signs) -> dict[str, float]:
    """The signs as numbers; certainties as log-odds, which is what a logistic fit is linear in."""
    assert signs.certainty is not None
    return {
        "mean": _log_odds(signs.certainty.mean),
        "least": _log_odds(signs.certainty.least),
        "fuzzy": float(signs.match is Match.FUZZY),
        "agreed": float(signs.agreed is True),
        "disagreed": float(signs.agreed is False),
        "invalid": float(not signs.valid),
        "adds": float(signs.adds is True),
        "differs": float(signs.adds is False),
    }


def _log_odds(probability: float) -> float:
    clipped = min(1 - _EDGE, max(_EDGE, probability))
    return math.log(clipped / (1 - clipped))
