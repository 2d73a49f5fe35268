"""What OpenAPI shows of queries: conditions within conditions, operands, columns, an example."""

from typing import Any

from services.api.examples import TEXT, closed, json_body
from services.query.ast import About, AggregateOp, Op
from services.query.parse import MAX_TEXT, MAX_VALUES

_CONDITION = {"$ref": "#/components/schemas/Condition"}
_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"], "maxLength": MAX_TEXT}
_LIST = {"type": "array", "items": _SCALAR, "maxItems": MAX_VALUES}
_ONE_VALUE = [str(op) for op in Op if op not in (Op.IN, Op.EXISTS)]


def _tests(about: str) -> list[dict[str, Any]]:
    return [
        closed(about, "value", **{about: TEXT}, op={"enum": _ONE_VALUE}, value=_SCALAR),
        closed(about, "op", "value", **{about: TEXT}, op={"const": Op.IN}, value=_LIST),
        closed(about, **{about: TEXT}, op={"const": Op.EXISTS}),
        closed(about, "op", "value", **{about: TEXT}, op={"const": Op.EXISTS}, value={"type": "boolean"}),
    ]


CONDITION: dict[str, Any] = {
    "oneOf": [
        closed("and", **{"and": {"type": "array", "items": _CONDITION}}),
        closed("or", **{"or": {"type": "array", "items": _CONDITION}}),
        closed("not", **{"not": _CONDITION}),
        closed("any", any=TEXT, where=_CONDITION),
        *(test for about in sorted(About) for test in _tests(about)),
    ],
    "description": "see docs/query.md",
}
_NONE = closed()
_OPERAND = {"anyOf": [TEXT, *(closed(about, **{about: TEXT}) for about in sorted(About))]}
_COLUMN = {
    "anyOf": [TEXT, *(closed(about, **{about: TEXT, "as": {"type": "string"}}) for about in sorted(About))]
}
_ORDER = closed("by", by=_OPERAND, dir={"enum": ["asc", "desc"]})
_AGGREGATE = {
    "oneOf": [
        closed(
            "op",
            op={"const": AggregateOp.COUNT},
            field={"anyOf": [*_OPERAND["anyOf"], {"type": "null"}]},
            **{"as": {"type": ["string", "null"], "minLength": 1, "maxLength": 200}},
        ),
        closed(
            "op",
            "field",
            op={"enum": [str(op) for op in AggregateOp if op is not AggregateOp.COUNT]},
            field=_OPERAND,
            **{"as": {"type": ["string", "null"], "minLength": 1, "maxLength": 200}},
        ),
    ]
}
_ROWS = {
    "type": "string",
    "minLength": 1,
    "maxLength": 500,
    "default": "documents",
    "description": "documents, or a list in them",
}

POST_QUERY = json_body(
    closed(
        where={"anyOf": [_CONDITION, _NONE, {"type": "null"}]},
        rows=_ROWS,
        select={"type": ["array", "null"], "items": _COLUMN, "maxItems": 100},
        order={"type": "array", "items": _ORDER, "maxItems": 5},
        aggregate={"type": "array", "items": _AGGREGATE, "maxItems": 20},
        group_by={"type": "array", "items": _COLUMN, "maxItems": 5},
        limit={"type": ["integer", "null"], "minimum": 1},
        cursor={"type": ["string", "null"], "maxLength": 4000},
    ),
    {
        "where": {
            "and": [
                {"field": "total", "op": "gt", "value": 100},
                {"any": "line_items", "where": {"field": "sku", "op": "eq", "value": "A"}},
                {"label": "dept", "op": "eq", "value": "hr"},
            ]
        },
        "select": ["number", "total", "document.filename"],
        "order": [{"by": "total", "dir": "desc"}],
        "limit": 50,
    },
)
