"""Printed numbers: where they stand in a text and how each can be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from babel.core import get_global

from pipeline.fields.folding import ascii_digits
from pipeline.fields.shapes import Reading

_MAX_DIGITS = 30
# Digits with single separators between them; a space groups only where exactly three digits follow. A point
# before them is part of them, but for that of `Rs.500` and the last of leaders (`Total.....150.00`).
_RUN = re.compile(
    r"(?:(?<![\d.,])|(?<=\.\.)|(?<=Rs\.)|(?<=Fr\.)|(?<=[kK]r\.))"
    r"\d+(?:(?:[.,'](?=\d))\d+|[ ](?=\d{3}(?!\d))\d{3})*(?:[.,]-{1,2}(?!\d))?|(?<![\w.,])[.,]\d+"
)
_WORD_BEFORE = re.compile(r"[^\W\d_]+$")
_SIGNS_BEFORE = re.compile(r"(?:^|[^\w])([-+])\s?[^\w\s]{0,2}(?:R[sp]|[kK]r|zł|Kč|[A-Z]{0,3})[$.]?\s?$")
_CURRENCY = r"((?:[A-Z]{1,2})?[$€£¥￥₩₹₫₱฿₺₽₴₦₪]|[A-Z]{2,3}|R[sp]\.?|[kK]r\.?|zł|Kč)?"
_OPENED, _CLOSED = re.compile(rf"\(\s?{_CURRENCY}\s?$"), re.compile(rf"\s?{_CURRENCY}\s?\)")
_CONVERTED = re.compile(r"\d\s?[^\w\s]?[A-Z]{0,3}\s?$")
"""Before a bracket: an amount, of which the one in brackets is another currency's."""

_YEN = re.compile(r"[¥￥円]\s?$")
_UNITS = frozenset({"RM", "Rp", "Rs", "kr", "Fr", "x", "X", "S", "A", "C", "R", "US", "HK", "NT"})
_TENTHS = re.compile(r"[.,]-{1,2}$")


_MAX_EXPONENT = 300


