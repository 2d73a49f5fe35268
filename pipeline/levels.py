"""Heading levels that mean the same on every page of a document."""

from collections import Counter
from statistics import median

from pipeline.summary import Summary

# Type sizes closer than this are one style; measured from word boxes, which differ with the letters in them.
_ALIKE = 1.12
_LARGER = 1.12


class Levels:
    """Gathers the headings of all pages; the larger the type, the higher the heading."""

    def __init__(self) -> None:
        self._bodies: list[float] = []
        self._heads: list[tuple[int, str, int | None, float, int | None]] = []

    def add(self, number: int, summary: Summary) -> None:
        if summary["body"]:
            self._bodies.append(summary["body"])
        for block, level, size, depth in summary["heads"]:
            self._heads.append((number, block, level, size, depth))

    def levels(self) -> dict[int, dict[str, int]]:
        """Levels that differ from what the page alone gave, by page and block."""
        if len({number for number, *_ in self._heads}) < 2:
            return {}
        body = median(self._bodies) if self._bodies else 0.0
        styles = _styles([size for *_, size, _ in self._heads], body)
        changed: dict[int, dict[str, int]] = {}
        for number, block, level, size, depth in self._heads:
            rank = _rank(size, styles, body)
            wanted = min(6, max(rank, min(depth or 1, rank + 1)))
            if wanted != level:
                changed.setdefault(number, {})[block] = wanted
        return changed


def _styles(sizes: list[float], body: float) -> list[float]:
    """Distinct sizes above the body's, largest first."""
    counts = Counter(round(size, 1) for size in sizes if size > _LARGER * body)
    styles: list[float] = []
    for size in sorted(counts, reverse=True):
        if not styles or styles[-1] > size * _ALIKE:
            styles.append(size)
    return styles[:5]


def _rank(size: float, styles: list[float], body: float) -> int:
    if size <= _LARGER * body or not styles:
        return len(styles) + 1
    return min(range(len(styles)), key=lambda index: abs(styles[index] - size)) + 1
