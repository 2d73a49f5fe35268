"""Finds the stretch of a text that is nearest to a pattern, in edits: Myers' bit-parallel search."""

from collections.abc import Iterable
from typing import NamedTuple


class Nearest(NamedTuple):
    start: int
    end: int
    edits: int


def nearest(pattern: str, text: str, limit: int) -> Nearest | None:
    """The first stretch with the fewest insertions, deletions, substitutions; at most ``limit`` of them."""
    if not pattern or not text or limit < 0:
        return None
    end, edits = _best_end(pattern, text, limit)
    if end < 0:
        return None
    # Backwards from the end, the same search finds where the stretch begins.
    window = text[max(0, end - len(pattern) - limit) : end]
    back, _ = _best_prefix(pattern[::-1], window[::-1])
    return Nearest(end - back, end, edits)


def _best_end(pattern: str, text: str, limit: int) -> tuple[int, int]:
    best, at = limit + 1, -1
    for index, edits in enumerate(_distances(pattern, text, anywhere=True), 1):
        if edits < best:
            best, at = edits, index
            if best == 0:
                break
    return at, best


def _best_prefix(pattern: str, text: str) -> tuple[int, int]:
    best, at = len(pattern), 0
    for index, edits in enumerate(_distances(pattern, text, anywhere=False), 1):
        if edits < best:
            best, at = edits, index
    return at, best


def _distances(pattern: str, text: str, *, anywhere: bool) -> Iterable[int]:
    """Edits between the pattern and the text up to each character; ``anywhere``: starting wherever it likes.

    Myers 1999 (J. ACM 46.3) with integers as long as the pattern: one step per character of the text.
    """
    mask, top = (1 << len(pattern)) - 1, 1 << (len(pattern) - 1)
    places: dict[str, int] = {}
    for index, char in enumerate(pattern):
        places[char] = places.get(char, 0) | 1 << index
    plus, minus, edits = mask, 0, len(pattern)
    first = 0 if anywhere else 1
    for char in text:
        equal = places.get(char, 0)
        down = equal | minus
        across = (((equal & plus) + plus) ^ plus) | equal
        rises, falls = (minus | ~(across | plus)) & mask, plus & across
        if rises & top:
            edits += 1
        elif falls & top:
            edits -= 1
        rises, falls = (rises << 1 | first) & mask, (falls << 1) & mask
        plus, minus = (falls | ~(down | rises)) & mask, rises & down
        yield edits
