"""Schemas of strangers: nothing is fetched, nothing hangs, every fault has its pointer."""

import time
from typing import Any

import pytest

from pipeline.user_schema import MAX_DEPTH, check_schema, validator
from schemas.errors import RequestInvalid


def faults(schema: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(RequestInvalid) as refusal:
        check_schema(schema, "")
    return {item.pointer: item.code for item in refusal.value.errors}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}},
        {"$defs": {"money": {"type": "number"}}, "properties": {"total": {"$ref": "#/$defs/money"}}},
        {"$defs": {"a/b": {}, "c~d": {}}, "allOf": [{"$ref": "#/$defs/a~1b"}, {"$ref": "#/$defs/c~0d"}]},
        {"properties": {"child": {"$ref": "#"}}},
        {"const": {"$ref": "http://example.com"}, "default": {"$id": 3}},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://example.com/s",
            "type": "object",
        },
        {"type": "string", "pattern": "^[A-Z]{2}\\d+$", "x-labels": ["No."], "format": "date"},
        {"items": True},
    ],
)
def test_usable(schema: dict[str, Any]) -> None:
    check_schema(schema)
    validator(schema)


@pytest.mark.parametrize(
    ("schema", "pointer", "code"),
    [
        ({"properties": {"a": {"$ref": "http://127.0.0.1/x"}}}, "/properties/a/$ref", "schema_reference"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "schema_reference"),
        ({"$ref": "other.json"}, "/$ref", "schema_reference"),
        ({"$ref": "#/$defs/missing"}, "/$ref", "schema_reference"),
        ({"$ref": 5}, "/$ref", "schema_reference"),
        ({"items": {"$id": "https://example.com/inner"}}, "/items/$id", "schema_keyword"),
        ({"$dynamicRef": "#x"}, "/$dynamicRef", "schema_keyword"),
        ({"requred": ["a"]}, "/requred", "schema_keyword"),
        ({"items": {"maxlength": 3}}, "/items/maxlength", "schema_keyword"),
        ({"$schema": "https://example.com/mine"}, "/$schema", "schema_keyword"),
        ({"properties": {"a/b": {"type": "strin"}}}, "/properties/a~1b/type", "schema_keyword"),
        ({"pattern": r"(a)\1"}, "/pattern", "schema_keyword"),
        ({"pattern": "(?=a)"}, "/pattern", "schema_keyword"),
        ({"pattern": "a{1,1000}{1,1000}{1,1000}"}, "/pattern", "schema_keyword"),
        ({"patternProperties": {"(": {}}}, "/patternProperties/(", "schema_keyword"),
        ({"description": "x" * 20_000}, "/description", "schema_too_large"),
        ({"enum": list(range(5000))}, None, None),
        ({"properties": {f"p{i}": {} for i in range(5000)}}, None, "schema_too_large"),
    ],
)
def test_unusable(schema: dict[str, Any], pointer: str | None, code: str | None) -> None:
    if code is None:
        check_schema(schema)
        return
    found = faults(schema)
    assert code in found.values()
    if pointer is not None:
        assert found == {pointer: code}


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {}
    for _ in range(MAX_DEPTH * 40):
        schema = {"items": schema}
    assert set(faults(schema).values()) == {"schema_too_large"}


def test_references_that_double_are_refused() -> None:
    """Thirty-one short lines that a validator would follow two thousand million times."""
    parts: dict[str, Any] = {
        f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}, {"$ref": f"#/$defs/a{i + 1}"}]} for i in range(30)
    }
    assert faults({"$defs": {**parts, "a30": {}}, "properties": {"x": {"$ref": "#/$defs/a0"}}}) == {
        "": "schema_too_large"
    }


def test_a_chain_of_references_is_followed_up_to_a_limit() -> None:
    def chain(length: int) -> dict[str, Any]:
        parts: dict[str, Any] = {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(length)}
        return {"$defs": {**parts, f"a{length}": {"type": "string"}}, "$ref": "#/$defs/a0"}

    check_schema(chain(100))
    assert set(faults(chain(1500)).values()) == {"schema_too_large"}


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_a_schema_that_judges_its_own_judgement_is_refused(word: str) -> None:
    part = {word: [{"$ref": "#/$defs/a"}] * 40}
    schema = {"properties": {"x": {"$ref": "#/$defs/a"}}, "$defs": {"a": part}}
    assert set(faults(schema).values()) == {"schema_too_large"}


def test_a_tree_of_nodes_may_hold_itself() -> None:
    node = {"properties": {"name": {"type": "string"}, "below": {"items": {"$ref": "#/$defs/node"}}}}
    check_schema({"$ref": "#/$defs/node", "$defs": {"node": node}})


def test_patterns_take_linear_time() -> None:
    schema = {"type": "string", "pattern": "^(a+)+$"}
    check_schema(schema)
    started = time.perf_counter()
    assert not validator(schema).is_valid("a" * 10_000 + "b")
    # A backtracking engine would take longer than the universe has lasted.
    assert time.perf_counter() - started < 60
