"""What sort of value a leaf of a schema is: its hints first, then its JSON type, then what its name means."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.fields.folding import fold, words_of_name
from pipeline.fields.shapes import Kind
from pipeline.fields.vocabulary import Concept
from pipeline.fields.wordlists import folded
from schemas.field import FieldType

_Sort = tuple[Kind, FieldType]

_HINTS: dict[str, _Sort] = {
    **{kind.value: (kind, FieldType.TEXT) for kind in Kind},
    "text": (Kind.PLAIN, FieldType.TEXT),
    "id": (Kind.IDENTIFIER, FieldType.TEXT),
    "company": (Kind.ORGANISATION, FieldType.TEXT),
    "organization": (Kind.ORGANISATION, FieldType.TEXT),
    "money": (Kind.PLAIN, FieldType.MONEY),
    "date": (Kind.PLAIN, FieldType.DATE),
    "number": (Kind.PLAIN, FieldType.NUMBER),
    "percent": (Kind.PERCENT, FieldType.NUMBER),
    "integer": (Kind.PLAIN, FieldType.INTEGER),
    "boolean": (Kind.PLAIN, FieldType.BOOLEAN),
}
_FORMATS: dict[str, _Sort] = {
    "date": (Kind.PLAIN, FieldType.DATE),
    "date-time": (Kind.PLAIN, FieldType.DATE),
    "money": (Kind.PLAIN, FieldType.MONEY),
    "currency": (Kind.PLAIN, FieldType.MONEY),
    "email": (Kind.EMAIL, FieldType.TEXT),
    "idn-email": (Kind.EMAIL, FieldType.TEXT),
    "uri": (Kind.URL, FieldType.TEXT),
    "iri": (Kind.URL, FieldType.TEXT),
    "time": (Kind.TIME, FieldType.TEXT),
}


def kind_and_type(
    node: Mapping[str, Any], types: frozenset[str], known: Concept | None, context: Sequence[str]
) -> _Sort:
    """``known`` is the common field the leaf means, ``context`` the property names that lead to it."""
    hint = _HINTS.get(str(node.get("x-type", "")).lower()) or _FORMATS.get(
        str(node.get("format", "")).lower()
    )
    if hint is not None:
        return hint
    last = fold(words_of_name(context[-1])).split()[-1:] if context else []
    if types & {"boolean", "integer", "number"}:
        return _of_json_type(types, known, last)
    if known is not None:
        return known.kind, known.type
    return Kind.PLAIN, FieldType.DATE if last and last[0] in folded("date_endings") else FieldType.TEXT


def _of_json_type(types: frozenset[str], known: Concept | None, last: Sequence[str]) -> _Sort:
    if "boolean" in types:
        return Kind.PLAIN, FieldType.BOOLEAN
    if known is not None and known.type is FieldType.MONEY:
        return Kind.PLAIN, FieldType.MONEY
    if "number" not in types:
        return Kind.PLAIN, FieldType.INTEGER
    if known is None and last and last[0] in folded("money_endings"):
        return Kind.PLAIN, FieldType.MONEY
    return known.kind if known is not None else Kind.PLAIN, FieldType.NUMBER
