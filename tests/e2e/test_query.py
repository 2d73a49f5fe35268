"""Queries and searches over HTTP: JSON, NDJSON, CSV, Parquet, cursors, problems."""

import csv
import io
import time
from decimal import Decimal
from typing import Any

import openpyxl
import orjson
import pyarrow.parquet as pq
import pytest

from tests.e2e.client import Client, problem

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def lot() -> str:
    return f"q{time.time_ns()}"


@pytest.fixture
def read(api: Client, invoice: bytes, lot: str) -> list[str]:
    """Three read invoices, made once."""
    found = api.get("/v1/documents", **{"label.lot": lot})["items"]
    if not found:
        found = [api.read(invoice, f"=cmd|{n}.pdf", schema="invoice", labels={"lot": lot}) for n in range(3)]
    return sorted(item["id"] for item in found)


def ask(api: Client, lot: str, accept: str = "application/json", **query: Any) -> Any:
    mine = {"label": "lot", "op": "eq", "value": lot}
    query["where"] = {"and": [mine, query["where"]]} if "where" in query else mine
    answer = api.http.post("/v1/query", json=query, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.json() if accept == "application/json" else answer


def test_the_query_of_the_design(api: Client, read: list[str], lot: str) -> None:
    body = ask(
        api,
        lot,
        where={
            "and": [
                {"field": "total", "op": "gt", "value": 100},
                {"any": "line_items", "where": {"field": "sku", "op": "eq", "value": "NW-2044"}},
            ]
        },
        rows="documents",
        select=["total", "number"],
        order=[{"by": "total", "dir": "desc"}],
        limit=2,
        cursor=None,
    )
    assert [item["document_id"] for item in body["items"]] == [read[2], read[1]]
    assert body["items"][0]["total"] == 685.68
    assert body["items"][0]["number"] == "RE-2024-00815"
    assert body["next_cursor"] is not None


def test_items_are_rows_and_are_summed(api: Client, read: list[str], lot: str) -> None:
    body = ask(api, lot, rows="line_items", select=["sku", "amount", "number"], limit=100)
    assert len(body["items"]) == 15
    assert {item["number"] for item in body["items"]} == {"RE-2024-00815"}
    sums = [{"op": "sum", "field": "amount"}, {"op": "count"}]
    body = ask(api, lot, rows="line_items", aggregate=sums, group_by=["sku"])
    assert {item["sku"]: item["sum(amount)"] for item in body["items"]}["NW-1010"] == "779.4"
    body = ask(api, lot, aggregate=[{"op": "sum", "field": "total"}], group_by=["currency"])
    assert body["items"] == [{"currency": "EUR", "sum(total)": "2057.04"}]


def test_pages_go_on_with_the_cursor(api: Client, read: list[str], lot: str) -> None:
    query: dict[str, Any] = {"select": ["total"], "order": [{"by": "total"}], "limit": 1}
    seen: list[str] = []
    while True:
        body = ask(api, lot, **query)
        seen += [item["document_id"] for item in body["items"]]
        if body["next_cursor"] is None:
            break
        query["cursor"] = body["next_cursor"]
    assert seen == read
    other = {"order": [{"by": "date"}], "cursor": query["cursor"]}
    problem(api.http.post("/v1/query", json=other), 422, "cursor_invalid")


def test_streams_in_three_formats_say_the_same(api: Client, read: list[str], lot: str) -> None:
    query: dict[str, Any] = {"select": ["total", "date", "document.filename"], "order": [{"by": "total"}]}
    lines = ask(api, lot, "application/x-ndjson", **query).content.splitlines()
    rows = [orjson.loads(line) for line in lines]
    assert [row["document_id"] for row in rows] == read
    answer = ask(api, lot, "text/csv", **query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["document_id"] for row in table] == read
    assert {row["total"] for row in table} == {"685.68"}
    assert table[0]["document.filename"].startswith("'=cmd|"), "no spreadsheet may run it"
    columns = pq.read_table(io.BytesIO(ask(api, lot, PARQUET, **query).content)).to_pydict()
    assert columns["document_id"] == read
    assert columns["total"] == [Decimal("685.680000")] * 3
    assert str(columns["date"][0]) == "2024-03-14"


def test_a_spreadsheet_has_a_sheet_for_each_schema(api: Client, read: list[str], receipt: bytes) -> None:
    lot = f"x{time.time_ns()}"
    api.read(receipt, "r.jpg", labels={"lot": lot})
    api.send(b"%PDF-", "broken.pdf", labels={"lot": lot})
    mine = {"or": [{"document": "id", "op": "in", "value": read}, {"label": "lot", "op": "eq", "value": lot}]}
    answer = api.http.post("/v1/query", json={"where": mine}, headers={"Accept": XLSX})
    assert answer.status_code == 200, answer.text
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["documents", "invoice"]
    head, *rows = book["invoice"].iter_rows()
    at = {cell.value: number for number, cell in enumerate(head)}
    assert sorted(row[at["document_id"]].value for row in rows) == read
    total = rows[0][at["total"]]
    assert (total.value, total.number_format) == (685.68, "#,##0.00#### [$EUR]")
    assert "page 1: " in total.comment.text
    assert rows[0][at["filename"]].data_type == "s", "no spreadsheet may run it"
    assert "total" not in [cell.value for cell in next(book["documents"].iter_rows())]
    sums = {"where": mine, "rows": "line_items", "aggregate": [{"op": "sum", "field": "amount"}],
            "group_by": ["sku"]}  # fmt: skip
    answer = api.http.post("/v1/query", json=sums, headers={"Accept": XLSX})
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content))["rows"].iter_rows(values_only=True))
    assert ("NW-1010", 779.4) in rows


