"""Reads a stretch of text as the value of a leaf, by the leaf's type and kind."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pipeline.fields import texts
from pipeline.fields.currencies import amounts_in, currencies_in, iso_codes
from pipeline.fields.dates import dates_in
from pipeline.fields.folding import ascii_digits, fold, key, within_edits
from pipeline.fields.numbers import numbers_in
from pipeline.fields.shapes import Kind, Leaf, Reading
from pipeline.fields.wordlists import keys, table
from pipeline.user_schema import validator
from schemas.field import FieldType


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value in a text: its extent, how it can be read, and how much it looks like one (0..1)."""

    start: int
    end: int
    readings: tuple[Reading, ...]
    quality: float = 1.0
    outer: tuple[int, int] | None = None
    """Extent with the sign of currency, for quoting."""


def parse(leaf: Leaf, text: str) -> list[Parsed]:
    """Values of the leaf's type in a text, left to right; empty when nothing there is of that type."""
    found = [p for p in _READERS[_reader(leaf)](leaf, text) if p.readings]
    if leaf.pattern is not None:
        found = [replace(p, readings=kept) for p in found if (kept := _matching(leaf, p, text))]
    return found


def _reader(leaf: Leaf) -> str:
    return leaf.kind.value if leaf.type is FieldType.TEXT and leaf.kind is not Kind.PLAIN else leaf.type.value


@lru_cache(maxsize=64)
def linear_pattern(pattern: str) -> Callable[[str], bool]:
    """The pattern as a test in linear time; it came in a schema that was checked for that."""
    return validator({"type": "string", "pattern": pattern}).is_valid


def _matching(leaf: Leaf, parsed: Parsed, text: str) -> tuple[Reading, ...]:
    """The readings that match the pattern; the text as printed where only that does (``14/03/2024``)."""
    if not leaf.json_types <= {"string"}:
        return parsed.readings
    matches = linear_pattern(leaf.pattern or "")
    raw = text[parsed.start : parsed.end]
    kept = tuple(reading for reading in parsed.readings if matches(str(reading.value)))
    return kept or ((Reading(raw),) if matches(raw) else ())


def _money(leaf: Leaf, text: str) -> Iterator[Parsed]:
    for amount in amounts_in(text):
        decimals = len((amount.readings[0].decimal or "").partition(".")[2])
        signed = amount.readings[0].currency is not None
        shape = 1.0 if decimals == 2 else 0.9 if signed else 0.75 if decimals == 0 else 0.6
        readings = tuple(_with_type(leaf, reading) for reading in amount.readings)
        yield Parsed(amount.start, amount.end, readings, shape, amount.outer)


def _with_type(leaf: Leaf, reading: Reading) -> Reading:
    """Decimal as the JSON type the schema asks for; ``decimal`` keeps every digit."""
    assert isinstance(reading.value, Decimal)
    return replace(reading, value=json_number(reading.value, leaf))


MOST_INTEGER = 2**63 - 1
"""Larger whole numbers are no integers to most readers of JSON, and to no database."""


def json_number(value: Decimal, leaf: Leaf) -> Any:
    """As the schema wants it; whole numbers beyond 64 bits as a double, while ``decimal`` has all digits."""
    if leaf.json_types and leaf.json_types <= {"string"}:
        return format(value, "f")
    if leaf.type is FieldType.INTEGER or (
        leaf.json_types and "number" not in leaf.json_types and "integer" in leaf.json_types
    ):
        return int(value) if _whole(value) else float(value)
    return int(value) if _whole(value) and "." not in format(value, "f") else float(value)


def _whole(value: Decimal | float) -> bool:
    return -MOST_INTEGER <= value <= MOST_INTEGER and value == int(value)


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
        whole = tuple(r for r in parsed.readings if isinstance(r.value, (int, str)) or _whole(float(r.value)))
        if whole:
            readings = tuple(
                replace(r, value=r.value if isinstance(r.value, str) else int(r.value)) for r in whole
            )
            yield replace(parsed, readings=readings)


def _date(leaf: Leaf, text: str) -> Iterator[Parsed]:
    del leaf
    for day in dates_in(text):
        yield Parsed(day.start, day.end, day.readings)


_MARKED, _UNMARKED = frozenset("☑☒✓✔✗✘■●◉"), frozenset("☐□○◯")
_WORD = re.compile(r"[^\W_]+")
_BRACKETS = re.compile(r"[\[(]\s?([xX✓✔]?)\s?[\])]")


_Box = tuple[int, int, bool]
"""Extent of a check box, and whether it is ticked."""


