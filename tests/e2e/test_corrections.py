"""Corrections over HTTP: typed, kept beside the machine's value, used by queries and `extraction`."""

import time
from typing import Any

import pytest

from tests.e2e.client import Client, problem


@pytest.fixture
def document(api: Client, invoice: bytes) -> dict[str, Any]:
    return api.read(invoice, schema="invoice", labels={"lot": f"c{time.time_ns()}"})


def correct(api: Client, document: dict[str, Any], *corrections: dict[str, Any]) -> Any:
    return api.http.patch(f"/v1/documents/{document['id']}/fields", json={"corrections": corrections})


def field(api: Client, document: dict[str, Any], path: str) -> Any:
    result = api.get(f"/v1/documents/{document['id']}/result")
    return next(leaf for leaf in result["fields"] if leaf["path"] == path)


def totals(api: Client, document: dict[str, Any], **value: Any) -> list[Any]:
    where: dict[str, Any] = {"document": "id", "op": "eq", "value": document["id"]}
    if value:
        where = {"and": [where, {"field": "total", **value}]}
    body = api.http.post(
        "/v1/query", json={"where": where, "select": ["total", {"confidence": "total"}]}
    ).json()
    return [(row["total"], row["total.confidence"]) for row in body["items"]]


def test_a_correction_counts_and_the_machines_value_stays(api: Client, document: dict[str, Any]) -> None:
    answer = correct(
        api, document, {"path": "total", "value": "700.10"}, {"path": "line_items[1].quantity", "value": 6}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [leaf["path"] for leaf in body["fields"]] == ["total", "line_items[1].quantity"]
    assert body["extraction"]["total"] == 700.1
    leaf = field(api, document, "total")
    assert (leaf["value"], leaf["state"]) == (685.68, "found")
    assert leaf["correction"]["value"] == 700.1
    assert leaf["correction"]["by"] == "local"
    assert leaf["correction"]["at"].endswith("Z")
    result = api.get(f"/v1/documents/{document['id']}/result")
    assert result["extraction"]["total"] == 700.1
    assert result["extraction"]["line_items"][1]["quantity"] == 6
    assert totals(api, document) == [(700.1, 1.0)]
    assert totals(api, document, op="eq", value="700.10") == [(700.1, 1.0)]
    assert totals(api, document, op="lt", value=700) == []


def test_null_means_that_it_is_not_there_and_withdrawing_brings_the_machines_back(
    api: Client, document: dict[str, Any]
) -> None:
    body = correct(api, document, {"path": "total", "value": None}).json()
    assert body["extraction"]["total"] is None
    assert body["extraction_valid"] is False, "the schema requires a total"
    warnings = api.get(f"/v1/documents/{document['id']}/result")["warnings"]
    assert ("required_missing", "total") in [(w["code"], w["path"]) for w in warnings]
    assert totals(api, document, op="exists", value=True) == []
    body = correct(api, document, {"path": "total", "withdraw": True}).json()
    assert (body["extraction"]["total"], body["extraction_valid"]) == (685.68, True)
    assert body["fields"][0]["correction"] is None
    assert totals(api, document) == [(685.68, None)]
    warnings = api.get(f"/v1/documents/{document['id']}/result")["warnings"]
    assert "required_missing" not in [w["code"] for w in warnings]


def test_the_event_names_the_paths(api: Client, document: dict[str, Any]) -> None:
    correct(api, document, {"path": "number", "value": "X-1"})
    text = api.http.get(f"/v1/documents/{document['id']}/events").text
    assert "event: document.corrected" in text
    assert '"paths":["number"]' in text


@pytest.mark.parametrize(
    ("correction", "pointer", "code"),
    [
        ({"path": "total", "value": "much"}, "/corrections/1/value", "type_mismatch"),
        ({"path": "total", "value": True}, "/corrections/1/value", "type_mismatch"),
        ({"path": "total", "value": [1]}, "/corrections/1/value", "type_mismatch"),
        ({"path": "date", "value": "14.03.2024"}, "/corrections/1/value", "type_mismatch"),
        ({"path": "issuer", "value": 5}, "/corrections/1/value", "type_mismatch"),
        ({"path": "nothing", "value": 5}, "/corrections/1/path", "field_not_found"),
        ({"path": "line_items", "value": "x"}, "/corrections/1/path", "field_not_found"),
        ({"path": "line_items[99].amount", "value": 1}, "/corrections/1/path", "field_not_found"),
        ({"path": "number", "value": "again"}, "/corrections/1/path", "repeated"),
        ({"path": "total"}, "/corrections/1", "correction_malformed"),
        ({"path": "total", "value": 1, "withdraw": True}, "/corrections/1", "correction_malformed"),
    ],
)
def test_faults_have_pointers_and_nothing_is_changed(
    api: Client, document: dict[str, Any], correction: dict[str, Any], pointer: str, code: str
) -> None:
    answer = correct(api, document, {"path": "number", "value": "X-1"}, correction)
    errors = problem(answer, 422, "request_invalid")["errors"]
    assert [(item["pointer"], item["code"]) for item in errors] == [(pointer, code)]
    assert field(api, document, "number")["correction"] is None


def test_what_has_no_fields_cannot_be_corrected(api: Client, invoice: bytes) -> None:
    bare = api.read(invoice)
    problem(correct(api, bare, {"path": "total", "value": 1}), 409, "no_fields")
    problem(correct(api, {"id": "doc_0"}, {"path": "total", "value": 1}), 404, "document_not_found")
    problem(correct(api, bare), 422, "request_invalid")
