"""JSON Schemas that callers bring: checked before use, and validated against without leaving the document.

A retriever that refuses, a regex engine of linear time and bounds on size and depth, because a schema is
input from a stranger: validators have fetched ``http:`` and ``file:`` references and to hang on regexes.
"""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from pipeline.schema_keywords import applied_here, complaints
from schemas.errors import ErrorItem, RequestInvalid

MAX_DEPTH = 32
MAX_NODES = 4000
MAX_STRING = 10_000
MAX_CHECKS = 20_000
"""Schemas that may judge one value: references to references double, and validating would take hours."""
MAX_CHAIN = 200
"""References and branches that may follow one another."""

_REGEX = jsonschema_rs.RegexOptions(size_limit=1_000_000, dfa_size_limit=1_000_000)
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# What stands below these is data, not a schema: a ``$ref`` or ``$id`` there means nothing.
_DATA = frozenset({"const", "enum", "default", "examples"})
# Below these the keys are names of the caller's, not keywords.
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})


def check_schema(schema: dict[str, Any], at: str = "/request/schema") -> None:
    """Raise `RequestInvalid` with a pointer for whatever makes the schema unusable; ``at`` leads it."""
    faults = list(_walk(schema, at))
    if not faults:
        faults = list(_compile_faults(schema, at)) or list(_branching_faults(schema, at))
    if faults:
        raise RequestInvalid("schema_invalid", faults[0].detail, errors=faults[:20])


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """A validator that retrieves nothing; the schema must have passed `check_schema`."""
    return jsonschema_rs.Draft202012Validator(schema, pattern_options=_REGEX, retriever=_retrieve_nothing)


def _retrieve_nothing(uri: str) -> Any:
    raise ValueError(f"nothing is retrieved: {uri[:200]}")


def _compile_faults(schema: dict[str, Any], at: str) -> Iterator[ErrorItem]:
    try:
        jsonschema_rs.meta.validate({**schema, "$schema": _DIALECT})
        compiled = validator(schema)
    except jsonschema_rs.ValidationError as error:
        place = "".join(f"/{_escaped(str(part))}" for part in error.instance_path)
        yield ErrorItem(pointer=at + place, code="schema_keyword", detail=error.message[:300])
        return
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        yield ErrorItem(pointer=at, code="schema_keyword", detail=str(error)[:300])
        return
    del compiled


def _walk(schema: dict[str, Any], at: str) -> Iterator[ErrorItem]:
    """Bounds and references, without recursion: the depth is the caller's."""
    stack: list[tuple[Any, str, int, bool]] = [(schema, at, 0, True)]
    nodes = 0
    while stack:
        node, place, depth, is_schema = stack.pop()
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            limit = f"{MAX_NODES} nodes" if nodes > MAX_NODES else f"{MAX_DEPTH} levels"
            yield _too_large(place, f"the schema has more than {limit}")
            return
        if isinstance(node, str) and len(node) > MAX_STRING:
            yield _too_large(place, "a string of the schema is too long")
        if isinstance(node, dict):
            if is_schema:
                yield from _keyword_faults(node, schema, place)
            for key, value in node.items():
                below = _below(str(key), is_schema)
                if below is not None:
                    stack.append((value, f"{place}/{_escaped(str(key))}", depth + 1, below))
        elif isinstance(node, list):
            stack.extend((value, f"{place}/{i}", depth + 1, is_schema) for i, value in enumerate(node))


def _too_large(place: str, detail: str) -> ErrorItem:
    return ErrorItem(pointer=place, code="schema_too_large", detail=detail)


def _below(key: str, is_schema: bool) -> bool | None:
    """Whether what stands below a key is a schema (True), names of schemas (False), or data (None)."""
    if not is_schema:
        return True
    if key in _DATA:
        return None
    return key not in _NAMED


def _keyword_faults(node: dict[str, Any], root: dict[str, Any], place: str) -> Iterator[ErrorItem]:
    for keyword, reason in complaints(node, root=node is root):
        yield ErrorItem(pointer=f"{place}/{_escaped(keyword)}", code="schema_keyword", detail=reason)
    dialect = node.get("$schema")
    if dialect is not None and str(dialect).rstrip("#") != _DIALECT and not _older(dialect):
        yield ErrorItem(
            pointer=f"{place}/$schema", code="schema_keyword", detail=f"the dialect read is {_DIALECT}"
        )
    reference = node.get("$ref")
    if reference is not None and not _resolves(reference, root):
        yield ErrorItem(
            pointer=f"{place}/$ref",
            code="schema_reference",
            detail="a $ref must point into this schema, e.g. #/$defs/money; nothing is fetched",
        )


def _older(dialect: object) -> bool:
    """Older drafts are read as 2020-12: the keywords that differ are refused or rare, the name is common."""
    return isinstance(dialect, str) and "json-schema.org/" in dialect


def _branching_faults(schema: dict[str, Any], at: str) -> Iterator[ErrorItem]:
    counts: dict[int, int] = {}
    stack: list[Any] = [schema]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            if _checks(node, schema, counts, 0) > MAX_CHECKS:
                detail = f"references and branches of this schema lead to more than {MAX_CHECKS} checks"
                yield _too_large(at, detail)
                return
        if isinstance(node, dict | list):
            stack.extend(node.values() if isinstance(node, dict) else node)


def _checks(node: Any, root: dict[str, Any], counts: dict[int, int], depth: int) -> int:
    """How many schemas judge a value that this one judges, counted up to the limits.

    One that is met again below itself judges its own judgement, without end: more than any limit.
    """
    if not isinstance(node, dict):
        return 1
    if depth > MAX_CHAIN:
        return MAX_CHECKS + 1
    known = counts.get(id(node))
    if known is None:
        counts[id(node)] = MAX_CHECKS + 1
        inner = list(applied_here(node))
        if isinstance(node.get("$ref"), str):
            inner.append(_target(node["$ref"], root))
        known = min(1 + sum(_checks(part, root, counts, depth + 1) for part in inner), MAX_CHECKS + 1)
        counts[id(node)] = known
    return known


def _resolves(reference: object, root: dict[str, Any]) -> bool:
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return False
    return isinstance(_target(reference, root), dict | bool)


def _target(reference: str, root: dict[str, Any]) -> Any:
    """What a pointer into this document points at; None when there is nothing."""
    node: Any = root
    for part in reference[2:].split("/") if reference != "#" else ():
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            return None
    return node


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")[:200]
