"""Which type a printed value has by its form, for properties that no vocabulary names."""

from typing import Any

from pipeline.fields.shapes import Kind, Leaf
from pipeline.fields.values import parse
from schemas.field import FieldType

_GUESSES = (
    (FieldType.DATE, Kind.PLAIN, {"type": "string", "format": "date"}),
    (FieldType.TEXT, Kind.IBAN, {"type": "string", "x-type": "iban"}),
    (FieldType.TEXT, Kind.EMAIL, {"type": "string", "format": "email"}),
    (FieldType.TEXT, Kind.URL, {"type": "string", "x-type": "url"}),
    (FieldType.NUMBER, Kind.PERCENT, {"type": "number", "x-type": "percent"}),
    (FieldType.MONEY, Kind.PLAIN, {"type": "number", "x-type": "money"}),
    (FieldType.NUMBER, Kind.PLAIN, {"type": "number"}),
)


def guessed(value: str) -> dict[str, Any]:
    """The narrowest type whose form the whole printed value has."""
    text = value.strip()
    for kind_of_type, kind, node in _GUESSES:
        for parsed in parse(Leaf(("x",), kind_of_type, kind), text):
            start, end = parsed.outer or (parsed.start, parsed.end)
            if (start, end) == (0, len(text)) and _fits(kind_of_type, kind, text, parsed.outer is not None):
                return dict(node)
    return {"type": "string"}


def _fits(kind_of_type: FieldType, kind: Kind, text: str, marked: bool) -> bool:
    """Money has a sign of currency, percent its sign; leading zeros or many digits make a code."""
    if kind_of_type is FieldType.MONEY:
        return marked
    if kind is Kind.PERCENT:
        return text.endswith("%")
    if kind_of_type is FieldType.NUMBER:
        digits = [char for char in text if char.isdigit()]
        return len(digits) < 9 and not (text[0] == "0" and text[1:2].isdigit())
    return True
