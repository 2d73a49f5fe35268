"""Tells from the tail of a reply whether the model repeats itself without end.

A page may hold the same row forty times, so repetition alone proves nothing. What gives a loop away is that
it does not stop: the tail of the reply is exactly periodic, and has gone on for ``patience`` tokens after
the third occurrence of what repeats. Lines, table rows and n-grams are the same to this rule; the default
keeps 40 rows of blank or short cells, and cuts a loop off within 300 tokens. Only a passage of several lines
is given as much room as a page has: sheets of labels, tickets and blind text are made like that.

A reply that counts on for ever ("| 1 | … |", "| 2 | … |") is never periodic. Such rows are on honest pages
too, so only `_RUNAWAY` of them in a row, more than a page can hold, end the reply.
"""

import re
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from model_runtime.chat import PATIENCE

_LONGEST = 6_000
"""Characters of the longest block looked for: a model that has begun to read the whole page out again."""

_PASSAGE = 240
"""Characters from which a block of three lines or more counts as a passage."""

_PAGE = 6_000
"""Characters that passages may fill."""

_PROBE = 48
"""Characters of the tail whose earlier occurrences say which periods are worth comparing."""

_EVERY = 4
"""Tokens between two looks; `PATIENCE` and this together stay below 300."""

_RUNAWAY = 200
"""Rows in a row that differ by nothing but evenly counting numbers."""

_PIECE_END = re.compile(r"\n|[}\]],?")
_BREAKS = re.compile(r"\n\s*")
_NUMBER = re.compile(r"\d{1,15}")


class Kind(StrEnum):
    LINE = "line"
    PASSAGE = "passage"
    ROW = "table row"
    NGRAM = "phrase"
    RUNAWAY = "counting row"


@dataclass(frozen=True, slots=True)
class Loop:
    """What repeats. Its text is the document's and stays out of error messages."""

    kind: Kind
    period: int
    times: int

    def __str__(self) -> str:
        if self.kind is Kind.RUNAWAY:
            return f"{self.times} rows came one after the other that differ only by counting numbers"
        return f"a {self.kind} of {self.period} characters came {self.times} times in a row"


class LoopWatch:
    """Fed with a reply as it comes, one token at a time."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self._patience = patience
        self._tail = ""
        self._ends: deque[int] = deque(maxlen=patience + 1)
        self._seen = 0
        self._tokens = 0
        self._counting = _Counting()

    def feed(self, token: str) -> Loop | None:
        """The loop that this token makes certain, if any."""
        self._tail += token
        self._seen += len(token)
        self._ends.append(self._seen)
        self._tokens += 1
        if runaway := self._counting.feed(token):
            return runaway
        if self._tokens <= self._patience or self._tokens % _EVERY:
            return None
        return self._look()

    def _look(self) -> Loop | None:
        tail = self._tail
        if len(tail) > 8 * _LONGEST:
            self._tail = tail = tail[-4 * _LONGEST :]
        since = self._seen - self._ends[0]  # characters of the last ``patience`` tokens
        if since == 0:
            return None
        return next((loop for p in _periods(tail) if (loop := _loop(tail, p, since + 3 * p))), None)


def _periods(tail: str) -> "list[int]":
    """Distances at which the last characters occurred before, shortest first."""
    probe, last = tail[-_PROBE:], len(tail) - _PROBE
    found, floor = [], max(0, last - _LONGEST)
    at = tail.rfind(probe, floor, len(tail) - 1)
    while at >= 0:
        found.append(last - at)
        at = tail.rfind(probe, floor, at + len(probe) - 1)
    return found


def _loop(tail: str, period: int, length: int) -> Loop | None:
    """The loop if the last ``length`` characters have this period."""
    if period >= _PASSAGE and len(_BREAKS.findall(tail[-period:])) >= 3:
        length = max(length, _PAGE)
    if length > len(tail) or tail[-length + period :] != tail[-length:-period]:
        return None
    start = len(tail) - length
    while start > 0 and tail[start - 1] == tail[start - 1 + period]:
        start -= 1
    return Loop(_kind(tail[-period:]), period, (len(tail) - start) // period)


def _kind(block: str) -> Kind:
    if block.count("|") > 1 or "<tr" in block or "<td" in block:
        return Kind.ROW
    breaks = len(_BREAKS.findall(block))
    if breaks >= 3 and len(block) >= _PASSAGE:
        return Kind.PASSAGE
    return Kind.LINE if breaks else Kind.NGRAM


class _Counting:
    """Counts rows that are alike except for numbers which change by the same amount each time."""

    def __init__(self) -> None:
        self._piece = ""
        self._shape = ""
        self._numbers: tuple[int, ...] = ()
        self._steps: tuple[int, ...] | None = None
        self._rows = 0

    def feed(self, token: str) -> Loop | None:
        self._piece += token
        pieces = _PIECE_END.split(self._piece)
        self._piece = pieces.pop()[-2000:]
        return next((loop for piece in pieces if (loop := self._row(piece))), None)

    def _row(self, row: str) -> Loop | None:
        if not row.strip():
            return None
        shape = _NUMBER.sub("0", row)
        numbers = tuple(map(int, _NUMBER.findall(row)))
        steps = None
        if shape == self._shape:
            steps = tuple(b - a for a, b in zip(self._numbers, numbers, strict=True))
        self._rows = self._rows + 1 if steps is not None and steps == self._steps else 1
        self._shape, self._numbers, self._steps = shape, numbers, steps
        if self._rows >= _RUNAWAY and any(self._steps or ()):
            return Loop(Kind.RUNAWAY, len(row), self._rows + 1)
        return None


def first_loop(tokens: "list[str]", patience: int = PATIENCE) -> tuple[int, Loop] | None:
    """How many of ``tokens`` would have been read before the reply is cut off, and why."""
    watch = LoopWatch(patience)
    return next(((n, loop) for n, token in enumerate(tokens, 1) if (loop := watch.feed(token))), None)
