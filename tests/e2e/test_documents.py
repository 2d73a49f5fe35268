"""Documents from POST to DELETE, as a caller sees them."""

import hashlib
import re
import time
from typing import Any

import pytest

from schemas.result import Result
from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_post_answers_at_once_and_says_where_to_look(api: Client, invoice: bytes) -> None:
    answer = api.send(invoice, "Rechnung März.pdf", labels={"dept": "hr"}, external_id="erp-1")
    assert answer.status_code == 202
    body = answer.json()
    assert re.fullmatch(r"doc_[0-9a-z]{26}", body["id"])
    assert re.fullmatch(r"run_[0-9a-z]{26}", body["run_id"])
    assert answer.headers["location"] == f"/v1/documents/{body['id']}"
    assert body["state"] in ("queued", "processing")
    assert body["sha256"] == hashlib.sha256(invoice).hexdigest()
    assert body["bytes"] == len(invoice)
    assert (body["filename"], body["media_type"]) == ("Rechnung März.pdf", "application/pdf")
    assert (body["labels"], body["external_id"], body["schema"]) == ({"dept": "hr"}, "erp-1", None)
    assert TIME.fullmatch(body["created_at"])
    assert body["finished_at"] is None
    done = api.ended(body["id"])
    assert done["state"] == "succeeded"
    assert done["progress"] == {"pages_total": 1, "pages_done": 1, "pages_failed": 0}
    assert TIME.fullmatch(done["finished_at"])
    assert "result" not in done


def test_waiting_answers_when_the_run_has_finished(api: Client, invoice: bytes) -> None:
    answer = api.send(invoice, headers={"Prefer": "respond-async, wait=600"})
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=60"
    assert answer.json()["state"] == "succeeded"


def test_waiting_ends_when_its_time_is_over(api: Client, long: bytes) -> None:
    started = time.monotonic()
    answer = api.send(long, headers={"Prefer": "wait=0"}, reuse=False)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=0"
    assert time.monotonic() - started < 60
    api.http.post(f"/v1/documents/{answer.json()['id']}/cancel")


def test_the_result_can_be_had_with_the_document(api: Client, invoice: bytes) -> None:
    parts = {"file": ("a.pdf", invoice)}
    answer = api.http.post("/v1/documents?expand=result", files=parts, headers={"Prefer": "wait=60"})
    body = answer.json()
    assert body["result"] == api.get(f"/v1/documents/{body['id']}/result")
    again = api.get(f"/v1/documents/{body['id']}", expand="result")
    assert again == body


def test_lists_filter_and_page(api: Client, invoice: bytes) -> None:
    mark = f"m{time.time_ns()}"
    made = [
        api.send(invoice, labels={"lot": mark, "n": str(n)}, external_id=mark).json()["id"] for n in range(5)
    ]
    for document_id in made:
        api.ended(document_id)
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get("/v1/documents", **{"label.lot": mark, "limit": 2}, **cursor)
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == sorted(made, reverse=True)

    def ids(**params: str) -> list[str]:
        return [item["id"] for item in api.get("/v1/documents", external_id=mark, **params)["items"]]

    assert ids(**{"label.n": "3"}) == [made[3]]
    assert ids(**{"label.n": "3", "label.lot": "other"}) == []
    assert ids(state="succeeded") == seen
    assert ids(state="failed") == []
    assert ids(sha256=hashlib.sha256(invoice).hexdigest()) == seen
    assert ids(sha256="0" * 64) == []
    assert ids(batch_id="bat_none") == []
    created = api.get(f"/v1/documents/{made[2]}")["created_at"]
    assert set(ids(created_after=created)) >= set(made[3:])
    assert made[1] not in ids(created_after=created)
    assert ids(created_after="2999-01-01T00:00:00Z") == []


@pytest.mark.parametrize("cursor", ["x", "ZG9jdW1lbnRz", "cnVuczo1", "%%%", "A" * 300])
def test_a_foreign_cursor_is_refused(api: Client, cursor: str) -> None:
    problem(api.http.get("/v1/documents", params={"cursor": cursor}), 422, "cursor_invalid")


def test_delete_removes_rows_and_bytes(api: Client, running: Running, invoice: bytes) -> None:
    content = invoice + b"\n%" + str(time.time_ns()).encode()
    first, second = api.read(content)["id"], api.read(content)["id"]
    stored = running.data / "blobs"
    digest = hashlib.sha256(content).hexdigest()
    assert api.http.delete(f"/v1/documents/{first}").status_code == 204
    assert [path for path in stored.rglob(f"{digest}*") if path.is_file()], (
        "another document has the same bytes"
    )
    assert api.get(f"/v1/documents/{second}/result")["pages"][0]["text"]
    assert api.http.delete(f"/v1/documents/{second}").status_code == 204
    assert not [path for path in stored.rglob(f"{digest}*") if path.is_file()]
    for path in ("", "/result", "/result.md", "/pages", "/pages/1", "/pages/1/image", "/runs", "/events"):
        problem(api.http.get(f"/v1/documents/{first}{path}"), 404, "document_not_found")
    problem(api.http.delete(f"/v1/documents/{first}"), 404, "document_not_found")
    assert first not in [item["id"] for item in api.get("/v1/documents", limit=200)["items"]]
    assert api.read(content)["state"] == "succeeded"


def test_an_unreadable_document_fails_with_a_reason_and_has_no_result(api: Client) -> None:
    document = api.read(b"%PDF-1.7\nthis is no PDF")
    assert document["state"] == "failed"
    assert document["error"]["code"] == "document_corrupt"
    problem(api.http.get(f"/v1/documents/{document['id']}/result"), 409, "no_result")
    expanded = api.get(f"/v1/documents/{document['id']}", expand="result")
    assert expanded["result"] is None


def test_a_scan_is_read_by_the_engine(api: Client, receipt: bytes) -> None:
    document = api.read(receipt, "beleg.jpg")
    assert document["media_type"] == "image/jpeg"
    result = Result.model_validate(api.get(f"/v1/documents/{document['id']}/result"))
    page = result.pages[0]
    assert page.engine is not None
    assert (page.engine.name, page.state) == ("scripted", "read")
    assert page.budget is not None
    assert result.usage.visual_tokens == page.budget.visual_tokens
