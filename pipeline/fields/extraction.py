"""Fields put back into the shape of the schema, and that shape validated as the schema demands."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs

from pipeline.fields.leaves import ListOf, Skeleton
from pipeline.fields.schema_nodes import as_list, json_types, resolved
from pipeline.fields.shapes import Leaf, path_text
from pipeline.user_schema import validator
from schemas.errors import ResultWarning
from schemas.field import Field

_MAX_COMPLAINTS = 50


def extract(skeleton: Skeleton, fields: Sequence[Field]) -> dict[str, Any]:
    """Every property of the schema with its value; null where nothing was found, [] for an empty list."""
    by_path = {found.path: found for found in fields}
    lengths: dict[str, int] = {}
    for path in by_path:
        for found in re.finditer(r"\[(\d+)\]", path):
            before = path[: found.start()]
            lengths[before] = max(lengths.get(before, 0), int(found.group(1)) + 1)
    built = _built(skeleton, by_path, lengths, None)
    return built if isinstance(built, dict) else {}


def _built(
    node: Skeleton, by_path: Mapping[str, Field], lengths: Mapping[str, int], index: int | None
) -> Any:
    if isinstance(node, dict):
        return {name: _built(child, by_path, lengths, index) for name, child in node.items()}
    if isinstance(node, ListOf):
        return [
            _built(node.element, by_path, lengths, at) for at in range(lengths.get(path_text(node.path), 0))
        ]
    if isinstance(node, Leaf):
        path = path_text(
            tuple(f"[{index}]" if step == "[]" and index is not None else step for step in node.path)
        )
        found = by_path.get(path)
        return found.value if found is not None else None
    return None


def validate(schema: Mapping[str, Any], extraction: Mapping[str, Any]) -> tuple[bool, list[ResultWarning]]:
    """Whether the schema accepts what was found. Values that were not found count as absent, never as null.

    References outside the schema are never fetched, and patterns are matched in linear time.
    """
    offered = _present(schema, schema, extraction, 0)
    try:
        errors = list(islice(validator(dict(schema)).iter_errors(offered), _MAX_COMPLAINTS))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return False, [ResultWarning(code="schema_invalid", detail=f"not validated: {error}"[:300])]
    return not errors, [_complaint(error) for error in errors]


def _present(root: Mapping[str, Any], raw: Any, value: Any, depth: int) -> Any:
    """The extraction without what was not found, unless the schema itself allows null there."""
    if depth > 20:
        return value
    node = resolved(root, raw)
    if isinstance(value, dict):
        properties = node.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        needed = as_list(node.get("required"))
        kept = {}
        for name, inner in value.items():
            child = properties.get(name, {})
            if inner is None and not _nullable(root, child):
                continue
            cleaned = _present(root, child, inner, depth + 1)
            if cleaned == {} and isinstance(inner, dict) and inner and name not in needed:
                continue
            kept[name] = cleaned
        return kept
    if isinstance(value, list):
        return [_present(root, node.get("items", {}), inner, depth + 1) for inner in value]
    return value


def _nullable(root: Mapping[str, Any], raw: Any) -> bool:
    """Whether the schema says that null is a value here."""
    if not isinstance(raw, Mapping):
        return False
    for word in ("anyOf", "oneOf"):
        if any(
            isinstance(branch, Mapping) and branch.get("type") == "null" for branch in as_list(raw.get(word))
        ):
            return True
    node = resolved(root, raw)
    types = node.get("type")
    return (isinstance(types, list) and "null" in types) or (
        None in as_list(node.get("enum")) and not json_types(node)
    )


def _complaint(error: jsonschema_rs.ValidationError) -> ResultWarning:
    steps = tuple(f"[{step}]" if isinstance(step, int) else str(step) for step in error.instance_path)
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        missing = error.kind.property
        detail = f"the schema requires {missing!r}, which was not found"
        return ResultWarning(code="required_missing", detail=detail, path=path_text((*steps, missing)))
    return ResultWarning(code="schema_mismatch", detail=error.message[:300], path=path_text(steps) or None)
