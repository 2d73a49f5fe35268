"""Fields and evidence as cells: the value by its type, and where and how surely it was read as a note."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from schemas.field import Evidence, Field, FieldType
from schemas.geometry import Box
from services.stores.field_rows import NUMERIC
from services.workbook import Said

_QUOTED = 200


def cell_of(field: Field) -> Said:
    """The corrected value where there is one; a field without a value says its state in the note."""
    fixed = field.correction
    value = field.value if fixed is None else fixed.value
    exact = field.decimal if fixed is None else None
    return Said(typed(field.type, value, exact), field.currency, note_of(field))


def typed(kind: FieldType, value: Any, exact: str | None = None) -> Any:
    if value is None or isinstance(value, bool):
        return value
    try:
        if kind in NUMERIC:
            return Decimal(exact if exact is not None else str(value))
        if kind is FieldType.DATE:
            return date.fromisoformat(str(value))
    except (ValueError, InvalidOperation):
        pass  # no number or day after all: what was read, as text
    return str(value)


def note_of(field: Field) -> str:
    lines = [place_of(one) for one in field.evidence[:3]]
    if field.state != "found":
        lines.insert(0, str(field.state))
    if field.confidence is not None:
        lines.append(f"confidence {field.confidence:.2f}")
    if field.raw is not None and field.raw != str(field.value):
        lines.append(f"printed: {field.raw[:_QUOTED]}")
    if field.correction is not None:
        by, at = field.correction.by, field.correction.at
        lines.append(f"corrected by {by[:100]} at {at}; read was: {field.value}")
    return "\n".join(lines)


def place_of(evidence: Evidence) -> str:
    boxes = "".join(f"\nbox {box_of(box)}" for box in (evidence.boxes or [])[:3])
    return f"page {evidence.page}: {evidence.quote[:_QUOTED]}{boxes}"


def box_of(box: Box) -> str:
    return ", ".join(f"{side:g}" for side in box)


def first_place(evidence: Sequence[Evidence]) -> list[Said]:
    """Page, quote and box of the first place, a cell each."""
    if not evidence:
        return [Said(None)] * 3
    first = evidence[0]
    return [Said(first.page), Said(first.quote), Said(box_of(first.boxes[0]) if first.boxes else None)]
