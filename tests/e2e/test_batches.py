"""Batches from POST to results, as a caller sees them."""

import base64
import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.e2e.client import Client, problem
from tests.samples.archives import gzipped, sevened, tarred, zipped, zstded

END = b"\n%"


def post(
    api: Client, archive: bytes, headers: dict[str, str] | None = None, **request: Any
) -> httpx.Response:
    parts: dict[str, Any] = {"file": ("papers.bin", archive)}
    if request:
        parts["request"] = (None, json.dumps(request), "application/json")
    return api.http.post("/v1/batches", files=parts, headers=headers or {})


def ended(api: Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in (200, 202), answer.text
    while True:
        batch = api.http.get(answer.headers["location"], headers={"Prefer": "wait=60"}).json()
        if batch["finished_at"] is not None:
            return dict(batch)


def lines(api: Client, batch: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    answer = api.http.get(f"/v1/batches/{batch['id']}/results.ndjson", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines() if line]


def members(api: Client, batch: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = api.get(f"/v1/batches/{batch['id']}/documents", limit=2, **params, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("pack", [zipped, tarred, gzipped, zstded, sevened])
def test_an_archive_becomes_documents(
    api: Client, invoice: bytes, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    archive = pack(
        {
            "März/a.pdf": invoice,
            "März/same.pdf": invoice,
            "b.pdf": invoice + END,
            "notes.txt": b"hello",
            "__MACOSX/._a.pdf": b"x",
            "empty.pdf": b"",
            "../up.pdf": invoice,
            "inner.zip": zipped({"c.pdf": invoice + END * 2}),
        }
    )
    batch = ended(api, post(api, archive, labels={"lot": "7"}, schema="invoice"))
    assert batch["state"] == "partial"
    assert batch["counts"] == {
        "pending": 0, "succeeded": 4, "partial": 0, "failed": 0, "cancelled": 0, "refused": 2, "deleted": 0,
    }  # fmt: skip
    assert batch["refused"] == {"unsupported_media_type": 1, "member_name_unsafe": 1}
    assert batch["skipped"] == {"junk": 1, "empty": 1, "archive": 1}
    assert batch["progress"] == {"members_total": 6, "members_done": 6}
    listed = members(api, batch)
    assert [(m["number"], m["name"], m["state"]) for m in listed] == [
        (1, "März/a.pdf", "succeeded"),
        (2, "März/same.pdf", "succeeded"),
        (3, "b.pdf", "succeeded"),
        (4, "notes.txt", "refused"),
        (7, "../up.pdf", "refused"),
        (9, "inner.zip/c.pdf", "succeeded"),
    ]
    assert listed[3]["error"]["code"] == "unsupported_media_type"
    document = api.get(f"/v1/documents/{listed[0]['document_id']}")
    assert (document["batch_id"], document["filename"], document["labels"]) == (
        batch["id"], "a.pdf", {"lot": "7"},
    )  # fmt: skip
    assert len(api.get("/v1/documents", batch_id=batch["id"])["items"]) == 4

    told = lines(api, batch, include="fields")
    assert [line["sequence"] for line in told] == list(range(1, 7))
    assert {line["name"] for line in told} == {m["name"] for m in listed}
    read = next(line for line in told if line["name"] == "b.pdf")
    assert read["result"]["document"]["id"] == read["document_id"]
    assert read["result"]["extraction"]["total"] is not None
    assert next(line for line in told if line["name"] == "notes.txt")["result"] is None
    assert lines(api, batch, cursor=4) == lines(api, batch)[4:]
    rows = list(csv.DictReader(io.StringIO(api.http.get(f"/v1/batches/{batch['id']}/results.csv").text)))
    assert [row["number"] for row in rows] == ["1", "2", "3", "4", "7", "9"]
    assert rows[0]["extraction.total"] == str(read["result"]["extraction"]["total"])
    with zipfile.ZipFile(io.BytesIO(api.http.get(f"/v1/batches/{batch['id']}/results.zip").content)) as made:
        assert made.testzip() is None
        assert made.namelist() == ["members.csv", "000001.json", "000002.json", "000003.json", "000009.json"]
        assert json.loads(made.read("000009.json"))["document"]["filename"] == "c.pdf"


def test_a_batch_of_sources(api: Client, invoice: bytes) -> None:
    coded = base64.b64encode(invoice).decode()
    sources = [
        {"base64": coded, "external_id": "one", "filename": "=1+1.pdf"},
        {"base64": coded, "request": {"pages": "1", "labels": {"own": "yes"}}},
        {"base64": "!", "filename": "bad"},
        {"url": "http://127.0.0.1:9/nobody-listens.pdf"},
        {"object": "s3://not-allowed/a.pdf"},
    ]
    answer = api.http.post("/v1/batches", json={"sources": sources, "request": {"labels": {"lot": "8"}}})
    batch = ended(api, answer)
    assert (batch["kind"], batch["state"]) == ("sources", "partial")
    listed = members(api, batch)
    assert [(m["state"], m["external_id"]) for m in listed][:2] == [("succeeded", "one"), ("succeeded", None)]
    assert [m["error"]["code"] for m in listed[2:]] == ["source_malformed", "source_failed", "source_refused"]
    assert api.get(f"/v1/documents/{listed[1]['document_id']}")["labels"] == {"own": "yes"}
    table = api.http.get(f"/v1/batches/{batch['id']}/results.csv").text
    assert "'=1+1.pdf" in table
    again = api.http.post(f"/v1/batches/{batch['id']}/retry")
    assert again.status_code == 202
    batch = ended(api, again)
    assert batch["counts"]["refused"] == 3
    assert [line["number"] for line in lines(api, batch)] != sorted(range(1, 6))
    assert batch["sequence"] == 7


def test_the_same_key_makes_one_batch(api: Client, invoice: bytes) -> None:
    archive = zipped({"a.pdf": invoice})
    key = {"Idempotency-Key": "batch-key-1"}
    first = post(api, archive, key)
    second = post(api, archive, key)
    assert second.headers["idempotency-replayed"] == "true"
    assert (first.json(), first.headers["location"]) == (second.json(), second.headers["location"])
    problem(post(api, zipped({"b.pdf": invoice}), key), 422, "idempotency_key_reused")
    ended(api, first)


def test_what_is_no_batch_is_refused(api: Client, invoice: bytes) -> None:
    problem(post(api, invoice), 415, "unsupported_media_type")
    problem(post(api, b""), 400, "empty_body")
    office = zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"})
    problem(post(api, office), 415, "unsupported_media_type")
    problem(api.http.post("/v1/batches", json={}), 422, "request_invalid")
    problem(api.http.post("/v1/batches", json={"sources": []}), 422, "request_invalid")
    bad = [{"url": "http://127.0.0.1/a"}, {"url": "http://127.0.0.1/b", "request": {"pages": "x"}}]
    told = problem(api.http.post("/v1/batches", json={"sources": bad}), 422, "request_invalid")
    assert told["errors"][0]["pointer"] == "/sources/1/request/pages"
    problem(api.http.get("/v1/batches/bat_none"), 404, "batch_not_found")
    for path in ("documents", "results.ndjson", "results.csv", "results.zip"):
        problem(api.http.get(f"/v1/batches/bat_none/{path}"), 404, "batch_not_found")
    problem(api.http.post("/v1/batches/bat_none/cancel"), 404, "batch_not_found")


def test_an_archive_without_documents_fails_with_a_reason(api: Client) -> None:
    batch = ended(api, post(api, zipped({"empty.pdf": b"", "folder/": b""})))
    assert (batch["state"], batch["error"]["code"]) == ("failed", "batch_empty")
    batch = ended(api, post(api, zipped({"a.txt": b"x" * 5000})[:-30]))
    assert (batch["state"], batch["error"]["code"]) == ("failed", "archive_corrupt")


def test_lines_come_while_the_batch_is_read_and_cancelling_ends_it(api: Client, receipt: bytes) -> None:
    archive = zipped({f"{n}.jpg": receipt + bytes([n]) * 8 for n in range(40)})
    answer = api.http.post("/v1/batches", content=archive, headers={"Content-Type": "application/zip"})
    batch = answer.json()
    seen: list[dict[str, Any]] = []
    path = f"/v1/batches/{batch['id']}/results.ndjson"
    with api.http.stream("GET", path, params={"follow": True, "include": "fields"}) as stream:
        for line in stream.iter_lines():
            if not line:
                continue
            seen.append(json.loads(line))
            if len(seen) == 2:
                under_way = api.get(f"/v1/batches/{batch['id']}")
                assert under_way["state"] == "processing"
                assert api.http.post(f"/v1/batches/{batch['id']}/cancel").status_code == 202
    done = api.get(f"/v1/batches/{batch['id']}")
    assert done["state"] == "cancelled"
    assert done["counts"]["cancelled"] > 0
    assert done["counts"]["pending"] == 0
    assert [line["sequence"] for line in seen] == list(range(1, 41))
    problem(api.http.post(f"/v1/documents/{seen[0]['document_id']}/retry"), 409, "nothing_to_retry")
    again = api.http.post(f"/v1/batches/{batch['id']}/retry")
    done = ended(api, again)
    assert (done["state"], done["counts"]["succeeded"]) == ("succeeded", 40)
    assert done["sequence"] > 40
    newest = {line["number"]: line["state"] for line in lines(api, done, include="fields")}
    assert newest == dict.fromkeys(range(1, 41), "succeeded")


def test_deleting_a_member_is_counted_and_forgets_its_name(api: Client, invoice: bytes) -> None:
    batch = ended(api, post(api, zipped({"planted-name.pdf": invoice, "b.pdf": invoice})))
    gone = members(api, batch)[0]["document_id"]
    assert api.http.delete(f"/v1/documents/{gone}").status_code == 204
    assert "planted-name" not in json.dumps([members(api, batch), lines(api, batch)])
    assert [line["name"] for line in lines(api, batch)] == ["b.pdf"]


def test_batches_are_listed_newest_first(api: Client, invoice: bytes) -> None:
    made = [ended(api, post(api, zipped({"a.pdf": invoice}))) for _ in range(2)]
    listed = api.get("/v1/batches", limit=1)
    assert listed["items"][0]["id"] == made[1]["id"]
    following = api.get("/v1/batches", limit=1, cursor=listed["next_cursor"])
    assert following["items"][0]["id"] == made[0]["id"]
