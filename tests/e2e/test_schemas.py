"""Named schemas over HTTP: put, used by a run, changed, deleted; one proposed from a document."""

import time
from typing import Any

from tests.e2e.client import Client, problem

NOTE: dict[str, Any] = {
    "type": "object",
    "title": "Note",
    "required": ["number"],
    "properties": {"number": {"type": "string", "x-labels": ["Rechnungsnummer"]}},
}


def fresh() -> str:
    return f"note-{time.time_ns()}"


def test_a_schema_is_put_used_changed_and_deleted(api: Client, invoice: bytes) -> None:
    name = fresh()
    made = api.http.put(f"/v1/schemas/{name}", json=NOTE)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/v1/schemas/{name}/versions/1"
    assert made.headers["etag"] == '"1"'
    view = made.json()
    assert (view["name"], view["version"], view["builtin"], view["title"]) == (name, 1, False, "Note")
    assert view["schema"] == NOTE
    assert api.http.put(f"/v1/schemas/{name}", json=view).status_code == 200, "what GET gives can be put back"

    document = api.read(invoice, schema=name)
    assert document["schema"] == f"{name}@1"
    assert api.get(f"/v1/documents/{document['id']}/result")["extraction"] == {"number": "RE-2024-00815"}

    other = {**NOTE, "properties": {"total": {"type": "number", "x-type": "money"}}, "required": []}
    assert api.http.put(f"/v1/schemas/{name}", json=other).json()["version"] == 2
    assert api.get(f"/v1/schemas/{name}")["version"] == 2
    assert api.get(f"/v1/schemas/{name}/versions/1") == view
    assert api.get(f"/v1/schemas/{name}@1") == view
    assert [v["version"] for v in api.get(f"/v1/schemas/{name}/versions")["items"]] == [2, 1]
    assert api.read(invoice, schema=f"{name}@1")["schema"] == f"{name}@1"
    assert api.read(invoice, schema=name)["schema"] == f"{name}@2"

    stale = api.http.put(f"/v1/schemas/{name}", json=NOTE, headers={"If-Match": '"1"'})
    problem(stale, 412, "version_mismatch")
    assert api.http.delete(f"/v1/schemas/{name}", headers={"If-Match": '"2"'}).status_code == 204
    problem(api.http.get(f"/v1/schemas/{name}"), 404, "schema_not_found")
    problem(api.send(invoice, schema=name), 422, "schema_unknown")
    assert api.get(f"/v1/documents/{document['id']}/result")["extraction"] == {"number": "RE-2024-00815"}
    again = api.http.post(f"/v1/documents/{document['id']}/runs", json={"schema": "invoice"})
    assert again.json()["schema"] == "invoice@1"


def test_the_list_names_those_built_in(api: Client) -> None:
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/schemas", limit=4, **cursor)
        names += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert {"invoice", "receipt", "purchase_order", "bank_statement", "id_document", "contract"} <= set(names)
    assert names == sorted(names)
    problem(api.http.get("/v1/schemas", params={"cursor": "zzz"}), 422, "cursor_invalid")


def test_faults_of_a_schema_have_pointers(api: Client) -> None:
    name = fresh()
    bad: Any
    for bad, pointer in (
        ({"type": "objekt"}, "/type"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}, "/properties/a/$ref"),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, "/properties/a/pattern"),
        ({"propertys": {}}, "/propertys"),
    ):
        body = problem(api.http.put(f"/v1/schemas/{name}", json=bad), 422, "schema_invalid")
        assert [item["pointer"] for item in body["errors"]] == [pointer]
    problem(api.http.put(f"/v1/schemas/{name}", json=[1]), 422, "request_invalid")
    problem(api.http.put(f"/v1/schemas/{name}", content=b"{"), 415, "unsupported_media_type")
    problem(api.http.put("/v1/schemas/a%20b", json=NOTE), 422, "schema_name")
    problem(api.http.put(f"/v1/schemas/{name}", json=NOTE, headers={"If-Match": "1"}), 422, "request_invalid")
    problem(api.http.delete("/v1/schemas/receipt"), 409, "schema_builtin")
    problem(api.http.get(f"/v1/schemas/{name}/versions"), 404, "schema_not_found")
    problem(api.http.get("/v1/schemas/receipt/versions/7"), 404, "schema_not_found")


def test_a_schema_is_proposed_and_works(api: Client, invoice: bytes) -> None:
    document = api.read(invoice)
    proposed = api.http.post("/v1/schemas/infer", json={"document_id": document["id"], "title": "Rechnung"})
    assert proposed.status_code == 200, proposed.text
    body = proposed.json()
    assert body["schema"]["title"] == "Rechnung"
    basis = {item["path"]: item for item in body["basis"]}
    assert basis["number"] == {
        "path": "number", "label": "Rechnungsnummer", "value": "RE-2024-00815", "page": 1
    }  # fmt: skip
    assert "line_items[].unit_price" in basis
    name = fresh()
    assert api.http.put(f"/v1/schemas/{name}", json=body["schema"]).status_code == 201
    read = api.read(invoice, schema=name)
    extraction = api.get(f"/v1/documents/{read['id']}/result")["extraction"]
    assert (extraction["number"], extraction["total"]) == ("RE-2024-00815", 685.68)
    assert len(extraction["line_items"]) == 5

    problem(api.http.post("/v1/schemas/infer", json={"document_id": "doc_0"}), 404, "document_not_found")
    problem(api.http.post("/v1/schemas/infer", json={}), 422, "request_invalid")
