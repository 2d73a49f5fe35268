"""Currencies: signs and ISO 4217 codes, amounts with the currency printed beside them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from babel.core import get_global

from pipeline.fields.folding import ascii_digits
from pipeline.fields.numbers import Number, numbers_in
from pipeline.fields.shapes import Reading
from pipeline.fields.wordlists import table

# Codes that are also words in capitals: they count only right beside a number.
_ALSO_WORDS = frozenset(
    {"ALL", "TOP", "TRY", "MOP", "PEN", "GEL", "CUP", "MAD", "SOS", "LAK", "STD", "BAM", "BOB", "COP"}
)
# Three decimals are usual here, so 1.234 in these is not a thousand.
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_LONGEST_UNMARKED = 9  # digits: longer runs without a mark are codes
_NO_DECIMALS = frozenset({"JPY", "KRW", "VND", "IDR", "CLP", "ISK", "HUF"})


@lru_cache(maxsize=1)
def _signs() -> dict[str, list[str]]:
    """A sign that several countries share stands for the first unless the page's country says otherwise."""
    return table("currency_signs")


@lru_cache(maxsize=3)
def _pattern(place: str) -> re.Pattern[str]:
    signs = "|".join(sorted((re.escape(sign) for sign in _signs()), key=len, reverse=True))
    return re.compile(
        {
            "before": rf"(?:^|(?<=[^A-Za-z]))({signs}|[A-Z]{{3}})\s?[-+(]?\s?$",
            "after": rf"^\s?({signs}|[A-Z]{{3}})(?![A-Za-z])",
            "anywhere": rf"(?:(?<![A-Za-z])|(?<=\d))({signs}|[A-Z]{{3}})(?![A-Za-z])",
        }[place]
    )


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that may be money, its extent, and the extent together with its sign of currency."""

    start: int
    end: int
    raw: str
    readings: tuple[Reading, ...]
    outer: tuple[int, int]


@lru_cache(maxsize=1)
def iso_codes() -> frozenset[str]:
    return frozenset(get_global("all_currencies"))


def currencies_of(sign: str, *, beside_number: bool = True) -> tuple[str, ...]:
    if sign in _signs():
        return tuple(_signs()[sign])
    if sign in iso_codes() and (beside_number or sign not in _ALSO_WORDS):
        return (sign,)
    return ()


def amounts_in(text: str) -> Iterator[Amount]:
    """Numbers of a line as money; percentages, dates and times are not amounts."""
    plain = ascii_digits(text)
    for number in numbers_in(text):
        if _part_of_something(plain, number):
            continue
        yield _amount(text, plain, number)


def _part_of_something(plain: str, number: Number) -> bool:
    before, after = plain[: number.start], plain[number.end :]
    digits = number.raw.lstrip("-(")
    return (
        after.lstrip()[:1] == "%"
        or (digits.isdigit() and (len(digits) > _LONGEST_UNMARKED or digits.startswith("00")))
        or (before[-1:] in "/:#" and before[-1:] != "" and before[-2:-1].isdigit())
        or (after[:1] in "/:" and after[1:2].isdigit())
        or (after[:1] == "-" and after[1:2].isalnum())
        or (before[-1:] == "-" and before[-2:-1].isalnum())
    )


def _amount(text: str, plain: str, number: Number) -> Amount:
    start, end = number.start, number.end
    outer = (start, end)
    codes: tuple[str, ...] = ()
    before = _pattern("before").search(plain[max(0, start - 8) : start])
    after = _pattern("after").match(plain[end : end + 8])
    if before and (codes := currencies_of(before.group(1))):
        first = max(0, start - 8) + before.start(1)
        minus = first > 0 and plain[first - 1] == "-"
        outer = (first - minus, end)
        if minus:
            start = first - 1  # the number alone would have lost its sign: -RM 0.02
    elif after and (codes := currencies_of(after.group(1))):
        outer = (start, end + after.end())
    if plain[outer[0] - 1 : outer[0]] == "(" and plain[outer[1] : outer[1] + 1] == ")":
        outer = (outer[0] - 1, outer[1] + 1)  # which may be all there is of its sign
    readings = tuple(_money(reading, codes) for reading in _money_first(number.readings, codes))
    return Amount(start, end, text[start:end], readings, outer)


def _money_first(readings: tuple[Reading, ...], currencies: tuple[str, ...]) -> tuple[Reading, ...]:
    if len(readings) > 1 and currencies and currencies[0] in _THREE_DECIMALS:
        return tuple(reversed(readings))
    if len(readings) > 1 and currencies and currencies[0] in _NO_DECIMALS:
        return readings[:1]
    return readings


def _money(reading: Reading, currencies: tuple[str, ...]) -> Reading:
    return replace(reading, currency="|".join(currencies) or None)


def currencies_in(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Signs and codes anywhere in a text: extent and what they can stand for."""
    for found in _pattern("anywhere").finditer(text):
        codes = currencies_of(found.group(1), beside_number=False)
        if codes:
            yield found.start(1), found.end(1), codes


def in_currency_of(readings: tuple[Reading, ...], words: str) -> tuple[Reading, ...]:
    """The readings in the currency that a label or header names, unless they name one themselves."""
    codes = next((codes for _, _, codes in currencies_in(words)), None)
    if codes is None or any(reading.currency for reading in readings):
        return readings
    return tuple(replace(reading, currency="|".join(codes)) for reading in readings)
