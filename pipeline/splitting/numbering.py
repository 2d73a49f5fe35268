"""Reads the number that a page gives itself: `Page 2 of 5`, `Seite 2`, `- 2 -`, `2/5`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pipeline.fields.folding import ascii_digits
from pipeline.splitting.words import plain

_MOST = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """The page's number, and of how many where that is said."""

    number: int
    of: int | None = None

    def follows(self, other: "Place") -> bool:
        return self.number == other.number + 1 and (None in (self.of, other.of) or self.of == other.of)

    @property
    def last(self) -> bool:
        return self.of is not None and self.number >= self.of


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    page = "|".join(map(re.escape, sorted(plain("pages"), key=len, reverse=True)))
    of = "|".join(map(re.escape, sorted(plain("of"), key=len, reverse=True)))
    return tuple(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            rf"(?<!\w)(?:{page})[.:\s]{{0,3}}(?P<k>\d{{1,4}})\s{{0,3}}(?:/|\||(?:{of})(?!\w))\s{{0,3}}(?P<n>\d{{1,4}})(?!\d)",
            r"第\s?(?P<k>\d{1,4})\s?[页頁]\s?[,，、/]?\s?共\s?(?P<n>\d{1,4})\s?[页頁]",
            r"(?P<k>\d{1,4})\s?/\s?(?P<n>\d{1,4})\s?(?:ページ|頁|页|쪽|페이지)",
            r"^\W{0,3}(?P<k>\d{1,3})\s?/\s?(?P<n>\d{1,3})\W{0,3}$",
            rf"^\W{{0,3}}(?:{page})[.:\s]{{0,3}}(?P<k>\d{{1,4}})\W{{0,3}}$",
            r"^[-–—]\s?(?P<k>\d{1,4})\s?[-–—]$",
        )
    )  # fmt: skip


def place_of(lines: Iterable[str]) -> Place | None:
    """Of the lines at a page's edges; what tells how many there are first."""
    found = [place for line in lines if (place := _of_line(ascii_digits(line).strip())) is not None]
    return next((place for place in found if place.of is not None), found[0] if found else None)


def _of_line(line: str) -> Place | None:
    for pattern in _patterns():
        match = pattern.search(line)
        if match is None:
            continue
        number, of = int(match["k"]), match.groupdict().get("n")
        count = int(of) if of is not None else None
        if 0 < number <= (_MOST if count is None else min(count, _MOST)):
            return Place(number, count)
    return None
