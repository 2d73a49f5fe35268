"""The OpenAPI document: its links lead somewhere, and what it says of parameters and bodies holds.

In short; `make test-api` draws thousands of requests from it.
"""

from typing import Any

import pytest

from tests.e2e.client import Client, problem


@pytest.fixture
def operations(api: Client) -> dict[str, dict[str, Any]]:
    """By their ids, which are unique."""
    found = [
        {**operation, "path": path}
        for path, methods in api.get("/openapi.json")["paths"].items()
        for operation in methods.values()
    ]
    by_id = {operation["operationId"]: operation for operation in found}
    assert len(by_id) == len(found)
    return by_id


def test_links_lead_to_operations_that_take_what_they_bring(operations: dict[str, dict[str, Any]]) -> None:
    count = 0
    for operation in operations.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                target = operations[link["operationId"]]
                taken = {parameter["name"] for parameter in target["parameters"]}
                assert link["parameters"].keys() <= taken, (operation["operationId"], link)
                needed = {p["name"] for p in target["parameters"] if p["in"] == "path"}
                assert needed <= link["parameters"].keys(), (operation["operationId"], link)
                count += 1
    assert count > 50


def test_everything_that_is_addressed_can_be_reached_by_a_link(
    operations: dict[str, dict[str, Any]],
) -> None:
    reached = {
        link["operationId"]
        for operation in operations.values()
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
    }
    addressed = {name for name, operation in operations.items() if "{" in operation["path"]}
    assert addressed <= reached


def test_no_parameter_is_said_to_be_null(operations: dict[str, dict[str, Any]]) -> None:
    for operation in operations.values():
        for parameter in operation.get("parameters", ()):
            assert "null" not in str(parameter["schema"]), (operation["path"], parameter["name"])


def test_numbers_and_truth_values_of_json_are_not_guessed(api: Client, invoice: bytes) -> None:
    for wrong in ({"reuse": 1}, {"reuse": "yes"}, {"retention_hours": "24"}, {"retention_hours": True}):
        problem(api.send(invoice, **wrong), 422, "request_invalid")
    assert api.send(invoice, retention_hours=24.0).status_code == 202
    problem(api.http.post("/v1/query", json={"limit": True}), 422, "request_invalid")
    fields = {"reuse": "false", "retention_hours": "24"}
    posted = api.http.post("/v1/documents", files={"file": ("a.pdf", invoice)}, data=fields)
    assert posted.status_code == 202, posted.text


def test_numbers_beyond_what_a_database_counts_are_refused(api: Client, invoice: bytes) -> None:
    document = api.read(invoice)["id"]
    problem(api.http.get(f"/v1/documents/{document}/pages/{10**19}"), 422, "request_invalid")
    problem(api.http.get(f"/v1/documents/{document}/pages/{10**19}/image"), 422, "request_invalid")
    problem(api.http.get(f"/v1/schemas/invoice/versions/{10**19}"), 422, "request_invalid")


def test_an_empty_time_is_no_time(api: Client) -> None:
    for address in ("/v1/documents?created_after=", "/v1/usage?since=", "/v1/usage?until="):
        assert api.http.get(address).status_code == 422, address


def test_an_address_that_is_one_routes_own_allows_what_that_route_does(api: Client) -> None:
    answer = api.http.request("OPTIONS", "/v1/schemas/infer")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "POST"
