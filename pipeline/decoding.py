"""Derives the schema that a reply is decoded against from the one the user wrote: every value may be absent.

Decoding must never force invention, so nothing is required to have a value: each leaf becomes
``{"quote", "value"}``, both nullable, and the user's own schema is validated afterwards. Only keywords that
the servers' grammar backends keep faithfully are used: no patterns, formats, lengths or ``uniqueItems``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.fields.leaves import ListOf, Skeleton, walk
from pipeline.fields.shapes import EACH, Leaf
from schemas.field import FieldType

MOST_CHOICES = 200
"""Longer enumerations make slow grammars; their values are matched after decoding."""

MOST_ROWS = 400
"""Of one list on one page. No page has more lines; it ends a list that will not end."""

_BOX: Mapping[str, Any] = {
    "anyOf": [
        {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4},
        {"type": "null"},
    ]
}

Slot = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derived:
    """``leaves``: by the path of object keys that leads to each in a reply, with `EACH` for any element."""

    schema: dict[str, Any]
    leaves: Mapping[Slot, Leaf]


def derive(schema: Mapping[str, Any], *, boxes: bool = False) -> Derived:
    """``boxes``: the model also says where each quote stands, four numbers."""
    return _derived(json.dumps(schema, default=str), boxes)


@lru_cache(maxsize=16)
def _derived(text: str, boxes: bool) -> Derived:
    walked = walk(json.loads(text))
    made = _node(walked.skeleton, boxes)
    leaves = {leaf.path: leaf for leaf in walked.leaves}
    return Derived(made if made is not None else _object({}), leaves)


def _node(skeleton: Skeleton, boxes: bool) -> dict[str, Any] | None:
    """None for what is never extracted: it is not asked for either."""
    if isinstance(skeleton, Leaf):
        return _leaf(skeleton, boxes)
    if isinstance(skeleton, ListOf):
        element = _node(skeleton.element, boxes)
        return None if element is None else {"type": "array", "items": element, "maxItems": MOST_ROWS}
    if isinstance(skeleton, dict):
        inside = {name: _node(child, boxes) for name, child in skeleton.items()}
        kept = {name: made for name, made in inside.items() if made is not None}
        return _object(kept) if kept else None
    return None


def _leaf(leaf: Leaf, boxes: bool) -> dict[str, Any]:
    members: dict[str, Any] = {"quote": {"type": ["string", "null"]}}
    if boxes:
        members["box"] = dict(_BOX)
    return _object({**members, "value": _value(leaf)})


def _value(leaf: Leaf) -> dict[str, Any]:
    if leaf.enum:
        if len(leaf.enum) > MOST_CHOICES or not all(_scalar(choice) for choice in leaf.enum):
            return {"type": ["string", "null"]}
        return {"enum": [*leaf.enum, None]}
    if leaf.type is FieldType.BOOLEAN:
        return {"type": ["boolean", "null"]}
    if leaf.type is FieldType.INTEGER:
        return {"type": ["integer", "null"]}
    if leaf.type in (FieldType.NUMBER, FieldType.MONEY) and not leaf.json_types <= {"string"}:
        return {"type": ["number", "null"]}
    return {"type": ["string", "null"]}


def _scalar(choice: object) -> bool:
    return isinstance(choice, str | int | float | bool)


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def halves(derived: Derived) -> tuple[Derived, Derived] | None:
    """The same in two parts, for a reply that was too long for one; None when it cannot be parted."""
    names = list(derived.schema["properties"])
    if len(names) < 2:
        return None
    return _part(derived, names[: len(names) // 2]), _part(derived, names[len(names) // 2 :])


def _part(derived: Derived, names: Sequence[str]) -> Derived:
    kept = {name: derived.schema["properties"][name] for name in names}
    return Derived(_object(kept), {slot: leaf for slot, leaf in derived.leaves.items() if slot[0] in kept})


def only(leaf: Leaf) -> Derived:
    """A schema that asks for one leaf, under the name it has in the user's."""
    name = next(step for step in reversed(leaf.path) if step != EACH)
    return Derived(_object({name: _leaf(leaf, False)}), {(name,): leaf})


def answers_schema(count: int, *, boxes: bool = False) -> dict[str, Any]:
    """Of ``count`` questions asked at once: answers under the questions' numbers."""
    text = {"type": ["string", "null"]}
    answer = {"quote": text, "answer": text}
    if boxes:
        answer["box"] = dict(_BOX)
    return _object({str(number): _object(answer) for number in range(1, count + 1)})


def charts_schema(*, boxes: bool = False) -> dict[str, Any]:
    """Of all charts on a page."""
    text: dict[str, Any] = {"type": ["string", "null"]}
    point = _object(
        {
            "x": {"type": "string"},
            "y": {"type": ["number", "null"]},
            "unit": text,
            "source": {"enum": ["label", "estimate"]},
        }
    )
    series = _object({"name": text, "points": {"type": "array", "items": point, "maxItems": 500}})
    chart: dict[str, Any] = {
        "type": {"enum": ["bar", "line", "area", "pie", "scatter", "histogram", "box", "combined", "other"]},
        "title": text,
        "x_label": text,
        "y_label": text,
    }
    if boxes:
        chart["box"] = dict(_BOX)
    chart["series"] = {"type": "array", "items": series, "maxItems": 40}
    return _object({"charts": {"type": "array", "items": _object(chart), "maxItems": 20}})
