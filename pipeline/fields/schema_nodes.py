"""Steps through a JSON Schema: local references, optional branches, merged parts."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

_MOST_STEPS = 8


def resolved(root: Mapping[str, Any], node: Any, steps: int = _MOST_STEPS) -> Mapping[str, Any]:
    """The node behind local references, merged ``allOf`` and the first real branch of ``anyOf``."""
    while isinstance(node, Mapping):
        reference, branches = node.get("$ref"), _branches(node)
        if steps <= 0:
            return {}
        steps -= 1
        if isinstance(reference, str):
            target = pointed_at(root, reference) or {}
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        elif branches:
            rest = {k: v for k, v in node.items() if k not in ("anyOf", "oneOf", "allOf")}
            # allOf: every part holds; otherwise the first real branch stands for all.
            chosen = branches if isinstance(node.get("allOf"), list) and node["allOf"] else branches[:1]
            node = _merged([*(resolved(root, part, steps) for part in chosen), rest])
        else:
            return node
    return {}


def _branches(node: Mapping[str, Any]) -> list[Any]:
    """Branches to merge into the node; null branches (an optional value) are no branch."""
    for word in ("allOf", "anyOf", "oneOf"):
        some = node.get(word)
        if isinstance(some, list) and some:
            return [b for b in some if not (isinstance(b, Mapping) and b.get("type") == "null")] or [{}]
    return []


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        properties = {**_mapping(merged.get("properties")), **_mapping(part.get("properties"))}
        needed = [*as_list(merged.get("required")), *as_list(part.get("required"))]
        merged |= part
        if properties:
            merged["properties"] = properties
        if needed:
            merged["required"] = needed
    return merged


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def pointed_at(root: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """What a local reference points at; anything that is not inside this schema is left alone."""
    if not reference.startswith("#"):
        return None
    node: Any = root
    for step in filter(None, reference[1:].split("/")):
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        else:
            node = node.get(name) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else None


def json_types(node: Mapping[str, Any]) -> frozenset[str]:
    """The types a node allows, null aside."""
    types = node.get("type")
    if isinstance(types, str):
        return frozenset({types})
    if isinstance(types, list):
        return frozenset(str(t) for t in types) - {"null"}
    return frozenset()
