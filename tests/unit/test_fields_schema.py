"""A caller's schema becomes leaves with labels, whatever shape it has."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fields.leaves import MAX_LEAVES, leaves, walk
from pipeline.fields.shapes import Kind
from schemas.field import FieldType


def _leaf(schema: dict[str, Any], name: str = "x") -> Any:
    (found,) = leaves({"properties": {name: schema}})
    return found


def test_nested_objects_lists_and_odd_names_become_paths() -> None:
    schema = {
        "properties": {
            "seller": {"properties": {"name": {"type": "string"}}},
            "lines": {"type": "array", "items": {"properties": {"a.b": {"type": "number"}}}},
            "tags": {"type": "array", "items": {"type": "string"}},
        }
    }
    assert [leaf.name for leaf in leaves(schema)] == ["seller.name", 'lines[]["a.b"]', "tags[]"]


@pytest.mark.parametrize(
    ("node", "name", "type_", "kind"),
    [
        ({"type": "string", "format": "date"}, "x", FieldType.DATE, Kind.PLAIN),
        ({"type": "number", "x-type": "money"}, "x", FieldType.MONEY, Kind.PLAIN),
        ({"type": "number"}, "grand_total", FieldType.MONEY, Kind.PLAIN),
        ({"type": "number"}, "weight", FieldType.NUMBER, Kind.PLAIN),
        ({"type": "number"}, "shippingCost", FieldType.MONEY, Kind.PLAIN),
        ({"type": "string"}, "birth_date", FieldType.DATE, Kind.PLAIN),
        ({"type": "string"}, "invoiceNumber", FieldType.TEXT, Kind.IDENTIFIER),
        ({"type": ["boolean", "null"]}, "x", FieldType.BOOLEAN, Kind.PLAIN),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", FieldType.INTEGER, Kind.PLAIN),
        ({"enum": ["a", "b", None]}, "x", FieldType.ENUM, Kind.PLAIN),
        ({"const": "a"}, "x", FieldType.ENUM, Kind.PLAIN),
        ({}, "x", FieldType.TEXT, Kind.PLAIN),
        ({"type": "string", "format": "email"}, "x", FieldType.TEXT, Kind.EMAIL),
    ],
)
def test_types_follow_hints_then_json_types_then_names(
    node: dict[str, Any], name: str, type_: FieldType, kind: Kind
) -> None:
    leaf = _leaf(node, name)
    assert (leaf.type, leaf.kind) == (type_, kind)


def test_labels_come_from_hints_title_name_and_meaning() -> None:
    leaf = _leaf({"type": "number", "title": "Zu zahlen", "x-labels": ["Summe brutto"]}, "payable")
    texts = {label.text.lower() for label in leaf.labels}
    assert {"summe brutto", "zu zahlen", "payable", "total ttc", "合計"} <= texts


def test_a_buyers_name_is_not_the_sellers() -> None:
    schema = {
        "properties": {
            "customer": {"properties": {"name": {"type": "string"}, "vat_id": {"type": "string"}}},
            "supplier": {"properties": {"name": {"type": "string"}, "address": {"type": "string"}}},
        }
    }
    assert [leaf.concept for leaf in leaves(schema)] == ["recipient", None, "issuer", "issuer_address"]


def test_local_references_are_followed_and_others_are_said() -> None:
    schema = {
        "$defs": {"money": {"type": "number", "x-type": "money"}},
        "properties": {
            "a": {"$ref": "#/$defs/money", "title": "Betrag"},
            "b": {"$ref": "https://x.example/s"},
        },
    }
    walked = walk(schema)
    assert [leaf.type for leaf in walked.leaves] == [FieldType.MONEY, FieldType.TEXT]
    assert [(w.code, w.path) for w in walked.warnings] == [("schema_reference", "b")]


def test_parts_of_allof_are_merged_wherever_they_come_from() -> None:
    schema = {
        "$defs": {
            "base": {"properties": {"a": {"type": "string"}}},
            "more": {"properties": {"b": {"type": "number"}}},
        },
        "allOf": [{"$ref": "#/$defs/base"}, {"$ref": "#/$defs/more"}],
        "properties": {"c": {"type": "string"}},
    }
    assert [leaf.name for leaf in leaves(schema)] == ["a", "b", "c"]


def test_what_is_not_extracted_is_said() -> None:
    schema = {
        "properties": {
            "free": {"type": "object"},
            "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
            "deep": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
            "cond": {"type": "string", "not": {"const": "x"}},
        }
    }
    assert {w.path for w in walk(schema).warnings} == {"free", "either", "deep[]", "cond"}


def test_a_schema_that_refers_to_itself_ends() -> None:
    names = {f"p{i}": {"$ref": "#"} for i in range(20)}
    walked = walk({"properties": {**names, "leaf": {"type": "string"}}})
    assert 0 < len(walked.leaves) <= MAX_LEAVES
    assert any(w.code == "schema_too_deep" for w in walked.warnings)


def test_a_schema_of_a_thousand_values_is_cut_with_a_warning() -> None:
    walked = walk({"properties": {f"p{i}": {"type": "string"} for i in range(1000)}})
    assert len(walked.leaves) == MAX_LEAVES
    assert [w.code for w in walked.warnings] == ["schema_too_large"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "anyOf", "allOf", "$ref", "enum", "required", "x", "title"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["properties", "items", "$ref", "allOf", "type"]), _JSON, max_size=4))
def test_malformed_schemas_are_survived(schema: dict[str, Any]) -> None:
    assert len(walk(schema).leaves) <= MAX_LEAVES
