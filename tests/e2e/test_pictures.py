"""What becomes of a page with a text layer when the engine that was to read its pictures fails for good."""

import io
from pathlib import Path

import httpx
import numpy as np
import pymupdf
import zxingcpp
from PIL import Image

from tests.bench.service import running as running_service
from tests.e2e.client import Client
from tests.samples.letterhead import pasted
from tests.samples.receipt import receipt_jpeg


def test_its_text_is_kept_and_what_is_missing_is_said(tmp_path: Path) -> None:
    engine = "scripted://?fail=cage_timeout"
    with (
        running_service(tmp_path / "data", QUIRE_ENGINE_URL=engine) as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        api = Client(http)
        letter = api.read(pasted(), "letter.pdf")
        assert letter["state"] == "succeeded"
        result = api.get(f"/v1/documents/{letter['id']}/result")
        (page,) = result["pages"]
        assert (page["state"], page["source"]) == ("read", "text_layer")
        assert page["text"].count("good order") == 12
        (warning,) = [w for w in result["warnings"] if w["code"] == "picture_text_unread"]
        assert warning["page"] == 1
        assert "cage_timeout" in warning["detail"]
        photo = api.read(receipt_jpeg(), "receipt.jpg")
        assert photo["state"] == "failed", "nothing is left of a page that is a picture and no more"


def test_a_document_is_found_by_its_barcode(api: Client) -> None:
    with pymupdf.open() as document:
        page = document.new_page()
        page.insert_text((72, 72), "A delivery note with words enough to be read from its text layer.")
        code = zxingcpp.create_barcode("ZQ-8841-KX", zxingcpp.BarcodeFormat.Code128)
        out = io.BytesIO()
        Image.fromarray(np.asarray(code.to_image(scale=4))).save(out, "PNG")
        page.insert_image(pymupdf.Rect(72, 200, 372, 300), stream=out.getvalue())
        made = api.read(document.tobytes(), "note.pdf")
    (hit,) = api.get("/v1/search", q='"ZQ-8841-KX"')["items"]
    assert hit["document_id"] == made["id"]
