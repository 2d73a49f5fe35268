"""Barcodes: what is printed is decoded, wherever and however it is drawn, and nothing is invented."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
import pytest
import zxingcpp
from PIL import Image

from pipeline import barcodes, text_layer
from pipeline.coded import with_codes
from pipeline.ink import Grey
from pipeline.orders import Code, PageOrder, PreparedPage, SourceFile
from pipeline.recipe import assemble_page, prepare_page, without_engine
from pipeline.sniff import sniff
from schemas.engine import PixelLimits
from schemas.geometry import Box
from schemas.page import Block, BlockKind, EngineUsed, PageContent, PageResult, PageSource, PageState
from schemas.reading import PageReading
from schemas.request import BudgetRequest, Task
from schemas.seen import Seen, SeenBlock
from tests.samples.invoice import invoice_pdf
from tests.samples.letter import rotated_scan_pdf
from tests.samples.letterhead import pasted as letterhead
from tests.samples.order import order_pdf, order_scan
from tests.samples.receipt import receipt_jpeg
from tests.samples.report import report_pdf
from tests.samples.scripts import arabic_pdf, japanese_png

VALUES = {
    "QRCode": "https://example.org/?a=1&b=ü", "EAN13": "4006381333931", "Code128": "ABC-1234",
    "DataMatrix": "data matrix", "PDF417": "pdf 417", "Aztec": "aztec", "Code39": "HELLO39",
    "EAN8": "96385074",
}  # fmt: skip
NAMES = {
    "QRCode": "qr_code", "EAN13": "ean_13", "Code128": "code_128", "DataMatrix": "data_matrix",
    "PDF417": "pdf417", "Aztec": "aztec", "Code39": "code_39", "EAN8": "ean_8",
}  # fmt: skip
WORDS = "A page with a text layer that can be trusted, with words enough to be read as what they are."


def drawn(name: str, value: str | None = None, scale: int = 4) -> Grey:
    made = zxingcpp.create_barcode(
        VALUES[name] if value is None else value, getattr(zxingcpp.BarcodeFormat, name)
    )
    return np.asarray(made.to_image(scale=scale)).copy()


def pasted(*placed: tuple[Grey, int, int], size: tuple[int, int] = (1600, 1200)) -> Grey:
    page = np.full(size, 250, np.uint8)
    for code, x, y in placed:
        page[y : y + code.shape[0], x : x + code.shape[1]] = code
    return page


def prepared(folder: Path, content: bytes) -> PreparedPage:
    path = folder / "a"
    path.write_bytes(content)
    kind = sniff(content[:4096])
    assert kind is not None
    limits = PixelLimits(factor=28, min_pixels=3136, max_pixels=1_003_520)
    order = PageOrder(1, limits, 8.0, BudgetRequest(), frozenset({Task.TEXT}))
    return prepare_page(SourceFile(str(path), kind), order)


def found(page: PreparedPage) -> list[tuple[str | None, str, Box | None]]:
    """Codes of a page, whether it is done or goes to an engine."""
    if page.content is None:
        return [(code.format, code.text, code.bbox) for code in page.codes]
    blocks = page.content.page.blocks
    return [(b.format, b.text, b.bbox) for b in blocks if b.kind is BlockKind.BARCODE]


def png(grey: Grey) -> bytes:
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG")
    return out.getvalue()


def near(box: Box | None, wanted: Box, slack: float) -> bool:
    return box is not None and all(abs(a - b) <= slack for a, b in zip(box, wanted, strict=True))


@pytest.mark.parametrize("name", VALUES)
def test_every_format_is_read_with_its_name(name: str) -> None:
    code = drawn(name)
    (read,) = barcodes.read(pasted((code, 300, 200)))
    assert (read.format, read.text) == (NAMES[name], VALUES[name])
    x0, y0, x1, y1 = read.bbox
    assert 300 <= x0 < x1 <= 300 + code.shape[1]
    assert 200 <= y0 < y1 <= 200 + code.shape[0]


def test_several_codes_are_read_from_top_to_bottom_whichever_way_they_are_turned() -> None:
    codes = [drawn("QRCode"), np.rot90(drawn("EAN13")).copy(), np.rot90(drawn("DataMatrix"), 2).copy()]
    turned = np.asarray(Image.fromarray(drawn("QRCode", "tilted", 6)).rotate(25, expand=True, fillcolor=255))
    page = pasted((codes[0], 100, 50), (codes[1], 600, 400), (codes[2], 200, 900), (turned, 700, 1100))
    assert [code.text for code in barcodes.read(page)] == [
        VALUES["QRCode"],
        VALUES["EAN13"],
        VALUES["DataMatrix"],
        "tilted",
    ]


def test_noise_and_ruling_are_no_codes() -> None:
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (700, 700), dtype=np.uint8)
    ruled = np.full((900, 900), 255, np.uint8)
    ruled[::30] = 0
    ruled[:, ::45] = 0
    hatched = np.full((300, 600), 255, np.uint8)
    hatched[:, np.cumsum(rng.integers(2, 7, 130)) % 600] = 0
    for picture in (noise, ruled, hatched, np.where(noise > 127, 255, 0).astype(np.uint8)):
        assert barcodes.read(picture) == ()


@pytest.mark.parametrize(
    "make",
    [
        invoice_pdf,
        receipt_jpeg,
        report_pdf,
        order_pdf,
        order_scan,
        japanese_png,
        arabic_pdf,
        rotated_scan_pdf,
    ],
)
def test_samples_hold_no_codes(make: Callable[[], bytes], tmp_path: Path) -> None:
    assert found(prepared(tmp_path, make())) == []


def test_values_are_data(tmp_path: Path) -> None:
    value = "a\x00b\x1b[31m\x1d`c`\n# heading\r<script>"
    (read,) = barcodes.read(pasted((drawn("QRCode", value, 3), 50, 50)))
    assert read.text == "a␀b␛[31m␝`c`\n# heading␍<script>"
    page = PageResult(number=1, width=100, height=100, state=PageState.READ)
    made = with_codes(PageContent(page=page), [read]).page
    assert made.markdown == "``a␀b␛[31m␝`c` # heading␍<script>``"
    assert made.text == read.text
    long = "https://example.org/" + "x" * 2500
    (read,) = barcodes.read(pasted((drawn("QRCode", long, 4), 50, 50)))
    assert read.text == long


def with_text() -> tuple[pymupdf.Document, pymupdf.Page]:
    document = pymupdf.open()
    page = document.new_page(width=400, height=500)
    page.insert_textbox((40, 30, 360, 120), WORDS * 2, fontsize=11)
    page.insert_textbox((40, 320, 360, 400), f"Below. {WORDS}", fontsize=11)
    return document, page


def as_fills(page: pymupdf.Page, code: Grey, x: float, y: float, size: float) -> None:
    for row, line in enumerate(code):
        for col in np.flatnonzero(line == 0):
            box = (x + col * size, y + row * size, x + (col + 1) * size, y + (row + 1) * size)
            page.draw_rect(box, fill=(0, 0, 0), color=None, width=0)


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("how", ["picture", "fills"])
def test_pages_with_a_text_layer_have_their_codes(how: str, rotation: int, tmp_path: Path) -> None:
    document, page = with_text()
    code = drawn("QRCode", scale=1)
    side = code.shape[0] * 1.5
    if how == "picture":
        page.insert_image((100, 200, 100 + side, 200 + side), stream=png(code))
    else:
        as_fills(page, code, 100, 200, 1.5)
    page.set_rotation(rotation)
    made = prepared(tmp_path, document.tobytes())
    assert made.content is not None
    assert made.content.page.source is PageSource.TEXT_LAYER
    ((kind, text, box),) = found(made)
    assert (kind, text) == ("qr_code", VALUES["QRCode"])
    seen = (100, 200, 100 + side, 200 + side)
    if rotation == 90:
        seen = (500 - seen[3], seen[0], 500 - seen[1], seen[2])
    assert near(box, seen, 8)
    if rotation == 0:
        kinds = [block.kind for block in made.content.page.blocks]
        assert kinds[0] is kinds[-1] is BlockKind.PARAGRAPH, "it stands between what is above and below"
    assert VALUES["QRCode"] in made.content.page.text
    assert f"`{VALUES['QRCode']}`" in made.content.page.markdown


def test_bars_drawn_as_fills_are_found(tmp_path: Path) -> None:
    document, page = with_text()
    for col in np.flatnonzero(drawn("EAN13", scale=1)[0] == 0):
        page.draw_rect((100 + col, 200, 101 + col, 240), fill=(0, 0, 0), color=None, width=0)
    ((kind, text, _),) = found(prepared(tmp_path, document.tobytes()))
    assert (kind, text) == ("ean_13", VALUES["EAN13"])


@pytest.mark.parametrize("model", [False, True])
def test_scans_and_photos_have_their_codes_whoever_reads_them(model: bool, tmp_path: Path) -> None:
    page = prepared(tmp_path, png(pasted((drawn("Code128"), 300, 200), (drawn("QRCode"), 300, 900))))
    assert page.content is None
    assert page.image is not None
    seen = Seen(blocks=(SeenBlock(BlockKind.PARAGRAPH, "words"),)) if model else None
    reading = PageReading(page.image.width, page.image.height, seen=seen)
    used = EngineUsed(name="x", model="y")
    kind = PageSource.MODEL if model else PageSource.OCR
    content = assemble_page(page, reading, used, kind)
    codes = [block for block in content.page.blocks if block.kind is BlockKind.BARCODE]
    assert [code.text for code in codes] == [VALUES["Code128"], VALUES["QRCode"]]
    assert codes[0].bbox is not None
    assert 300 <= codes[0].bbox[0] < codes[0].bbox[2] <= 300 + drawn("Code128").shape[1]
    assert len({block.id for block in content.page.blocks}) == len(content.page.blocks)


def test_a_page_whose_engine_failed_keeps_its_codes(tmp_path: Path) -> None:
    with pymupdf.open(stream=letterhead()) as document:
        document[0].insert_image((60, 700, 200, 800), stream=png(drawn("QRCode")))
        page = prepared(tmp_path, document.tobytes())
    assert page.content is None, "an engine was to read its picture"
    content = without_engine(page, "engine_unavailable")
    assert content is not None
    assert [b.text for b in content.page.blocks if b.kind is BlockKind.BARCODE] == [VALUES["QRCode"]]
    assert VALUES["QRCode"] in content.page.text


@pytest.mark.parametrize("joined", [False, True])
def test_tables_are_not_looked_at_and_codes_of_one_path_are(joined: bool) -> None:
    document, page = with_text()
    for row, col in np.ndindex(8, 6):
        left, top = 20 + 60 * col, 200 + 14 * row
        page.draw_rect((left, top, left + 60, top + 0.5), fill=(0, 0, 0), color=None, width=0)
        page.draw_rect((left, top, left + 0.5, top + 14), fill=(0, 0, 0), color=None, width=0)
    if joined:
        shape = page.new_shape()
        code = drawn("QRCode", scale=1)
        for row, line in enumerate(code):
            edges = np.flatnonzero(np.diff(np.concatenate(([255], line, [255])).astype(int)))
            for left, right in edges.reshape(-1, 2).tolist():
                shape.draw_rect((300 + left, 10 + row, 300 + right, 11 + row))
        shape.finish(fill=(0, 0, 0), color=None, width=0)
        shape.commit()
    looked = text_layer.read(pymupdf.open(stream=document.tobytes())[0]).codes_at
    assert bool(looked) == joined
    assert all(near(box, (304, 14, 299 + len(code), 9 + len(code)), 6) for box in looked)


def test_a_code_seen_twice_is_one() -> None:
    code = Code("qr_code", "a", (0, 0, 10, 10))
    other = Code("qr_code", "a", (1, 0, 10, 11))
    far = Code("qr_code", "a", (100, 0, 110, 10))
    assert barcodes.distinct([code, other, far]) == (code, far)
    blocks = [Block(id="b1", kind=BlockKind.PARAGRAPH, text="x", bbox=None)]
    page = PageResult(number=1, width=100, height=100, state=PageState.READ, blocks=blocks)
    made = with_codes(PageContent(page=page), [code, far]).page
    assert [block.id for block in made.blocks] == ["b1", "b2", "b3"]
