"""Texts of a known form: codes, mail and web addresses, telephone numbers, IBANs, tax numbers, times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.fields.dates import dates_in
from pipeline.fields.folding import ascii_digits

_CODE = re.compile(r"[^\W_][\w./\-#*]{0,39}")
_CAPITALS = re.compile(r"\W{0,3}([A-Z][A-Z\-/]{2,20})\W{0,3}")
_PRICE = re.compile(r"\d{1,6}[.,]\d{2}")
_EMAIL = re.compile(r"[\w.+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4}")
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>()]{3,200}"
    r"|(?<![@\w.])[a-z0-9\-]{2,40}\.(?:com|org|net|eu|io|co\.uk|de|at|ch|fr|nl|be|it|es|my|jp)"
    r"(?:/[^\s]{0,100})?(?![\w@])",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:\s?[A-Z0-9*]{4}){2,7}(?:\s?[A-Z0-9*]{1,4})?(?![A-Za-z0-9])"
)
_VAT_ID = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{2,3}[\s\-]?)?[A-Z0-9]{0,2}\d[\dA-Z]{0,14}(?:[\s.\-]\d{2,6}){0,4}(?:[A-Z]\d{0,2})?(?![A-Za-z0-9])"
)
_FEWEST_TAX_DIGITS = 5
_PHONE = re.compile(r"(?<!\w)\+?\(?\d[\d\s()/.\-]{4,22}\d(?!\w)")
_TIME = re.compile(
    r"(?<![\d:])([01]?\d|2[0-3])[:.h]([0-5]\d)(?:[:.]([0-5]\d))?(?:\s?([AaPp])\.?[Mm]\.?)?(?![\d:])"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A text of the form, where it stands, and how much it looks like one (0..1)."""

    start: int
    end: int
    value: str
    quality: float = 1.0


def identifiers(text: str) -> Iterator[Found]:
    """Codes: words with a digit in them, or one word in capitals that stands alone."""
    days = [(day.start, day.end) for day in dates_in(text)]
    found_any = False
    for found in _CODE.finditer(text):
        raw = found.group().rstrip(".-/#")
        digits = sum(char.isdigit() for char in raw)
        if not digits:
            continue
        found_any = True
        quality = 1.0 if len(raw) >= 4 else 0.75 if len(raw) >= 2 else 0.5
        if any(start <= found.start() < end for start, end in days):
            quality = 0.2
        if _PRICE.fullmatch(raw) or text[found.end() :].lstrip()[:1] == "%":
            quality *= 0.3
        if digits * 4 < len(raw):
            quality *= 0.8
        yield Found(found.start(), found.start() + len(raw), raw, quality)
    alone = _CAPITALS.fullmatch(text)
    if alone and not found_any:
        yield Found(alone.start(1), alone.end(1), alone.group(1), 0.6)


def emails(text: str) -> Iterator[Found]:
    return _plain(_EMAIL, text)


def urls(text: str) -> Iterator[Found]:
    return _plain(_URL, text)


def phones(text: str) -> Iterator[Found]:
    return _plain(_PHONE, text)


def _plain(pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    for found in pattern.finditer(text):
        raw = found.group().strip(" .,;")
        yield Found(found.start(), found.start() + len(raw), raw)


def vat_ids(text: str) -> Iterator[Found]:
    for found in _plain(_VAT_ID, text):
        if sum(char.isdigit() for char in found.value) >= _FEWEST_TAX_DIGITS:
            yield found


def ibans(text: str) -> Iterator[Found]:
    """A wrong checksum is a misread digit at best; masked account numbers have none."""
    for found in _plain(_IBAN, text):
        sound = "*" in found.value or _checksum("".join(found.value.split())) == 1
        yield Found(found.start, found.end, found.value, 1.0 if sound else 0.45)


def _checksum(iban: str) -> int:
    """ISO 13616: letters as 10..35, the first four characters last, modulo 97."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97


def times(text: str) -> Iterator[Found]:
    """A time of day with dots is none where it is part of a date: 20.07.2016 is not seven past eight."""
    days = [(day.start, day.end) for day in dates_in(text)]
    for found in _TIME.finditer(ascii_digits(text)):
        hour, minute, second, half = found.groups()
        dotted = ":" not in found[0] and "h" not in found[0]
        if dotted and any(start < found.end() and found.start() < end for start, end in days):
            continue
        number = int(hour)
        if half:
            number = number % 12 + (12 if half in "Pp" else 0)
        yield Found(found.start(), found.end(), f"{number:02d}:{minute}:{second or '00'}")
