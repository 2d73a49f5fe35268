"""How sure a model was of a stretch of its reply: the probabilities of the tokens that make it up."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Piece = tuple[str, float | None]
"""A token: its text and the natural logarithm of its probability."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """``mean``: geometric mean of the tokens' probabilities; ``least``: of the least sure one."""

    mean: float
    least: float


class Tokens:
    """The tokens of a reply, laid over its text."""

    def __init__(self, text: str, pieces: Sequence[Piece]) -> None:
        self._ends: list[int] = []
        self._logs: list[float | None] = []
        at = 0
        for piece, log in pieces:
            at += len(piece)
            self._ends.append(at)
            self._logs.append(log)
        # Servers leave special tokens or blanks at the ends out of the text: find where the text begins.
        joined = "".join(piece for piece, _ in pieces)
        self._shift = joined.find(text) if text else -1

    def of(self, start: int, end: int) -> Certainty | None:
        """Of the characters from ``start`` to ``end``; None where their probabilities are not all known."""
        if self._shift < 0 or end <= start:
            return None
        first = bisect_right(self._ends, start + self._shift)
        last = bisect_left(self._ends, end + self._shift)
        logs = self._logs[first : last + 1]
        known = [log for log in logs if log is not None and not math.isnan(log)]
        if not logs or len(known) != len(logs):
            return None
        return Certainty(_exp(sum(known) / len(known)), _exp(min(known)))


def _exp(log: float) -> float:
    return math.exp(min(0.0, max(-60.0, log)))
