"""Scans of several documents: split, classified, and each part a document like any other."""

from pathlib import Path
from typing import Any

import httpx
import pymupdf
import pytest

from tests.bench.service import running as running_service
from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running
from tests.e2e.test_cli import quire
from tests.samples.invoice import invoice_pdf
from tests.samples.stack import SEPARATORS, TRUE, scanned_pdf, stack, stack_pdf


@pytest.fixture(scope="module")
def made() -> bytes:
    return stack_pdf()


def split(api: Client, content: bytes, **request: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The file once it has been read, and its parts once they have."""
    asked = {"split": True, **request}
    file = api.read(content, "stack.pdf", **asked)
    assert file["state"] == "succeeded", file
    return file, [api.ended(part["document_id"]) for part in file["parts"]]


def test_each_document_of_a_scan_becomes_a_document(api: Client, made: bytes) -> None:
    file, parts = split(
        api, made, tasks=["text", "tables", "fields"], labels={"box": "17"}, external_id="stack-1"
    )
    assert [(part["part"]["pages"], part["part"]["class"]) for part in parts] == list(TRUE)
    assert [part["state"] for part in parts] == ["succeeded"] * 4
    for part in parts:
        assert part["parent_id"] == file["id"]
        assert part["part"]["confidence"] is None, "nothing calibrates it"
        same = ("sha256", "filename", "labels", "external_id", "expires_at", "batch_id")
        assert {name: part[name] for name in same} == {name: file[name] for name in same}
    assert [part["schema"] for part in parts] == [
        "invoice@1", "receipt@1", "contract@1", "bank_statement@1",
    ]  # fmt: skip
    result = api.get(f"/v1/documents/{file['id']}/result")
    said = result["split"]
    assert [(one["page"], one["kind"]) for one in said["separators"]] == list(SEPARATORS)
    assert [one["document_id"] for one in said["parts"]] == [part["id"] for part in parts]
    assert said["parts"][2]["signs"]
    assert result["fields"] == [], "they are the parts'"
    assert len(result["pages"]) == 9


def test_a_part_has_its_own_fields_and_the_numbers_of_the_files_pages(api: Client, made: bytes) -> None:
    _, parts = split(api, made, split={"schemas": {"invoice": "invoice", "contract": "contract"}})
    assert [part["schema"] for part in parts] == ["invoice@1", None, "contract@1", None]
    invoice = api.get(f"/v1/documents/{parts[0]['id']}/result")
    assert invoice["extraction"]["number"] == "GL-2024-118"
    contract = api.get(f"/v1/documents/{parts[2]['id']}/result")
    assert [page["number"] for page in contract["pages"]] == [5, 6, 7]
    assert contract["usage"]["reused_pages"] == contract["usage"]["pages"] == 3, "nothing is paid twice"
    assert contract["document"]["part"] == {"pages": "5-7", "class": "contract", "confidence": None}
    assert "split" not in {key for key, value in contract.items() if value}


def test_a_searchable_pdf_of_a_part_holds_nothing_of_the_others(api: Client, made: bytes) -> None:
    _, parts = split(api, made)
    answer = api.http.get(f"/v1/documents/{parts[2]['id']}/searchable.pdf")
    assert answer.status_code == 200, answer.text
    with pymupdf.open("pdf", answer.content) as document, pymupdf.open("pdf", made) as whole:
        assert [page.get_text() for page in document] == [whole[n].get_text() for n in (4, 5, 6)]
        streams = [document.xref_stream(n) or b"" for n in range(1, document.xref_length())]
        first = whole[0].read_contents()
    assert first
    assert first not in streams


def test_parts_are_listed_and_found_by_class(api: Client, made: bytes) -> None:
    file, parts = split(api, made)
    listed = api.get("/v1/documents", parent_id=file["id"])["items"]
    assert sorted(item["id"] for item in listed) == sorted(part["id"] for part in parts)
    (contract,) = api.get("/v1/documents", **{"parent_id": file["id"], "class": "contract"})["items"]
    assert contract["id"] == parts[2]["id"]
    assert api.http.get("/v1/documents", params={"class": "novel"}).status_code == 422


def test_queries_and_searches_find_parts_and_not_the_file_as_well(api: Client, made: bytes) -> None:
    tasks = ["text", "fields"]
    file, parts = split(api, made, tasks=tasks, labels={"lot": "unique-stack"})
    hits = api.get("/v1/search", q="Lindemann", **{"label.lot": "unique-stack"})["items"]
    assert {hit["document_id"] for hit in hits} == {parts[0]["id"]}
    assert sorted(hit["page"] for hit in hits) == [1, 2]
    mine = {"label": "lot", "op": "eq", "value": "unique-stack"}
    counted = api.http.post(
        "/v1/query",
        json={"where": mine, "aggregate": [{"op": "count"}], "group_by": ["class"]},
    )
    assert counted.status_code == 200, counted.text
    rows = counted.json()["items"]
    assert {row["class"]: row["count"] for row in rows} == {
        "invoice": 1, "receipt": 1, "contract": 1, "bank_statement": 1,
    }  # fmt: skip
    assert file["id"] not in counted.text


def test_reading_the_file_again_keeps_its_parts(api: Client, made: bytes) -> None:
    file, parts = split(api, made)
    wait = {"Prefer": "wait=60"}
    again = api.http.post(f"/v1/documents/{file['id']}/runs", json={"split": True}, headers=wait)
    assert again.json()["state"] == "succeeded", again.text
    listed = api.get("/v1/documents", parent_id=file["id"])["items"]
    assert {(item["id"], item["run_id"]) for item in listed} == {(p["id"], p["run_id"]) for p in parts}
    # Asked for less, it has fewer documents; those that are the same stay.
    fewer = api.http.post(
        f"/v1/documents/{file['id']}/runs", json={"split": True, "pages": "1-3"}, headers=wait
    )
    assert fewer.json()["state"] == "succeeded", fewer.text
    shown = api.get(f"/v1/documents/{file['id']}")
    assert [part["document_id"] for part in shown["parts"]] == [parts[0]["id"], parts[1]["id"]]
    problem(api.http.get(f"/v1/documents/{parts[3]['id']}"), 404, "document_not_found")


def test_a_part_keeps_to_its_pages_and_is_not_split(api: Client, made: bytes) -> None:
    _, parts = split(api, made)
    runs = f"/v1/documents/{parts[2]['id']}/runs"
    wait = {"Prefer": "wait=60"}
    whole = api.http.post(runs, json={}, headers=wait).json()
    assert whole["progress"]["pages_total"] == 3
    assert api.http.post(runs, json={"pages": "6"}, headers=wait).json()["progress"]["pages_total"] == 1
    beyond = api.http.post(runs, json={"pages": "5-9"}, headers=wait).json()
    assert (beyond["state"], beyond["error"]["code"]) == ("failed", "pages_out_of_range")
    problem(api.http.post(runs, json={"split": True}), 409, "already_a_part")


def test_one_document_is_one_part_of_its_class(api: Client) -> None:
    _, (part,) = split(api, invoice_pdf(), schema="invoice")
    assert part["part"]["class"] == "invoice"
    assert part["schema"] == "invoice@1"
    assert api.get(f"/v1/documents/{part['id']}/result")["extraction"]["number"] == "RE-2024-00815"


def test_deleting_the_file_deletes_its_parts_and_a_part_alone_goes_alone(api: Client, made: bytes) -> None:
    file, parts = split(api, made)
    assert api.http.delete(f"/v1/documents/{parts[1]['id']}").status_code == 204
    shown = api.get(f"/v1/documents/{file['id']}")
    assert len(shown["parts"]) == 3
    assert api.http.get(f"/v1/documents/{parts[0]['id']}/pages/1/image").status_code == 200
    assert api.http.delete(f"/v1/documents/{file['id']}").status_code == 204
    for part in parts:
        problem(api.http.get(f"/v1/documents/{part['id']}"), 404, "document_not_found")


def test_the_command_line_prints_each_document_of_a_file(
    running: Running, made: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "stack.pdf"
    path.write_bytes(made)
    done = quire("extract", str(path), "--split", "--format", "md", "--url", running.url)
    assert done.returncode == 0, done.stderr
    heads = [line for line in done.stdout.splitlines() if line.startswith("<!-- ")]
    assert heads == [f"<!-- {path} pages {pages} ({kind}) -->" for pages, kind in TRUE]
    assert done.stdout.count("LEASE AGREEMENT") == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"schemas": {"invoice": "nosuch"}}, "schema_unknown"),
        ({"schemas": {"novel": "invoice"}}, "request_invalid"),
        ({"every": 2}, "request_invalid"),
        ("perhaps", "request_invalid"),
    ],
)
def test_what_cannot_be_meant_is_refused(api: Client, given: object, code: str) -> None:
    problem(api.send(b"%PDF-1.7", split=given), 422, code)


def test_a_real_scan_is_split_by_what_was_read_from_its_pictures(tmp_path: Path) -> None:
    """Two pages each: OCR takes its time."""
    content = scanned_pdf(stack(), [3, 8, 9])
    with (
        running_service(tmp_path / "data", QUIRE_CPU_PROCESSES="1") as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        _, parts = split(Client(http), content)
    assert [(part["part"]["pages"], part["part"]["class"]) for part in parts] == [
        ("1", "receipt"),
        ("3", "bank_statement"),
    ]
