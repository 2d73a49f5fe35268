"""Results, pages and tables of a finished document."""

import csv
import io
from typing import Any

import pytest
from PIL import Image

from pipeline.user_schema import validator
from schemas.result import Result
from services.result_schema import result_schema
from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running
from tests.samples.report import report_pdf


@pytest.fixture(scope="session")
def report_id(running: Running) -> str:
    """A finished document of several pages with tables, read under the invoice schema."""
    import httpx

    with httpx.Client(base_url=running.url, timeout=120) as http:
        return str(Client(http).read(report_pdf(), "report.pdf", schema="invoice", questions=["Who?"])["id"])


@pytest.fixture
def result(api: Client, report_id: str) -> dict[str, Any]:
    return dict(api.get(f"/v1/documents/{report_id}/result"))


def test_a_result_has_the_published_shape(api: Client, result: dict[str, Any], report_id: str) -> None:
    faults = [error.message for error in validator(result_schema()).iter_errors(result)]
    assert faults == []
    parsed = Result.model_validate(result)
    assert list(result) == [
        "schema_version", "warnings", "split", "usage", "document", "pages", "tables", "charts", "extraction",
        "extraction_valid", "fields", "answers",
    ]  # fmt: skip
    assert {**result["document"], "parts": None} == api.get(f"/v1/documents/{report_id}")
    assert [page.number for page in parsed.pages] == list(range(1, len(parsed.pages) + 1))
    assert parsed.document.schema_ == "invoice@1"
    assert parsed.fields
    assert parsed.answers[0].state == "unsupported"


def test_what_cannot_be_done_is_said(result: dict[str, Any]) -> None:
    assert [warning for warning in result["warnings"] if "QUIRE_ENGINE_URL" in warning["detail"]]


def test_parts_can_be_left_out(api: Client, report_id: str, result: dict[str, Any]) -> None:
    path = f"/v1/documents/{report_id}/result"
    lean = api.get(path, include="fields")
    assert set(result) - set(lean) == {"tables", "charts"}
    assert set(result["pages"][0]) - set(lean["pages"][0]) == {"text", "markdown", "blocks", "words"}
    assert lean["fields"] == result["fields"]
    words = api.get(path, include="words,text,tables,charts")
    assert set(result) - set(words) == {"extraction", "extraction_valid", "fields", "answers"}
    assert words["pages"] == result["pages"]
    problem(api.http.get(path, params={"include": "fields,everything"}), 422, "request_invalid")


def test_pages_can_be_chosen(api: Client, report_id: str, result: dict[str, Any]) -> None:
    path = f"/v1/documents/{report_id}/result"
    last = len(result["pages"])
    chosen = api.get(path, pages=f"{last}-")
    assert chosen["pages"] == result["pages"][-1:]
    assert chosen["tables"] == [
        table for table in result["tables"] if last in {part["page"] for part in table["parts"]}
    ]
    problem(api.http.get(path, params={"pages": "900"}), 422, "pages_out_of_range")
    problem(api.http.get(path, params={"pages": "one"}), 422, "pages_malformed")


def test_pages_one_by_one(api: Client, report_id: str, result: dict[str, Any]) -> None:
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {"limit": 1, "include": "text,words"} | ({"cursor": cursor} if cursor else {})
        page = api.get(f"/v1/documents/{report_id}/pages", **params)
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == result["pages"]
    single = api.get(f"/v1/documents/{report_id}/pages/1")
    assert {name: single[name] for name in result["pages"][0]} == result["pages"][0]
    assert set(single) - set(result["pages"][0]) == {"tables", "charts", "warnings"}
    assert "words" not in api.get(f"/v1/documents/{report_id}/pages")["items"][0]
    problem(api.http.get(f"/v1/documents/{report_id}/pages/99"), 404, "page_not_found")
    problem(api.http.get(f"/v1/documents/{report_id}/pages/x"), 422, "request_invalid")


def test_tables_as_csv_and_html(api: Client, report_id: str, result: dict[str, Any]) -> None:
    table = result["tables"][0]
    answer = api.http.get(f"/v1/documents/{report_id}/tables/{table['id']}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert len(rows) == table["rows"]
    assert {len(row) for row in rows} == {table["cols"]}
    for cell in table["cells"]:
        assert rows[cell["row"]][cell["col"]].lstrip("'") == cell["text"]
    page = api.http.get(f"/v1/documents/{report_id}/tables/{table['id']}.html")
    assert table["html"] in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    problem(api.http.get(f"/v1/documents/{report_id}/tables/t99.csv"), 404, "table_not_found")


def test_markdown(api: Client, report_id: str, result: dict[str, Any]) -> None:
    answer = api.http.get(f"/v1/documents/{report_id}/result.md")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    heading = next(
        block["text"] for page in result["pages"] for block in page["blocks"] if block["kind"] == "heading"
    )
    assert heading in answer.text
    one = api.http.get(f"/v1/documents/{report_id}/result.md", params={"pages": "1"}).text
    assert len(one) < len(answer.text)
    # A word that is broken at the end of page 1 is whole in the document.
    assert one.endswith("no sin-\n")
    assert one.removesuffix("sin-\n") in answer.text
    assert "what no single bottle can tell" in answer.text


def test_page_images_are_rendered_on_demand(api: Client, report_id: str) -> None:
    for width in (64, 640):
        answer = api.http.get(f"/v1/documents/{report_id}/pages/1/image", params={"width": width})
        assert answer.status_code == 200, answer.text
        with Image.open(io.BytesIO(answer.content)) as image:
            assert image.width == width
            assert answer.headers["content-type"] == f"image/{str(image.format).lower()}"
    problem(api.http.get(f"/v1/documents/{report_id}/pages/99/image"), 422, "page_out_of_range")
    problem(api.http.get(f"/v1/documents/{report_id}/pages/1/image?width=9"), 422, "request_invalid")


def test_the_committed_schema_of_results_is_the_current_one() -> None:
    from pathlib import Path

    from services.result_schema import result_schema_text

    committed = Path(__file__).parents[2] / "docs" / "result.schema.json"
    assert committed.read_text("utf-8") == result_schema_text(), "run: quire schema > docs/result.schema.json"


def test_catalogue_and_usage(api: Client) -> None:
    engines = api.get("/v1/engines")["items"]
    assert [engine["name"] for engine in engines] == ["scripted"]
    assert set(engines[0]["unsupported"]) == {"charts", "questions"}
    names = {item["name"] for item in api.get("/v1/schemas")["items"]}
    assert {"invoice", "receipt"} <= names
    schema = api.get("/v1/schemas/invoice")
    assert schema == api.get("/v1/schemas/invoice@1") == api.get("/v1/schemas/invoice/versions/1")
    assert schema["schema"]["properties"]
    problem(api.http.get("/v1/schemas/invoice@7"), 404, "schema_not_found")
    assert api.get("/v1/usage")["pages"] >= 1
    assert api.get("/v1/usage", since="2999-01-01T00:00:00Z")["pages"] == 0
    problem(api.http.get("/v1/usage?since=yesterday"), 422, "request_invalid")
    assert api.get("/healthz") == api.get("/readyz") == {"status": "ok"}
    assert api.http.head("/healthz").status_code == api.http.head("/readyz").status_code == 200
