"""Turns a JSON Schema into one that grammar compilers can decode against."""

from typing import Any

_DROPPED = frozenset({
    "uniqueItems",  # llguidance refuses it, and a server answers 400
    "$schema", "$id", "$comment", "title", "description", "default", "examples",
    "deprecated", "readOnly", "writeOnly",
    "contains", "minContains", "maxContains", "propertyNames", "dependentRequired", "dependentSchemas",
    "unevaluatedProperties", "unevaluatedItems", "not", "if", "then", "else",
    "contentEncoding", "contentMediaType",
})  # fmt: skip
"""Keywords that no grammar can hold, or that only people read. The reply is validated against the whole
schema afterwards; decoding only has to keep its shape."""

_FORMATS = frozenset({"date", "time", "date-time", "email", "uuid"})
"""Formats that are decoded as such; another one would be refused."""

_MAPS = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_LITERAL = frozenset({"const", "enum"})


def decodable(schema: Any) -> Any:
    """A copy without the keywords that grammars refuse or silently break."""
    if isinstance(schema, list):
        return [decodable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DROPPED or (key == "format" and value not in _FORMATS):
            continue
        if key in _MAPS and isinstance(value, dict):
            kept[key] = {name: decodable(inner) for name, inner in value.items()}
        else:
            kept[key] = value if key in _LITERAL else decodable(value)
    return kept
