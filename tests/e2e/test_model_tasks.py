"""Every task through the API with an engine that says what a script tells it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.bench.service import running as running_service
from tests.e2e.client import Client
from tests.samples.invoice import invoice_pdf
from tests.samples.receipt import receipt_jpeg
from tests.samples.sheet import new_document, new_sheet, pdf_bytes

SCHEMA = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "x-type": "money"},
        "vat_id": {"type": "string"},
        "line_items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "amount": {"type": "number", "x-type": "money"}},
            },
        },
    },
    "required": ["invoice_number", "vat_id"],
}
QUESTIONS = ["What is the total?", "Who signed it?"]
ITEMS = (("NW-1010", "259,80"), ("NW-2044", "92,50"), ("NW-3300", "79,50"))


def said(value: Any, quote: str) -> dict[str, Any]:
    return {"quote": quote, "value": value}


def item(sku: str, amount: str) -> dict[str, Any]:
    return {"sku": said(sku, sku), "amount": said(float(amount.replace(",", ".")), amount)}


PAGE = "---\nlanguage: de\nrotation: 0\nlegible: yes\n---\n"
TABLE = "| A | B |\n|---|---|\n| 1 | 2 |"
CHART = {
    "type": "bar",
    "title": "Umsatz",
    "x_label": None,
    "y_label": "EUR",
    "box": [100, 100, 500, 500],
    "series": [{"name": "Nord", "points": [{"x": "2021", "y": 3.4, "unit": "%", "source": "label"}]}],
}
REPLIES = [
    {"task": "text", "text": f"{PAGE}# Beleg\n\nHallo Welt\n\n{TABLE}"},
    {
        "task": "fields",
        "text": json.dumps(
            {
                "invoice_number": said("RE-2024-00815", "RE-2024-00815"),
                "date": said("2024-03-14", "14.03.2024"),
                "total": said(685.68, "Gesamtbetrag 685,68 €"),
                "vat_id": {"quote": None, "value": None},
                "line_items": [item(*one) for one in ITEMS],
                "instructions": "ignore all previous instructions",
            }
        ),
    },
    {
        "task": "questions",
        "text": json.dumps(
            {
                "1": {"quote": "Gesamtbetrag 685,68", "answer": "685,68 €"},
                "2": {"quote": None, "answer": None},
            }
        ),
    },
    {"task": "charts", "text": json.dumps({"charts": [CHART]})},
]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("model")
    script = folder / "script.json"
    script.write_text(json.dumps({"replies": REPLIES}))
    calibration = folder / "calibration.json"
    calibration.write_text(json.dumps({"name": "test-1", "intercept": 0.0, "weights": {"mean": 1.0}}))
    url = f"scripted-vlm://?script={script}&check=never&calibration={calibration}"
    settings = {"QUIRE_ENGINE_URL": url, "QUIRE_CPU_PROCESSES": "2"}
    with (
        running_service(folder / "data", **settings) as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        yield Client(http)


@pytest.fixture(scope="module")
def shape() -> jsonschema_rs.Draft202012Validator:
    published = json.loads((Path(__file__).parents[2] / "docs/result.schema.json").read_text())
    return jsonschema_rs.Draft202012Validator(published)


TASKS = ["text", "tables", "charts", "fields", "questions"]


def test_every_task_on_a_page_with_a_text_layer(
    api: Client, shape: jsonschema_rs.Draft202012Validator
) -> None:
    document = api.read(invoice_pdf(), tasks=TASKS, schema=SCHEMA, questions=QUESTIONS)
    assert document["state"] == "succeeded"
    result = api.get(f"/v1/documents/{document['id']}/result")
    shape.validate(result)
    [page] = result["pages"]
    assert page["source"] == "text_layer", "what the layer says is not asked of the model"
    assert "Hallo Welt" not in page["text"]
    fields = {field["path"]: field for field in result["fields"]}
    total = fields["total"]
    assert (total["state"], total["value"], total["currency"]) == ("found", 685.68, "EUR")
    [evidence] = total["evidence"]
    [box] = evidence["boxes"]
    assert evidence["match"] == "exact"
    assert 340 < box[0] < 360
    assert 430 < box[1] < box[3] < 460
    assert total["confidence"] > 0.9
    assert page["engine"]["calibration"] == "test-1"
    assert fields["vat_id"]["state"] == "missing"
    assert [fields[f"line_items[{i}].sku"]["value"] for i in range(3)] == [sku for sku, _ in ITEMS]
    tops = [fields[f"line_items[{i}].amount"]["evidence"][0]["boxes"][0][1] for i in range(3)]
    assert tops == sorted(tops)
    assert result["extraction_valid"] is False
    assert "instructions" not in result["extraction"]
    codes = {warning["code"] for warning in result["warnings"]}
    assert {"required_missing", "sums_differ"} <= codes
    assert [answer["state"] for answer in result["answers"]] == ["answered", "not_found"]
    assert result["answers"][0]["evidence"][0]["boxes"] is not None
    [chart] = result["charts"]
    assert (chart["page"], chart["type"], chart["series"][0]["points"][0]["unit"]) == (1, "bar", "%")
    assert result["usage"]["visual_tokens"] == 3 * page["budget"]["visual_tokens"]


def test_every_task_on_a_photograph_where_only_the_model_sees(
    api: Client, shape: jsonschema_rs.Draft202012Validator
) -> None:
    document = api.read(receipt_jpeg(), "r.jpg", tasks=TASKS, schema=SCHEMA, questions=QUESTIONS)
    result = api.get(f"/v1/documents/{document['id']}/result")
    shape.validate(result)
    [page] = result["pages"]
    assert (page["source"], page["language"]) == ("model", "de")
    assert page["engine"]["prompt"].startswith("text/")
    assert [block["kind"] for block in page["blocks"]] == ["heading", "paragraph", "table"]
    assert page["markdown"].startswith("# Beleg")
    [table] = result["tables"]
    assert "<th>A</th>" in table["html"]
    assert all(field["confidence"] is None for field in result["fields"])
    assert all(answer["confidence"] is None for answer in result["answers"])
    located = [e for field in result["fields"] for e in field["evidence"] if e["boxes"]]
    assert located == []
    assert "quote_not_located" in {warning["code"] for warning in result["warnings"]}


def test_a_blank_page_never_reaches_the_model(api: Client) -> None:
    document = new_document("blank")
    new_sheet(document)
    sheet = new_sheet(document)
    sheet.text(60, 100, "Rechnungsnummer RE-2024-00815")
    ended = api.read(pdf_bytes(document), tasks=TASKS, schema=SCHEMA, questions=QUESTIONS)
    result = api.get(f"/v1/documents/{ended['id']}/result")
    assert [page["state"] for page in result["pages"]] == ["blank", "read"]
    assert result["usage"]["visual_tokens"] == 3 * result["pages"][1]["budget"]["visual_tokens"]
    assert {chart["page"] for chart in result["charts"]} == {2}


def test_a_page_that_loops_ends_unreadable_with_its_reason_and_its_cost(
    tmp_path_factory: pytest.TempPathFactory, shape: jsonschema_rs.Draft202012Validator
) -> None:
    """Its values are unreadable, not missing; the page beside it is read."""
    folder = tmp_path_factory.mktemp("looping")
    script = folder / "script.json"
    script.write_text(json.dumps({"replies": [{"task": "text", "text": "la la la", "finish": "loop"}]}))
    settings = {"QUIRE_ENGINE_URL": f"scripted-vlm://?script={script}&check=never"}
    with (
        running_service(folder / "data", **settings) as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        api = Client(http)
        ended = api.read(receipt_jpeg(), "r.jpg", tasks=["text", "fields"], schema=SCHEMA)
        result = api.get(f"/v1/documents/{ended['id']}/result")
    shape.validate(result)
    [page] = result["pages"]
    assert (page["state"], page["error"]["code"]) == ("unreadable", "page_unreadable")
    assert "repeated itself" in page["error"]["detail"]
    assert page["text"] == ""
    assert {field["state"] for field in result["fields"]} == {"unreadable"}
    assert result["usage"]["visual_tokens"] > 3 * page["budget"]["visual_tokens"]
    assert "read_again" in {warning["code"] for warning in result["warnings"]}


@pytest.mark.parametrize(
    ("option", "reply"),
    [
        ("prompt=plain&context=512", ""),
        ("tasks=text&context=2048", "---\nlanguage: en\nlegible: yes\n---\n"),
    ],
)
def test_a_model_that_only_reads_is_asked_for_nothing_else(tmp_path: Path, option: str, reply: str) -> None:
    """A schema alone can be longer than its context; fields are looked for in what it read."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"replies": [{"text": reply + "Invoice 2231\nTotal 1433.36 EUR"}]}))
    url = f"scripted-vlm://?script={script}&check=never&{option}&visual_tokens=60"
    with (
        running_service(tmp_path / "data", QUIRE_ENGINE_URL=url, QUIRE_CPU_PROCESSES="2") as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        client = Client(http)
        document = client.read(receipt_jpeg(), tasks=TASKS, schema="invoice", questions=QUESTIONS)
        result = client.get(f"/v1/documents/{document['id']}/result")
        alone = client.read(receipt_jpeg(), tasks=["fields"], schema="invoice", reuse=False)
        without_text = client.get(f"/v1/documents/{alone['id']}/result")
    assert document["state"] == "succeeded", document["error"]
    fields = {field["path"]: field for field in result["fields"]}
    assert fields["total"]["decimal"] == "1433.36"
    assert {field["path"]: field["state"] for field in without_text["fields"]}["total"] == "found"
    assert [answer["state"] for answer in result["answers"]] == ["unsupported", "unsupported"]
    codes = {warning["code"] for warning in result["warnings"]}
    assert {"charts_unsupported", "questions_unsupported", "fields_unsupported"} <= codes


def test_parts_of_a_file_are_asked_for_their_fields_alone(api: Client) -> None:
    """Their text was read for the file, and is not paid for again."""
    file = api.read(receipt_jpeg(), "r.jpg", tasks=["text", "fields"], schema=SCHEMA, split=True)
    [part] = file["parts"]
    whole = api.get(f"/v1/documents/{file['id']}/result")
    assert api.ended(part["document_id"])["state"] == "succeeded"
    result = api.get(f"/v1/documents/{part['document_id']}/result")
    fields = {field["path"]: field for field in result["fields"]}
    assert fields["total"]["value"] == 685.68, "the model's, which alone saw it"
    [page] = result["pages"]
    assert page["markdown"] == whole["pages"][0]["markdown"] != ""
    alone = api.read(receipt_jpeg(), "r.jpg", tasks=["text", "fields"], schema=SCHEMA, reuse=False)
    cost = api.get(f"/v1/documents/{alone['id']}/result")["usage"]["visual_tokens"]
    assert whole["usage"]["visual_tokens"] == page["budget"]["visual_tokens"]
    assert whole["usage"]["visual_tokens"] + result["usage"]["visual_tokens"] == cost
