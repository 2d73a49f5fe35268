"""Reads a stretch of text as the value of a leaf, by the leaf's type and kind."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pipeline.fields.currencies import amounts_in, currencies_in, iso_codes
from pipeline.fields.dates import dates_in
from pipeline.fields.folding import ascii_digits, fold, key, within_one_edit
from pipeline.fields.numbers import numbers_in
from pipeline.fields.shapes import Kind, Leaf, Reading
from pipeline.fields.wordlists import table
from pipeline.user_schema import validator
from schemas.field import FieldType


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value in a text: its extent, how it can be read, and how much it looks like one (0..1)."""

    start: int
    end: int
    readings: tuple[Reading, ...]
    quality: float = 1.0


def parse(leaf: Leaf, text: str) -> list[Parsed]:
    """Values of the leaf's type in a text, left to right; empty when nothing there is of that type."""
    found = [p for p in _READERS[_reader(leaf)](leaf, text) if p.readings]
    if leaf.pattern is not None:
        found = [replace(p, readings=kept) for p in found if (kept := _matching(leaf, p.readings))]
    return found


def _reader(leaf: Leaf) -> str:
    return leaf.kind.value if leaf.type is FieldType.TEXT and leaf.kind is not Kind.PLAIN else leaf.type.value


@lru_cache(maxsize=64)
def linear_pattern(pattern: str) -> Callable[[str], bool]:
    """The pattern as a test in linear time; it came in a schema that was checked for that."""
    return validator({"type": "string", "pattern": pattern}).is_valid


