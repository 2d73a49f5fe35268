"""Spreads extracted fields over typed columns, so that databases can compare, sum and sort them."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from pipeline.fields.numbers import usable
from schemas.field import Field, FieldState, FieldType
from schemas.ids import DocumentId, RunId, TenantId
from services.stores import jobs
from services.stores.columns import clean
from services.stores.query_tables import field_paths
from services.stores.query_tables import fields as field_rows

SCALE = 6
"""Digits after the point kept exactly in ``scaled``: one scale, so that it compares and sums."""

FOLDED = 200
"""Characters of a text by which it is found and sorted; an index takes no longer ones."""

_INT64 = 2**63 - 1
_EPOCH = date(1970, 1, 1)
_STEP = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[(\d+)\]')  # an odd key, or an index
NUMERIC = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY})
TEXTUAL = frozenset({FieldType.TEXT, FieldType.ENUM})


def write(
    connection: sa.Connection, owner: tuple[TenantId, DocumentId, RunId], leaves: Sequence[Field]
) -> None:
    tenant, document, run = owner
    connection.execute(sa.delete(field_rows).where(field_rows.c.run_id == run))
    items: set[tuple[str | None, int]] = set()
    rows = []
    for ordinal, leaf in enumerate(leaves):
        row = columns(leaf)
        item = (row["list_path"], row["item_index"])
        rows.append(
            {
                "run_id": run,
                "ordinal": ordinal,
                "tenant_id": tenant,
                "document_id": document,
                **row,
                "item_head": item[1] is not None and item not in items,
                "content": leaf.model_dump(mode="json"),
            }
        )
        items.add(item)
    if rows:
        connection.execute(field_rows.insert(), rows)
        _note_paths(connection, tenant, rows)


def _note_paths(connection: sa.Connection, tenant: TenantId, rows: Sequence[dict[str, Any]]) -> None:
    known = {(row["path"], row["type"], row["list_path"]) for row in rows}
    insert = jobs.insert(connection.dialect.name, field_paths).on_conflict_do_nothing()
    # In one order, so that two runs that end at once do not wait for each other.
    for path, kind, list_path in sorted(known, key=lambda entry: entry[:2]):
        connection.execute(insert, {"tenant_id": tenant, "path": path, "type": kind, "list_path": list_path})


def columns(leaf: Field) -> dict[str, Any]:
    """The columns of one leaf besides its keys."""
    path, list_path, index = spread(leaf.path)
    return {
        "path": path,
        "list_path": list_path,
        "item_index": index,
        "type": str(leaf.type),
        **values(leaf),
    }


def values(leaf: Field) -> dict[str, Any]:
    """What a query compares: the corrected value where there is one, about which a person is sure."""
    value, decimal = leaf.value, leaf.decimal
    state, confidence = leaf.state, leaf.confidence
    if leaf.correction is not None:
        value, decimal, confidence = leaf.correction.value, None, 1.0
        state = FieldState.MISSING if value is None else FieldState.FOUND
    row: dict[str, Any] = {
        "state": str(state),
        "value_text": None if value is None else str(value),
        "folded": None,
        "folded_rest": None,
        "scaled": None,
        "scale": None,
        "number": None,
        "currency": leaf.currency,
        "date": None,
        "bool": value if isinstance(value, bool) else None,
        "confidence": confidence,
    }
    if value is None:
        return row
    if leaf.type in NUMERIC:
        row.update(_numeric(decimal if decimal is not None else str(value)))
    elif leaf.type is FieldType.DATE:
        row["date"] = days(str(value))
    elif leaf.type in TEXTUAL:
        folded = fold(str(value))
        row["folded"], row["folded_rest"] = folded[:FOLDED], folded[FOLDED:] or None
    return row


def fold(text: str) -> str:
    """Text as it is compared without case; full and half width are one."""
    return clean(unicodedata.normalize("NFKC", clean(text)).casefold())


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
    number = usable(text)
    if number is None:
        return {}
    scaled = number.scaleb(SCALE)
    exact = scaled == scaled.to_integral_value() and abs(scaled) <= _INT64
    return {
        "number": float(number),
        "scaled": int(scaled) if exact else None,
        "scale": SCALE if exact else None,
    }


def days(text: str) -> int | None:
    """A calendar day as days since 1970; None for anything else."""
    try:
        return (date.fromisoformat(text[:10]) - _EPOCH).days
    except ValueError:
        return None