def test_one_field_of_all_documents(api: Client, read: list[str], lot: str) -> None:
    body = api.get("/v1/fields", field="total", op="gte", value="685.68", **{"label.lot": lot})
    assert [item["document_id"] for item in body["items"]] == read[::-1]
    first = body["items"][0]
    assert (first["value"], first["state"], first["currency"], first["confidence"]) == (
        685.68,
        "found",
        "EUR",
        None,
    )
    body = api.get("/v1/fields", field="line_items[].sku", value="NW-2044", **{"label.lot": lot})
    assert [item["item_index"] for item in body["items"]] == [1, 1, 1]
    assert api.get("/v1/fields", field="total", state="missing", **{"label.lot": lot})["items"] == []
    assert len(api.get("/v1/fields", field="total", schema="invoice", document_id=read[0])["items"]) == 1


def test_only_the_newest_finished_run_counts(api: Client, invoice: bytes) -> None:
    mark = f"r{time.time_ns()}"
    document = api.read(invoice, schema="invoice", labels={"lot": mark})
    assert ask(api, mark, select=["total"])["items"][0]["total"] == 685.68
    run = api.http.post(
        f"/v1/documents/{document['id']}/runs", json={"schema": "receipt"}, headers={"Prefer": "wait=60"}
    )
    assert run.json()["state"] == "succeeded"
    rows = ask(api, mark, select=["number", "company", "document.schema"])["items"]
    assert [row["document.schema"] for row in rows] == ["receipt@1"]
    assert api.http.delete(f"/v1/documents/{document['id']}").status_code == 204
    assert ask(api, mark)["items"] == []


def test_faults_are_problems_in_every_format(api: Client, read: list[str]) -> None:
    for accept in ("application/json", "text/csv", PARQUET):
        wrong = {"where": {"field": "total", "op": "gt", "value": "much"}}
        answer = api.http.post("/v1/query", json=wrong, headers={"Accept": accept})
        assert problem(answer, 422, "type_mismatch")["errors"][0]["pointer"] == "/where/value"
    problem(api.http.post("/v1/query", json={}, headers={"Accept": "image/png"}), 406, "not_acceptable")
    problem(api.http.post("/v1/query", json={"limit": 5000}), 422, "request_invalid")
    problem(api.http.get("/v1/fields"), 422, "request_invalid")
    body = api.get("/v1/fields", field="no_such_field")
    assert [w["code"] for w in body["warnings"]] == ["field_unknown"]


def test_words_are_found_with_page_and_snippet(api: Client, read: list[str], lot: str) -> None:
    body = api.get("/v1/search", q='bohrschrauber "Jördis Petersen"', **{"label.lot": lot}, limit=2)
    assert len(body["items"]) == 2
    first = body["items"][0]
    assert first["page"] == 1
    start, end = first["highlights"][0]
    assert first["snippet"][start:end]
    rest = api.get("/v1/search", q='bohrschrauber "Jördis Petersen"', limit=2, cursor=body["next_cursor"],
                   **{"label.lot": lot})  # fmt: skip
    assert sorted(item["document_id"] for item in body["items"] + rest["items"]) == read
    assert rest["next_cursor"] is None
    problem(api.http.get("/v1/search", params={"q": "-x"}), 422, "no_words")