def _matching(leaf: Leaf, readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    if not leaf.json_types <= {"string"}:
        return readings
    matches = linear_pattern(leaf.pattern or "")
    return tuple(r for r in readings if matches(str(r.value)))


def _money(leaf: Leaf, text: str) -> Iterator[Parsed]:
    for amount in amounts_in(text):
        decimals = len((amount.readings[0].decimal or "").partition(".")[2])
        shape = 1.0 if decimals == 2 else 0.9 if amount.currencies else 0.75 if decimals == 0 else 0.6
        readings = tuple(_with_type(leaf, r) for r in amount.readings)
        yield Parsed(amount.start, amount.end, readings, shape)


def _with_type(leaf: Leaf, reading: Reading) -> Reading:
    """Decimal as the JSON type the schema asks for; ``decimal`` keeps every digit."""
    assert isinstance(reading.value, Decimal)
    return replace(reading, value=json_number(reading.value, leaf))


def json_number(value: Decimal, leaf: Leaf) -> Any:
    if leaf.json_types and leaf.json_types <= {"string"}:
        return format(value, "f")
    if leaf.type is FieldType.INTEGER or (
        leaf.json_types and "number" not in leaf.json_types and "integer" in leaf.json_types
    ):
        return int(value) if value == value.to_integral_value() else float(value)
    return float(value) if value != value.to_integral_value() or "." in format(value, "f") else int(value)


def _number(leaf: Leaf, text: str) -> Iterator[Parsed]:
    plain = ascii_digits(text)
    for number in numbers_in(text):
        after = plain[number.end :]
        percent = after.lstrip()[:1] == "%"
        if leaf.kind is Kind.PERCENT and not percent and (after[:1] in "/:" and after[:1]):
            continue
        end = number.end + (
            len(after) - len(after.lstrip()) + 1 if percent and leaf.kind is Kind.PERCENT else 0
        )
        readings = tuple(_with_type(leaf, r) for r in number.readings)
        yield Parsed(number.start, end, readings, 1.0 if percent or leaf.kind is not Kind.PERCENT else 0.8)


def _integer(leaf: Leaf, text: str) -> Iterator[Parsed]:
    for parsed in _number(leaf, text):
        whole = tuple(
            r for r in parsed.readings if isinstance(r.value, (int, str)) or float(r.value).is_integer()
        )
        if whole:
            readings = tuple(
                replace(r, value=r.value if isinstance(r.value, str) else int(r.value)) for r in whole
            )
            yield replace(parsed, readings=readings)


def _date(leaf: Leaf, text: str) -> Iterator[Parsed]:
    del leaf
    for day in dates_in(text):
        yield Parsed(day.start, day.end, day.readings)


_YES = frozenset(
    map(
        key,
        [
            "yes",
            "y",
            "true",
            "x",
            "on",
            "checked",
            "ja",
            "wahr",
            "oui",
            "si",
            "sí",
            "sim",
            "tak",
            "да",
            "はい",
            "是",
            "예",
            "evet",
            "有",
            "ya",
        ],
    )
)
_NO = frozenset(
    map(
        key,
        [
            "no",
            "n",
            "false",
            "off",
            "unchecked",
            "nein",
            "falsch",
            "non",
            "não",
            "nao",
            "nee",
            "nie",
            "нет",
            "いいえ",
            "否",
            "아니오",
            "hayır",
            "無",
            "tidak",
        ],
    )
)
_MARKED, _UNMARKED = frozenset("☑☒✓✔✗✘■●◉"), frozenset("☐□○◯")
_BRACKETS = re.compile(r"[\[(]\s?([xX✓✔]?)\s?[\])]")


def _boolean(leaf: Leaf, text: str) -> Iterator[Parsed]:
    del leaf
    for at, char in enumerate(text):
        if char in _MARKED or char in _UNMARKED:
            yield Parsed(at, at + 1, (Reading(char in _MARKED),))
    for box in _BRACKETS.finditer(text):
        yield Parsed(box.start(), box.end(), (Reading(bool(box.group(1))),))
    for word in re.finditer(r"[^\W_]+", text):
        folded = key(word.group())
        if folded in _YES or folded in _NO:
            yield Parsed(word.start(), word.end(), (Reading(folded in _YES),), 0.9)


def _enum(leaf: Leaf, text: str) -> Iterator[Parsed]:
    words = [(m.start(), m.end()) for m in re.finditer(r"[^\W_]+", text)][:60]
    options = [(key(str(option)), option) for option in leaf.enum]
    for first, (start, _) in enumerate(words):
        best: Parsed | None = None
        for _, end in words[first : first + 6]:
            stretch = key(text[start:end])
            for folded, option in options:
                same = stretch == folded
                if same or (len(folded) >= 6 and within_one_edit(stretch, folded)):
                    best = Parsed(start, end, (Reading(option),), 1.0 if same else 0.85)
        if best:
            yield best


_CODE = re.compile(r"[^\W_][\w./\-#*]{0,39}")
_FILLER = re.compile(r"^[\s:#.°º№\-]*(?:(?:no|nr|num|number|id)\b[\s.:#]*)?", re.IGNORECASE)


def _identifier(leaf: Leaf, text: str) -> Iterator[Parsed]:
    """Codes: tokens with a digit. A few short neighbours of digits belong together (``DE 232 446 240``)."""
    del leaf
    days = [(day.start, day.end) for day in dates_in(text)]
    for found in _CODE.finditer(text):
        raw = found.group().rstrip(".-/#")
        if not any(char.isdigit() for char in raw):
            continue
        inside = any(start <= found.start() < end for start, end in days)
        digits = sum(char.isdigit() for char in raw)
        quality = 0.2 if inside else 1.0 if len(raw) >= 4 else 0.75 if len(raw) >= 2 else 0.5
        if re.fullmatch(r"\d{1,6}[.,]\d{2}", raw) or text[found.end() :].lstrip()[:1] == "%":
            quality *= 0.3  # a price or a rate
        if digits * 4 < len(raw):
            quality *= 0.8
        yield Parsed(found.start(), found.start() + len(raw), (Reading(raw),), quality)


_EMAIL = re.compile(r"[\w.+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4}")
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>()]{3,200}|(?<![@\w.])[a-z0-9\-]{2,40}\.(?:com|de|fr|nl|net|org|eu|co\.uk|it|es|io|at|ch|be|my|jp)(?:/[^\s]{0,100})?(?![\w@])",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:\s?[A-Z0-9*]{4}){2,7}(?:\s?[A-Z0-9*]{1,4})?(?![A-Za-z0-9])"
)
_VAT = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Z]{2,3}[\s\-]?)?(?:[A-Z0-9]{0,2}\d[\dA-Z]*(?:[\s.\-]\d{2,6}){0,4})(?:[A-Z]\d{0,2})?(?![A-Za-z0-9])"
)
_PHONE = re.compile(r"(?<![\w])\+?\(?\d[\d\s()/.\-]{4,22}\d(?![\w])")
_TIME = re.compile(
    r"(?<![\d:])([01]?\d|2[0-3])[:.h]([0-5]\d)(?:[:.]([0-5]\d))?(?:\s?([AaPp])\.?[Mm]\.?)?(?![\d:])"
)


