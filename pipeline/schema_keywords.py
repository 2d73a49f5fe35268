"""The keywords of JSON Schema that Quire knows, by what becomes of each: docs/schemas.md lists them."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

DECODED = frozenset(
    {
        "type", "properties", "items", "enum", "const", "pattern", "format", "$ref", "$defs", "definitions",
        "allOf", "anyOf", "oneOf", "title", "description", "x-labels", "x-type",
    }
)  # fmt: skip
"""These say what is looked for and how it is read; those that limit values are validated afterwards too."""

VALIDATED = frozenset(
    {
        "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
        "maxLength", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains",
        "prefixItems", "minProperties", "maxProperties", "additionalProperties", "patternProperties",
        "propertyNames", "dependentRequired", "dependentSchemas", "dependencies", "not", "if", "then", "else",
        "unevaluatedProperties", "unevaluatedItems", "additionalItems",
    }
)  # fmt: skip
"""These are checked once the values have been found; what is not met makes `extraction_valid` false."""

NOTES = frozenset(
    {
        "$schema", "$id", "$comment", "default", "example", "examples", "deprecated", "readOnly", "writeOnly",
        "nullable", "discriminator", "contentMediaType", "contentEncoding", "contentSchema", "externalDocs",
        "xml",
    }
)  # fmt: skip
"""These change nothing; ``$id`` only at the root."""

REFUSED = (
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
)
"""These would give ``$ref`` other targets than a pointer into the document."""

_KNOWN = DECODED | VALIDATED | NOTES


def complaints(node: Mapping[str, Any], *, root: bool) -> Iterator[tuple[str, str]]:
    """Keywords of one schema that are not taken, each with the reason."""
    for keyword in node:
        if keyword in REFUSED or (keyword == "$id" and not root):
            yield keyword, f"{keyword} is not supported"
        elif keyword not in _KNOWN and not keyword.startswith("x-"):
            near = difflib.get_close_matches(keyword[:50], sorted(_KNOWN), n=1)
            hint = f"; did you mean {near[0]}?" if near else "; names of your own begin with x-"
            yield keyword, f"{keyword[:100]!r} is no keyword of JSON Schema{hint}"


_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")


def applied_here(node: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas inside a node that judge the very same value, references aside."""
    for keyword in _IN_PLACE_LISTS:
        some = node.get(keyword)
        if isinstance(some, list):
            yield from some
    yield from (node[keyword] for keyword in _IN_PLACE if keyword in node)
    some = node.get("dependentSchemas")
    if isinstance(some, Mapping):
        yield from some.values()
