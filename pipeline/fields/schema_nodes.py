"""Steps through a JSON Schema: local references, optional branches, merged parts; never leaves the document."""

from collections.abc import Mapping, Sequence
from typing import Any

_MOST_STEPS = 8


def resolved(root: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """The node behind local references, a single ``allOf`` or the first real branch of ``anyOf``."""
    for _ in range(_MOST_STEPS):
        if not isinstance(node, Mapping):
            return {}
        if isinstance(node.get("$ref"), str):
            target = pointed_at(root, node["$ref"])
            node = (
                {**target, **{k: v for k, v in node.items() if k != "$ref"}}
                if target is not None
                else _drop(node)
            )
            continue
        branches = _branches(node)
        if branches is None:
            return node
        rest = {k: v for k, v in node.items() if k not in ("anyOf", "oneOf", "allOf")}
        node = {**(branches[0] if isinstance(branches[0], Mapping) else {}), **rest}
    return {}


def _drop(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return {k: v for k, v in node.items() if k != "$ref"}


def _branches(node: Mapping[str, Any]) -> Sequence[Any] | None:
    """Branches to merge into the node; null branches (an optional value) are no branch."""
    for word in ("allOf", "anyOf", "oneOf"):
        some = node.get(word)
        if isinstance(some, list) and some:
            real = [b for b in some if not (isinstance(b, Mapping) and b.get("type") == "null")]
            if word == "allOf" and all(isinstance(b, Mapping) for b in real):
                return [_merged(real)]
            return real or [{}]
    return None


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        needed = [*merged.get("required", []), *part.get("required", [])]
        merged |= part
        if properties:
            merged["properties"] = properties
        if needed:
            merged["required"] = needed
    return merged


def pointed_at(root: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    """What a local reference points at; anything that is not inside this schema is left alone."""
    if not reference.startswith("#"):
        return None
    node: Any = root
    for step in reference[1:].strip("/").split("/"):
        if not step:
            continue
        name = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
        node = node.get(name) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else None


def json_types(node: Mapping[str, Any]) -> frozenset[str]:
    types = node.get("type")
    if isinstance(types, str):
        return frozenset({types})
    if isinstance(types, list):
        return frozenset(str(t) for t in types) - {"null"}
    return frozenset()