def _by(pattern: re.Pattern[str], quality: float = 1.0) -> Callable[[Leaf, str], Iterator[Parsed]]:
    def read(leaf: Leaf, text: str) -> Iterator[Parsed]:
        del leaf
        for found in pattern.finditer(text):
            raw = found.group().strip(" .,;")
            yield Parsed(found.start(), found.start() + len(raw), (Reading(raw),), quality)

    return read


def _vat_id(leaf: Leaf, text: str) -> Iterator[Parsed]:
    for parsed in _by(_VAT)(leaf, text):
        if sum(char.isdigit() for char in text[parsed.start : parsed.end]) >= 5:
            yield parsed


def _time(leaf: Leaf, text: str) -> Iterator[Parsed]:
    del leaf
    for found in _TIME.finditer(ascii_digits(text)):
        hour, minute, second, half = found.groups()
        number = int(hour)
        if half:
            number = number % 12 + (12 if half in "Pp" else 0)
        value = f"{number:02d}:{minute}:{second or '00'}"
        yield Parsed(found.start(), found.end(), (Reading(value),))


def _currency(leaf: Leaf, text: str) -> Iterator[Parsed]:
    del leaf
    for start, end, codes in currencies_in(text):
        yield Parsed(start, end, tuple(Reading(code, convention="|".join(codes)) for code in codes[:1]))
    folded = fold(text)
    names = table("currency_names")
    if folded in names:
        yield Parsed(0, len(text), (Reading(names[folded]),))
    elif text.strip().upper() in iso_codes():
        yield Parsed(0, len(text), (Reading(text.strip().upper()),))


_EDGES = " \t:;,.=|_-–—*•#"


def _text(leaf: Leaf, text: str) -> Iterator[Parsed]:
    """The whole text without punctuation at its ends; something must be legible in it."""
    del leaf
    start, end = 0, len(text)
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in " \t:;,|=_*":
        end -= 1
    if any(char.isalnum() for char in text[start:end]):
        yield Parsed(start, end, (Reading(text[start:end]),), 0.9)


_READERS: dict[str, Callable[[Leaf, str], Iterator[Parsed]]] = {
    FieldType.MONEY.value: _money,
    FieldType.NUMBER.value: _number,
    FieldType.INTEGER.value: _integer,
    FieldType.DATE.value: _date,
    FieldType.BOOLEAN.value: _boolean,
    FieldType.ENUM.value: _enum,
    FieldType.TEXT.value: _text,
    Kind.IDENTIFIER.value: _identifier,
    Kind.CURRENCY.value: _currency,
    Kind.ORGANISATION.value: _text,
    Kind.ADDRESS.value: _text,
    Kind.EMAIL.value: _by(_EMAIL),
    Kind.PHONE.value: _by(_PHONE),
    Kind.URL.value: _by(_URL),
    Kind.IBAN.value: _by(_IBAN),
    Kind.VAT_ID.value: _vat_id,
    Kind.PERCENT.value: _number,
    Kind.TIME.value: _time,
}