def usable(text: str) -> Decimal | None:
    """A number as programs write it, if it is one that a page may hold; 1e999999 would fill a book."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= _MAX_EXPONENT else None


@dataclass(frozen=True, slots=True)
class Number:
    """A printed number: its place in the text, its digits as printed, and every way to read them."""

    start: int
    end: int
    raw: str
    readings: tuple[Reading, ...]


def numbers_in(text: str) -> Iterator[Number]:
    """Every number of a line, left to right; percent signs, units and currencies are left to the caller."""
    plain = ascii_digits(text)
    for found in _RUN.finditer(plain):
        if _in_a_code(plain, found.start(), found.end()):
            continue
        digits = found.group()
        start, end, negative = _signed(plain, found.start(), found.end())
        readings = read_number(digits, negative=negative)
        if readings:
            yield Number(start, end, text[start:end], readings)


def _in_a_code(plain: str, start: int, end: int) -> bool:
    """``EUR34``, ``Rp500`` and ``x3`` begin with a unit; ``TD011`` and ``invoice_7`` are codes."""
    before = _WORD_BEFORE.search(plain[max(0, start - 8) : start])
    if before and (
        len(before.group()) > 3 or before.start() == 0 < start - 8 or plain[start - 1 : start] == "_"
    ):
        return True
    if before and not before.group().isupper() and before.group() not in _UNITS:
        return before.group().isascii()
    if before and len(before.group()) != 3 and before.group() not in _UNITS and before.group().isascii():
        return True
    if plain[start - 1 : start] == "_" or plain[end : end + 1] == "_":
        return True
    after = plain[end : end + 1]
    return after.isalpha() and after.isascii() and not _unit_follows(plain, end)


def _unit_follows(plain: str, at: int) -> bool:
    """Letters glued to digits: ``12pcs``, ``4.50EUR``, ``3x`` are numbers, ``12A4`` is a code."""
    end = at
    while end < len(plain) and plain[end].isalpha():
        end += 1
    return end - at <= 4 and (end == len(plain) or not plain[end].isalnum())


def _signed(plain: str, start: int, end: int) -> tuple[int, int, bool]:
    before = _SIGNS_BEFORE.search(plain[max(0, start - 8) : start])
    if before:
        sign = max(0, start - 8) + before.start(1)
        between = plain[sign + 1 : start].strip()
        return (start if between else sign), end, before.group(1) == "-"
    if plain[:start].rstrip().endswith("(") and plain[end:].lstrip().startswith(")"):
        return plain.rindex("(", 0, start), plain.index(")", end) + 1, True
    if _owed(plain, start, end):
        return start, end, True
    after = plain[end : end + 2]
    if after[:1] == "-" and _YEN.search(plain[:start]):
        return start, end, False  # how receipts of Japan end an amount
    if after[:1] == "-" and not after[1:2].isalnum():
        return start, end + 1, True
    return start, end, False


def _owed(plain: str, start: int, end: int) -> bool:
    """In brackets together with a currency, and no conversion of an amount before them."""
    opened, closed = _OPENED.search(plain, max(0, start - 8), start), _CLOSED.match(plain, end)
    if not (opened and closed and _is_money(opened.group(1)) and _is_money(closed.group(1))):
        return False
    return not _CONVERTED.search(plain[: opened.start()])


def _is_money(sign: str | None) -> bool:
    """`(RM 5.00)` is owed, `(2 PCS)` is not."""
    letters = sign is not None and sign.isalpha() and sign.isupper()
    return not letters or sign == "RM" or sign in get_global("all_currencies")


def read_number(digits: str, *, negative: bool = False) -> tuple[Reading, ...]:
    """Every way to read digits with separators; empty when no habit of writing numbers explains them.

    ``1.234`` and ``1,234`` have two readings, each naming the decimal mark it presumes.
    """
    plain = _TENTHS.sub("", ascii_digits(digits).strip()).replace("'", " ")
    if sum(char.isdigit() for char in plain) > _MAX_DIGITS or not plain:
        return ()
    marks = [char for char in plain if char in ".,"]
    ways = _without_marks(plain) if not marks else _with_marks(plain, marks)
    return tuple(_reading(text, convention, negative) for text, convention in ways)


def _reading(text: str, convention: str | None, negative: bool) -> Reading:
    value = Decimal(text)
    if negative:
        value = -value
    return Reading(value=value, decimal=format(value, "f"), convention=convention)


def _without_marks(plain: str) -> list[tuple[str, str | None]]:
    groups = plain.split(" ")
    return [("".join(groups), None)] if _grouped(groups) else []


def _grouped(groups: list[str]) -> bool:
    """Thousands, or Indian lakh and crore: the last group has three digits, inner ones two or three."""
    head, rest = groups[0], groups[1:]
    if not rest:
        return head.isdigit()
    inner = {len(group) for group in rest[:-1]}
    return (
        1 <= len(head) <= 3
        and head.isdigit()
        and len(rest[-1]) == 3
        and (inner <= {3} or (inner <= {2} and len(head) <= 2))
        and all(group.isdigit() for group in rest)
    )


def _with_marks(plain: str, marks: list[str]) -> list[tuple[str, str | None]]:
    last = marks[-1]
    whole, _, part = plain.rpartition(last)
    as_decimal = "point" if last == "." else "comma"
    as_group = "comma" if last == "." else "point"
    other = "," if last == "." else "."
    ways: list[tuple[str, str | None]] = []
    if marks.count(last) == 1 and part.isdigit():
        groups = whole.replace(other, " ").split(" ")
        if whole == "" or (_grouped(groups) and not (" " in whole and other in whole)):
            ways.append((f"{''.join(groups) or '0'}.{part}", as_decimal))
    # 0.234 and 0,234 group nothing, and 1.234.567 can only be groups.
    alone = other not in marks and " " not in plain and not plain.startswith("0")
    if alone and _grouped(plain.split(last)):
        ways.insert(0, (plain.replace(last, ""), as_group))
    return ways
