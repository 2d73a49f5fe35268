"""Exports over HTTP: searchable PDFs read by another program, hOCR and ALTO by an XML parser, chunks."""

import io
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import openpyxl
import pymupdf
import pytest

from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running
from tests.samples.invoice import invoice_pdf
from tests.samples.order import order_scan

ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture
def scan(api: Client) -> dict[str, Any]:
    return api.read(order_scan(), "order.jpg")


def words_of(api: Client, document: dict[str, Any]) -> list[dict[str, Any]]:
    pages = api.get(f"/v1/documents/{document['id']}/result")["pages"]
    return [word for page in pages for word in page["words"] if word["bbox"]]


def text_of(pdf: bytes, folder: Path) -> str:
    """By poppler where it is installed, which knows nothing of how we write."""
    path = folder / "made.pdf"
    path.write_bytes(pdf)
    if shutil.which("pdftotext"):
        return subprocess.run(
            ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
        ).stdout
    with pymupdf.open(path) as document:
        return "\n".join(page.get_text() for page in document)


def test_a_picture_becomes_a_pdf_whose_words_can_be_selected(
    api: Client, scan: dict[str, Any], tmp_path: Path
) -> None:
    answer = api.http.get(f"/v1/documents/{scan['id']}/searchable.pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    text = text_of(answer.content, tmp_path)
    said = {word["text"] for word in words_of(api, scan)}
    assert said
    assert said <= set(text.split())
    with pymupdf.open(stream=answer.content) as document:
        assert document[0].get_images()
        drawn = document[0].get_pixmap(dpi=50).samples
    assert len(set(drawn)) > 2, "the picture shows"


def test_a_page_with_text_of_its_own_is_left_as_it_is(api: Client, invoice: bytes, tmp_path: Path) -> None:
    document = api.read(invoice)
    made = api.http.get(f"/v1/documents/{document['id']}/searchable.pdf").content
    before, after = pymupdf.open(stream=invoice), pymupdf.open(stream=made)
    assert before[0].get_text() == after[0].get_text()
    assert before[0].get_pixmap().samples == after[0].get_pixmap().samples


@pytest.mark.parametrize("which", ["scan", "invoice"])
def test_hocr_and_alto_hold_every_word_where_it_stands(
    api: Client, scan: dict[str, Any], invoice: bytes, which: str
) -> None:
    document = scan if which == "scan" else api.read(invoice)
    said = [word["text"] for word in words_of(api, document)]
    page = api.get(f"/v1/documents/{document['id']}/result")["pages"][0]
    scale = 1.0 if page["unit"] == "px" else 300 / 72
    hocr = ET.fromstring(api.http.get(f"/v1/documents/{document['id']}/hocr").content)
    found = [span for span in hocr.iter(f"{XHTML}span") if span.get("class") == "ocrx_word"]
    assert [span.text for span in found] == said
    alto = ET.fromstring(api.http.get(f"/v1/documents/{document['id']}/alto").content)
    assert [child.tag for child in alto] == [f"{ALTO}Description", f"{ALTO}Layout"]
    (sheet,) = alto.iter(f"{ALTO}Page")
    assert int(sheet.get("WIDTH", "")) == round(page["width"] * scale)
    strings = list(alto.iter(f"{ALTO}String"))
    assert [string.get("CONTENT") for string in strings] == said
    boxes = [word["bbox"] for word in words_of(api, document)]
    for string, box, span in zip(strings, boxes, found, strict=True):
        assert abs(int(string.get("HPOS", "")) - box[0] * scale) <= 1
        assert abs(int(string.get("WIDTH", "")) - (box[2] - box[0]) * scale) <= 1
        assert (span.get("title") or "").startswith(f"bbox {string.get('HPOS')} {string.get('VPOS')} ")
    idents = [node.get("ID") for node in alto.iter() if node.get("ID")]
    assert len(idents) == len(set(idents))


def test_chunks_are_bounded_and_say_where_they_are_from(api: Client, long: bytes) -> None:
    document = api.read(long)
    body = api.get(f"/v1/documents/{document['id']}/chunks.json", max_chars=500)
    assert body["document_id"] == document["id"]
    assert len(body["chunks"]) > 10
    for chunk in body["chunks"]:
        assert 0 < len(chunk["text"]) == chunk["chars"] <= 500
        assert chunk["pages"]
        assert {box["page"] for box in chunk["boxes"]} == set(chunk["pages"])
    assert len({chunk["id"] for chunk in body["chunks"]}) == len(body["chunks"])
    some = api.get(f"/v1/documents/{document['id']}/chunks.json", pages="2-3")
    assert {page for chunk in some["chunks"] for page in chunk["pages"]} <= {2, 3}


def test_a_spreadsheet_holds_fields_items_and_tables_with_their_evidence(api: Client, invoice: bytes) -> None:
    document = api.read(invoice, "=cmd|.pdf", schema="invoice")
    answer = api.http.get(f"/v1/documents/{document['id']}/result.xlsx")
    assert answer.status_code == 200, answer.text
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert {"fields", "line_items", "document"} <= set(book.sheetnames)
    fields = {row[0].value: row for row in book["fields"].iter_rows(min_row=2)}
    total = fields["total"][1]
    assert (total.value, total.number_format) == (685.68, "#,##0.00#### [$EUR]")
    assert total.comment.text.startswith("page 1: ")
    assert "box " in total.comment.text
    assert fields["date"][1].is_date
    head, *items = book["line_items"].iter_rows(values_only=True)
    assert [row[head.index("amount")] for row in items].count(None) == 0
    assert len(items) == 5
    assert any(name.startswith("t1") for name in book.sheetnames)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]


def test_exports_of_nothing_are_problems(api: Client) -> None:
    for name in ("searchable.pdf", "hocr", "alto", "chunks.json", "result.xlsx"):
        problem(api.http.get(f"/v1/documents/doc_0/{name}"), 404, "document_not_found")


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=99999999-", "lines=1"])
@pytest.mark.parametrize("name", ["result.xlsx", "searchable.pdf"])
def test_files_made_for_an_answer_are_whole_and_do_not_stay(
    api: Client, running: Running, name: str, asked: str
) -> None:
    document = api.read(invoice_pdf())
    at = f"/v1/documents/{document['id']}/{name}"
    whole, ranged = api.http.get(at), api.http.get(at, headers={"Range": asked})
    assert (whole.status_code, ranged.status_code) == (200, 200)
    assert len(ranged.content) == int(ranged.headers["Content-Length"]) > 1000
    # It goes once the answer was sent, which is known here a moment earlier.
    while [left for left in (running.data / "staging").iterdir() if left.suffix in (".pdf", ".xlsx")]:
        time.sleep(0.02)
