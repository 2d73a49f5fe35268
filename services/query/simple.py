"""The simple question of `GET /v1/fields` as a query."""

from collections.abc import Sequence
from typing import Any


def simple(  # the parameters of the route, as it names them
    field: str,
    *,
    op: str | None,
    value: str | None,
    state: str | None,
    confidence_below: float | None,
    document_id: str | None,
    schema: str | None,
    marks: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Where the field stands in a list, its items are the rows."""
    list_path, inside, _ = field.partition("[]")
    where: list[dict[str, Any]] = []
    if op == "exists":
        where.append({"field": field, "op": "exists", "value": value != "false"})
    elif op == "in":
        where.append({"field": field, "op": op, "value": (value or "").split(",")})
    elif value is not None:
        where.append({"field": field, "op": op or "eq", "value": _truth(value)})
    else:
        where.append({"state": field, "op": "exists"})  # every document that was asked for it
        if op is not None:
            where.append({"field": field, "op": op})
    if state is not None:
        where.append({"state": field, "op": "eq", "value": state})
    if confidence_below is not None:
        where.append({"confidence": field, "op": "lt", "value": confidence_below})
    for name, wanted in (("id", document_id), ("schema", schema)):
        if wanted is not None:
            where.append({"document": name, "op": "eq", "value": wanted})
    where += [{"label": key, "op": "eq", "value": text} for key, text in marks]
    said = [{about: field, "as": about} for about in ("state", "confidence", "currency")]
    return {
        "rows": list_path if inside else "documents",
        "where": {"and": where},
        "select": [{"document": "filename", "as": "filename"}, {"field": field, "as": "value"}, *said],
    }


def _truth(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)
