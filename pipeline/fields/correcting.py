"""Corrected values put in place of the machine's: by type, in the extraction, and against the schema."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date
from typing import Any

from pipeline.fields.extraction import validate
from pipeline.fields.leaves import leaves
from pipeline.fields.numbers import usable
from pipeline.fields.values import MOST_INTEGER
from schemas.errors import ResultWarning
from schemas.field import FieldType

LONGEST_TEXT = 10_000
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')


class Unfit(ValueError):
    """The value is not of the field's type; the text says what is."""


def typed(kind: FieldType, value: Any) -> Any:
    """A value from a person as the field has it; None stays None: it is not in the document."""
    if value is None:
        return None
    if kind in (FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER):
        return _number(kind, value)
    if kind is FieldType.BOOLEAN:
        if not isinstance(value, bool):
            raise Unfit("true, false or null")
        return value
    if kind is FieldType.ENUM and not isinstance(value, dict | list):
        return value
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise Unfit(f"a text of at most {LONGEST_TEXT} characters, or null")
    if kind is FieldType.DATE:
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise Unfit("a day such as 2024-03-14, or null") from None
    return value


def _number(kind: FieldType, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 60:
        raise Unfit("a number or null")
    number = usable(str(value))
    if number is None:
        raise Unfit("a number or null")
    if kind is FieldType.INTEGER:
        if number != number.to_integral_value() or abs(number) > MOST_INTEGER:
            raise Unfit("a whole number of at most 64 bits, or null")
        return int(number)
    return int(number) if isinstance(value, int) and abs(number) <= MOST_INTEGER else float(number)


def replaced(
    schema: Mapping[str, Any], extraction: Mapping[str, Any], values: Sequence[tuple[str, Any]]
) -> tuple[dict[str, Any], bool, list[ResultWarning]]:
    """The extraction with these values at their paths, whether the schema accepts it, and its complaints."""
    corrected = deepcopy(dict(extraction))
    for path, value in values:
        _put(corrected, steps_of(path), value)
    valid, complaints = validate(schema, corrected)
    return corrected, valid, complaints


def choices(schema: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that leaves with `enum` or `const` may have, by path (`items[].unit`)."""
    return {leaf.name: leaf.enum for leaf in leaves(schema) if leaf.enum}


def steps_of(path: str) -> list[str | int]:
    """`line_items[2].amount` as ``["line_items", 2, "amount"]``."""
    steps: list[str | int] = []
    for odd, index, name in _STEP.findall(path):
        if index:
            steps.append(int(index))
        else:
            steps.append(name or re.sub(r"\\(.)", r"\1", odd))
    return steps


def _put(node: Any, steps: Sequence[str | int], value: Any) -> None:
    """Where the extraction has no such place nothing is put: it has every property of its schema."""
    for step in steps[:-1]:
        node = _child(node, step)
    last = steps[-1] if steps else None
    if isinstance(node, list):
        if isinstance(last, int) and last < len(node):
            node[last] = value
    elif isinstance(node, dict) and last in node:
        node[last] = value


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, dict):
        return node.get(str(step))
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return node[step]
    return None
