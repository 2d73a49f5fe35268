"""Spreads extracted fields over typed columns, so that databases can compare, sum and sort them."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from schemas.field import Field, FieldType
from schemas.ids import DocumentId, RunId, TenantId
from services.stores.tables import fields as field_rows

SCALE = 6
"""Digits after the point kept exactly in ``scaled``: one scale, so that it compares and sums."""

_INT64 = 2**63 - 1
_EPOCH = date(1970, 1, 1)
_STEP = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[(\d+)\]')  # an odd key, or an index
_NUMERIC = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY})


def write(
    connection: sa.Connection, owner: tuple[TenantId, DocumentId, RunId], leaves: Sequence[Field]
) -> None:
    tenant, document, run = owner
    connection.execute(sa.delete(field_rows).where(field_rows.c.run_id == run))
    rows = [
        {
            "run_id": run,
            "ordinal": ordinal,
            "tenant_id": tenant,
            "document_id": document,
            **columns(leaf),
            "content": leaf.model_dump(mode="json"),
        }
        for ordinal, leaf in enumerate(leaves)
    ]
    if rows:
        connection.execute(field_rows.insert(), rows)


def columns(leaf: Field) -> dict[str, Any]:
    """The columns of one leaf besides its keys."""
    path, list_path, index = spread(leaf.path)
    value = leaf.value
    row: dict[str, Any] = {
        "path": path,
        "list_path": list_path,
        "item_index": index,
        "type": str(leaf.type),
        "state": str(leaf.state),
        "value_text": None if value is None else str(value),
        "scaled": None,
        "scale": None,
        "number": None,
        "currency": leaf.currency,
        "date": None,
        "bool": value if isinstance(value, bool) else None,
        "confidence": leaf.confidence,
    }
    if value is None:
        return row
    if leaf.type in _NUMERIC:
        row.update(_numeric(leaf.decimal if leaf.decimal is not None else str(value)))
    elif leaf.type is FieldType.DATE:
        row["date"] = _days(str(value))
    return row


def spread(path: str) -> tuple[str, str | None, int | None]:
    """`line_items[2].amount` is (`line_items[].amount`, `line_items`, 2): what items share, and which one.

    Of lists inside lists the outermost tells the item.
    """
    outer: re.Match[str] | None = None
    for step in _STEP.finditer(path):
        if step.group(1) is not None:
            outer = step
            break
    common = _STEP.sub(lambda step: "[]" if step.group(1) is not None else step.group(0), path)
    if outer is None:
        return common, None, None
    return common, path[: outer.start()], int(outer.group(1))


def _numeric(text: str) -> dict[str, Any]:
    try:
        number = Decimal(text)
        scaled = number.scaleb(SCALE)
        exact = scaled == scaled.to_integral_value() and abs(scaled) <= _INT64
    except InvalidOperation:
        return {}
    return {
        "number": float(number),
        "scaled": int(scaled) if exact else None,
        "scale": SCALE if exact else None,
    }


def _days(text: str) -> int | None:
    try:
        return (date.fromisoformat(text[:10]) - _EPOCH).days
    except ValueError:
        return None