def _boxes(text: str) -> list[_Box]:
    signs = [(at, at + 1, char in _MARKED) for at, char in enumerate(text) if char in _MARKED | _UNMARKED]
    return sorted([*signs, *((m.start(), m.end(), bool(m.group(1))) for m in _BRACKETS.finditer(text))])


def _boolean(leaf: Leaf, text: str) -> Iterator[Parsed]:
    del leaf
    boxes = _boxes(text)
    words = [
        (word.start(), word.end(), folded in keys("yes"))
        for word in _WORD.finditer(text)
        if (folded := key(word.group())) in keys("yes") | keys("no")
        and not any(start <= word.start() < end for start, end, _ in boxes)
    ]
    if len(boxes) > 1 and words:
        yield from _of_two(boxes, words)
        return
    for start, end, ticked in boxes:
        yield Parsed(start, end, (Reading(ticked),))
    for start, end, yes in words:
        yield Parsed(start, end, (Reading(yes),), 0.9)


def _of_two(boxes: Sequence[_Box], words: Sequence[tuple[int, int, bool]]) -> Iterator[Parsed]:
    """``☐ No ☑ Yes``: what stands beside a ticked box, on the side on which words stand here."""
    leading = boxes[0][0] < words[0][0]
    for start, end, ticked in boxes:
        beside = [w for w in words if (w[0] >= end if leading else w[1] <= start)]
        if ticked and beside:
            yield Parsed(start, end, (Reading(beside[0 if leading else -1][2]),))


def _enum(leaf: Leaf, text: str) -> Iterator[Parsed]:
    words = [(m.start(), m.end()) for m in _WORD.finditer(text)][:60]
    options = [(key(str(option)), option) for option in leaf.enum]
    found: list[Parsed] = []
    for first, (start, _) in enumerate(words):
        best: Parsed | None = None
        for _, end in words[first : first + 6]:
            stretch = key(text[start:end])
            for folded, option in options:
                same = stretch == folded
                # What is there to the letter is not stretched to what is nearly there: `married [x`.
                nearly = len(folded) >= 6 and (best is None or best.quality < 1)
                if same or (nearly and within_edits(stretch, folded, 1)):
                    best = Parsed(start, end, (Reading(option),), 1.0 if same else 0.85)
        if best:
            found.append(best)
    boxes = _boxes(text)
    others = any(map(str.isalnum, text[boxes[-1][1] :])) if boxes else False
    trailing = bool(found and boxes) and found[0].start < boxes[0][0] and (len(found) > 1 or not others)
    yield from (option for option in found if _is_ticked(text, option, boxes, trailing))


def _is_ticked(text: str, option: Parsed, boxes: Sequence[_Box], trailing: bool) -> bool:
    """``☑ paid ☐ open`` and ``paid ☑ open ☐`` say paid; what has no box beside it was not ticked off."""
    if trailing:
        own = (t for start, _, t in boxes if start >= option.end and not text[option.end : start].strip())
    else:
        own = (t for _, end, t in boxes if end <= option.start and not text[end : option.start].strip())
    return next(own, True)


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


def _of_text(find: Callable[[str], Iterator[texts.Found]]) -> Callable[[Leaf, str], Iterator[Parsed]]:
    def read(leaf: Leaf, text: str) -> Iterator[Parsed]:
        del leaf
        for found in find(text):
            yield Parsed(found.start, found.end, (Reading(found.value),), found.quality)

    return read


_READERS: dict[str, Callable[[Leaf, str], Iterator[Parsed]]] = {
    FieldType.MONEY.value: _money,
    FieldType.NUMBER.value: _number,
    FieldType.INTEGER.value: _integer,
    FieldType.DATE.value: _date,
    FieldType.BOOLEAN.value: _boolean,
    FieldType.ENUM.value: _enum,
    FieldType.TEXT.value: _text,
    Kind.IDENTIFIER.value: _of_text(texts.identifiers),
    Kind.CURRENCY.value: _currency,
    Kind.ORGANISATION.value: _text,
    Kind.ADDRESS.value: _text,
    Kind.EMAIL.value: _of_text(texts.emails),
    Kind.PHONE.value: _of_text(texts.phones),
    Kind.URL.value: _of_text(texts.urls),
    Kind.IBAN.value: _of_text(texts.ibans),
    Kind.VAT_ID.value: _of_text(texts.vat_ids),
    Kind.PERCENT.value: _number,
    Kind.TIME.value: _of_text(texts.times),
}
