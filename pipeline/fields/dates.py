"""Printed dates: where they stand in a text and every calendar day each can mean."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import Locale

from pipeline.fields.folding import ascii_digits, fold
from pipeline.fields.shapes import Reading
from pipeline.fields.wordlists import words

_ERAS = {
    "令和": 2018,
    "平成": 1988,
    "昭和": 1925,
    "民國": 1911,
    "民国": 1911,
    "R": 2018,
    "H": 1988,
    "S": 1925,
}
_PIVOT = 70  # two-digit years below are 20xx
_SEP = r"\s?[./\-]\s?"
_YEAR = r"(?:19|20|25)\d\d"
# A time glued to the year happens where a reader loses the space: 25/12/201808:13.
_END = r"(?!\d)"
_GLUED_END = r"(?=\d{1,2}:\d\d|\D|$)"
_NUMERIC = re.compile(
    rf"(?<![\d./\-])(\d{{1,2}})({_SEP})(\d{{1,2}})\s?[./\-]\s?({_YEAR}{_GLUED_END}|\d\d(?:{_END}|(?=\d\d:\d\d)))"
)
_ISO = re.compile(rf"(?<![\d])({_YEAR}){_SEP}(\d{{1,2}}){_SEP}(\d{{1,2}})(?:{_END}|(?=T))")
_COMPACT = re.compile(rf"(?<!\d)({_YEAR})([01]\d)([0-3]\d){_END}")
# A reader that drops one slash leaves 2703/2018.
_RUN_IN = re.compile(rf"(?<![\d./\-])([0-3]\d)([./\-]?)([01]\d)[./\-]({_YEAR}){_END}")
_EAST = re.compile(
    r"(令和|平成|昭和|民國|民国)?\s?(\d{1,4}|元)\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]"
)
_DAY_NAME = re.compile(
    rf"(?<![\w])(\d{{1,2}})(?:st|nd|rd|th|er|\.|º|ª)?\s?(?:de\s|of\s|[-/.,]\s?)?([^\W\d_]{{3,12}})\.?\s?"
    rf"(?:de\s|del\s|[-/.,'])?\s?({_YEAR}{_GLUED_END}|'?\d\d{_END})"
)
_NAME_DAY = re.compile(
    rf"(?<![\w])([^\W\d_]{{3,12}})\.?\s?[-/]?\s?(\d{{1,2}})(?:st|nd|rd|th)?\s?[,.\-/]?\s{{0,2}}({_YEAR}){_GLUED_END}"
)
_YEAR_NAME = re.compile(rf"(?<!\d)({_YEAR})[-/. ]\s?([^\W\d_]{{3,12}})[-/. ]\s?(\d{{1,2}}){_END}")


@dataclass(frozen=True, slots=True)
class Day:
    """A printed date: its extent and its readings (two for 03/04/2024, each naming the order it presumes)."""

    start: int
    end: int
    raw: str
    readings: tuple[Reading, ...]


@lru_cache(maxsize=1)
def month_names() -> dict[str, tuple[int, ...]]:
    """Folded names and abbreviations in common languages; a few name different months in two of them."""
    names: dict[str, list[int]] = {"sept": [9], "juin": [6], "juil": [7], "mrz": [3], "mac": [3], "ogos": [8]}
    for code in words("month_locales"):
        months = Locale.parse(code).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    known = names.setdefault(fold(str(name)), [])
                    if number not in known:
                        known.append(number)
    return {name: tuple(numbers) for name, numbers in names.items() if name and not name.isdigit()}


def dates_in(text: str) -> Iterator[Day]:
    """Every date of a line, left to right; overlapping finds yield the longest."""
    plain = ascii_digits(text)
    if not any(char.isdigit() for char in plain):
        return
    found = sorted(_all(plain), key=lambda day: (day[0], -day[1]))
    end = -1
    for start, stop, readings in found:
        if start >= end:
            end = stop
            yield Day(start, stop, text[start:stop], readings)


def _all(plain: str) -> Iterator[tuple[int, int, tuple[Reading, ...]]]:
    for pattern, read in _FORMS:
        for match in pattern.finditer(plain):
            readings = read(match)
            if readings:
                yield match.start(), match.end(), readings


def _year(text: str) -> int:
    text = text.lstrip("'")
    number = int(text)
    if len(text) == 2:
        return number + (2000 if number < _PIVOT else 1900)
    return number - 543 if number >= 2400 else number  # the Thai calendar


def _reading(year: int, month: int, day: int, convention: str | None = None) -> Reading | None:
    try:
        return Reading(value=date(year, month, day).isoformat(), convention=convention)
    except ValueError:
        return None


def _some(*readings: Reading | None) -> tuple[Reading, ...]:
    return tuple(reading for reading in readings if reading is not None)


def _numeric(match: re.Match[str]) -> tuple[Reading, ...]:
    first, second, year = int(match.group(1)), int(match.group(3)), _year(match.group(4))
    if first == second:
        return _some(_reading(year, second, first))
    day_first = _reading(year, second, first, "dmy")
    if "." in match.group(2):
        return _some(day_first)  # nobody writes 12.31.2024
    both = _some(day_first, _reading(year, first, second, "mdy"))
    if not both and len(match.group(4)) == 2:
        return _some(_reading(_year(match.group(1)), second, int(match.group(4)), "ymd"))
    return both


def _iso(match: re.Match[str]) -> tuple[Reading, ...]:
    return _some(_reading(_year(match.group(1)), int(match.group(2)), int(match.group(3))))


def _east(match: re.Match[str]) -> tuple[Reading, ...]:
    era, year, month, day = match.groups()
    number = 1 if year == "元" else int(year)
    if era:
        number += _ERAS[era]
    elif len(year) == 3:
        number += _ERAS["民國"]  # 113年: years of the Republic of China have come to three digits
    elif number < 100:
        number += 2000
    return _some(_reading(number, int(month), int(day)))


def _named(name: str, year: str, day: str) -> tuple[Reading, ...]:
    months = month_names().get(fold(name), ())
    return _some(*(_reading(_year(year), month, int(day)) for month in months))


_FORMS = (
    (_EAST, _east),
    (_ISO, _iso),
    (_NUMERIC, _numeric),
    (_RUN_IN, _numeric),
    (_COMPACT, _iso),
    (_DAY_NAME, lambda m: _named(m.group(2), m.group(3), m.group(1))),
    (_NAME_DAY, lambda m: _named(m.group(1), m.group(3), m.group(2))),
    (_YEAR_NAME, lambda m: _named(m.group(2), m.group(1), m.group(3))),
)


def day_of(text: str) -> tuple[Reading, ...]:
    """Readings of a text that should be nothing but a date."""
    for day in dates_in(text):
        return day.readings
    return ()
