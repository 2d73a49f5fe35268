"""Runs: read again, retry, ask more, cancel; other tenants' ids do not exist."""

from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.ports import BlobKey
from schemas.ids import Digest, TenantId
from services.stores import blob_rows, commands
from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running

LOCKED = "locked by nobody"


def test_a_document_is_read_again_under_another_request(api: Client, invoice: bytes) -> None:
    document = api.read(invoice)
    path = f"/v1/documents/{document['id']}"
    for body in ({"request": {"schema": "invoice"}}, {"schema": "receipt"}, {}):
        answer = api.http.post(f"{path}/runs", json=body, headers={"Prefer": "wait=60"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["location"] == f"{path}/runs/{answer.json()['id']}"
    listed = api.get(f"{path}/runs", limit=3)
    assert [run["schema"] for run in listed["items"]] == [None, "receipt@1", "invoice@1"]
    rest = api.get(f"{path}/runs", limit=3, cursor=listed["next_cursor"])
    assert [run["id"] for run in rest["items"]] == [document["run_id"]]
    assert rest["next_cursor"] is None
    second = listed["items"][2]
    assert second["request"]["schema"] == "invoice"
    assert "password" not in second["request"]
    old = api.get(f"{path}/runs/{second['id']}/result")
    assert old == api.get(f"{path}/result", run=second["id"])
    assert old["document"]["run_id"] == second["id"]
    assert old["fields"]
    assert api.get(f"{path}/result")["fields"] == []
    problem(api.http.get(f"{path}/runs/run_none"), 404, "run_not_found")
    problem(api.http.get(f"{path}/result?run=run_none"), 404, "run_not_found")


def test_questions_make_a_run_and_are_answered_honestly(api: Client, invoice: bytes) -> None:
    document = api.read(invoice, tasks=["text"])
    path = f"/v1/documents/{document['id']}"
    answer = api.http.post(f"{path}/questions", json={"questions": ["Who?"]}, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200
    run = answer.json()
    assert run["request"]["questions"] == ["Who?"]
    assert run["request"]["tasks"] == ["questions", "text"]
    assert [a["state"] for a in api.get(f"{path}/result")["answers"]] == ["unsupported"]
    problem(api.http.post(f"{path}/questions", json={}), 422, "request_invalid")
    problem(api.http.post(f"{path}/questions", json={"questions": []}), 422, "request_invalid")


@pytest.fixture
def running_id(api: Client, long: bytes) -> Iterator[str]:
    """A document still being read: other tests posted the same bytes."""
    document_id = str(api.send(long, reuse=False).json()["id"])
    yield document_id
    api.http.post(f"/v1/documents/{document_id}/cancel")


def test_pages_are_there_while_the_rest_is_being_read(api: Client, running_id: str) -> None:
    path = f"/v1/documents/{running_id}"
    answer = api.http.get(f"{path}/result")
    body = problem(answer, 409, "not_finished")
    assert body["retryable"]
    assert int(answer.headers["retry-after"]) >= 1
    problem(api.http.post(f"{path}/retry"), 409, "not_finished")
    while not [page for page in api.get(f"{path}/pages", limit=40)["items"] if page["state"] == "read"]:
        assert api.get(path)["state"] in ("queued", "processing")
    assert api.get(path)["progress"]["pages_total"] == 40
    number = next(p["number"] for p in api.get(f"{path}/pages", limit=40)["items"] if p["state"] == "read")
    assert api.get(f"{path}/pages/{number}")["text"]


def test_cancelling_keeps_what_was_read_and_retry_reads_the_rest(api: Client, running_id: str) -> None:
    path = f"/v1/documents/{running_id}"
    while api.get(path)["progress"]["pages_done"] == 0:
        pass
    cancelled = api.http.post(f"{path}/cancel")
    assert cancelled.status_code == 200
    document = cancelled.json()
    assert document["state"] == "cancelled"
    done = document["progress"]["pages_done"]
    assert 0 < done < 40
    result = api.get(f"{path}/result")
    states = [page["state"] for page in result["pages"]]
    assert states.count("read") == done
    assert states.count("cancelled") == 40 - done
    assert api.http.post(f"{path}/cancel").status_code == 200, "cancelling twice is no fault"
    retried = api.http.post(f"{path}/retry", headers={"Prefer": "wait=60"})
    assert retried.status_code in (200, 202)
    finished = api.ended(running_id)
    assert finished["state"] == "succeeded"
    assert finished["run_id"] == retried.json()["id"] != document["run_id"]
    usage = api.get(f"{path}/result", include="")["usage"]
    assert usage["reused_pages"] == done
    problem(api.http.post(f"{path}/cancel"), 409, "already_finished")
    problem(api.http.post(f"{path}/retry"), 409, "nothing_to_retry")


def test_another_tenant_s_documents_do_not_exist(api: Client, running: Running, invoice: bytes) -> None:
    mine = api.read(invoice)
    other = TenantId("other")
    database = running.database()
    try:
        with database.write() as connection:
            key, _ = blob_rows.touch(connection, other, Digest(mine["sha256"]), len(invoice))
            blob_rows.mark_live(connection, key)
            new = commands.NewDocument(
                other, BlobKey(*key), "application/pdf", len(invoice), labels={"x": LOCKED}
            )
            document, run = commands.create_document(connection, new, commands.NewRun({}))
            commands.cancel_run(connection, other, document)
    finally:
        database.close()
    reads = ["", "/result", "/result.md", "/pages", "/pages/1", "/pages/1/image", "/runs", f"/runs/{run}"]
    reads += [f"/runs/{run}/result", "/events", "/tables/t1.csv", "/tables/t1.html"]
    writes = {"/cancel": {}, "/retry": {}, "/runs": {}, "/questions": {"questions": ["?"]}}
    calls: list[tuple[str, str, Any]] = [("GET", path, None) for path in reads]
    calls += [("POST", path, body) for path, body in writes.items()] + [("DELETE", "", None)]
    for method, path, body in calls:
        answer = api.http.request(method, f"/v1/documents/{document}{path}", json=body)
        problem(answer, 404, "document_not_found")
    # Its run under my document, and mine under its: neither exists.
    problem(api.http.get(f"/v1/documents/{mine['id']}/runs/{run}"), 404, "run_not_found")
    problem(api.http.get(f"/v1/documents/{mine['id']}/pages?run={run}"), 404, "run_not_found")
    assert api.get("/v1/documents", **{"label.x": LOCKED})["items"] == []
    assert str(document) not in api.http.get("/v1/documents?limit=200").text
