"""Currencies: signs and ISO 4217 codes, amounts with the currency printed beside them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from babel.core import get_global

from pipeline.fields.folding import ascii_digits
from pipeline.fields.numbers import Number, numbers_in
from pipeline.fields.shapes import Reading

# A sign that several countries share stands for the first unless the page's country says otherwise.
SIGNS: dict[str, tuple[str, ...]] = {
    "€": ("EUR",), "£": ("GBP", "EGP"), "$": ("USD", "CAD", "AUD", "SGD", "HKD", "NZD", "MXN"),
    "¥": ("JPY", "CNY"), "円": ("JPY",), "元": ("CNY",), "₩": ("KRW",), "원": ("KRW",), "₹": ("INR",),
    "Rs": ("INR", "PKR", "LKR"), "Rs.": ("INR", "PKR", "LKR"), "₽": ("RUB",), "руб": ("RUB",), "руб.": ("RUB",),
    "₺": ("TRY",), "TL": ("TRY",), "₫": ("VND",), "đ": ("VND",), "฿": ("THB",), "₱": ("PHP",), "₪": ("ILS",),
    "₴": ("UAH",), "грн": ("UAH",), "RM": ("MYR",), "Rp": ("IDR",), "R$": ("BRL",), "US$": ("USD",),
    "S$": ("SGD",), "A$": ("AUD",), "AU$": ("AUD",), "C$": ("CAD",), "CA$": ("CAD",), "HK$": ("HKD",),
    "NT$": ("TWD",), "NZ$": ("NZD",), "kr": ("SEK", "NOK", "DKK"), "kr.": ("DKK", "SEK", "NOK"), "zł": ("PLN",),
    "Kč": ("CZK",), "Ft": ("HUF",), "lei": ("RON",), "лв": ("BGN",), "Fr.": ("CHF",), "SFr.": ("CHF",),
    "د.إ": ("AED",), "ر.س": ("SAR",), "Euro": ("EUR",), "euro": ("EUR",), "Euros": ("EUR",), "euros": ("EUR",),
}  # fmt: skip
NAMES = {
    "us dollar": "USD", "us dollars": "USD", "euro": "EUR", "euros": "EUR", "pound sterling": "GBP",
    "pounds sterling": "GBP", "swiss franc": "CHF", "swiss francs": "CHF", "schweizer franken": "CHF",
    "ringgit": "MYR", "ringgit malaysia": "MYR", "japanese yen": "JPY", "yen": "JPY", "renminbi": "CNY",
    "indian rupees": "INR", "rupees": "INR", "zloty": "PLN", "australian dollars": "AUD",
    "canadian dollars": "CAD", "singapore dollars": "SGD", "hong kong dollars": "HKD",
}  # fmt: skip
COUNTRY = {
    "US": "USD", "GB": "GBP", "MY": "MYR", "SG": "SGD", "AU": "AUD", "CA": "CAD", "NZ": "NZD", "HK": "HKD",
    "CH": "CHF", "JP": "JPY", "CN": "CNY", "IN": "INR", "SE": "SEK", "NO": "NOK", "DK": "DKK", "PL": "PLN",
    "CZ": "CZK", "KR": "KRW", "BR": "BRL", "MX": "MXN", "TW": "TWD", "DE": "EUR", "FR": "EUR", "NL": "EUR",
    "IT": "EUR", "ES": "EUR", "AT": "EUR", "BE": "EUR", "PT": "EUR", "IE": "EUR", "FI": "EUR", "LU": "EUR",
}  # fmt: skip
# Codes that are also words in capitals: they count only right beside a number.
_ALSO_WORDS = frozenset(
    {"ALL", "TOP", "TRY", "MOP", "PEN", "GEL", "CUP", "MAD", "SOS", "LAK", "STD", "BAM", "BOB", "COP"}
)
# Three decimals are usual here, so 1.234 in these is not a thousand.
THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
NO_DECIMALS = frozenset({"JPY", "KRW", "VND", "IDR", "CLP", "ISK", "HUF"})
_SIGN_PATTERN = "|".join(sorted((re.escape(sign) for sign in SIGNS), key=len, reverse=True))
_BEFORE = re.compile(rf"(?:^|(?<=[^A-Za-z]))({_SIGN_PATTERN}|[A-Z]{{3}})\s?[-+(]?\s?$")
_AFTER = re.compile(rf"^\s?({_SIGN_PATTERN}|[A-Z]{{3}})(?![A-Za-z])")
_ANYWHERE = re.compile(rf"(?:(?<![A-Za-z])|(?<=\d))({_SIGN_PATTERN}|[A-Z]{{3}})(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that may be money, the currencies its sign can stand for, and its extent with the sign."""

    start: int
    end: int
    raw: str
    readings: tuple[Reading, ...]
    currencies: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def iso_codes() -> frozenset[str]:
    return frozenset(get_global("all_currencies"))


def currencies_of(sign: str, *, beside_number: bool = True) -> tuple[str, ...]:
    if sign in SIGNS:
        return SIGNS[sign]
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
    return (
        after.lstrip()[:1] == "%"
        or (before[-1:] in "/:#" and before[-1:] != "" and before[-2:-1].isdigit())
        or (after[:1] in "/:" and after[1:2].isdigit())
        or (after[:1] == "-" and after[1:2].isalnum())
        or (before[-1:] == "-" and before[-2:-1].isalnum())
    )


def _amount(text: str, plain: str, number: Number) -> Amount:
    start, end = number.start, number.end
    currencies: tuple[str, ...] = ()
    before = _BEFORE.search(plain[max(0, start - 8) : start])
    if before:
        currencies = currencies_of(before.group(1))
        if currencies:
            start = max(0, start - 8) + before.start(1)
            if start and plain[start - 1] == "-":
                start -= 1
    after = _AFTER.match(plain[end : end + 8])
    if not currencies and after:
        currencies = currencies_of(after.group(1))
        if currencies:
            end += after.end()
    readings = tuple(_money(reading, currencies) for reading in _money_first(number.readings, currencies))
    return Amount(start, end, text[start:end], readings, currencies)


def _money_first(readings: tuple[Reading, ...], currencies: tuple[str, ...]) -> tuple[Reading, ...]:
    if len(readings) > 1 and currencies and currencies[0] in THREE_DECIMALS:
        return tuple(reversed(readings))
    if len(readings) > 1 and currencies and currencies[0] in NO_DECIMALS:
        return readings[:1]
    return readings


def _money(reading: Reading, currencies: tuple[str, ...]) -> Reading:
    return replace(reading, currency="|".join(currencies) or None)


def currencies_in(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Signs and codes anywhere in a text: extent and what they can stand for."""
    for found in _ANYWHERE.finditer(text):
        codes = currencies_of(found.group(1), beside_number=False)
        if codes:
            yield found.start(1), found.end(1), codes
