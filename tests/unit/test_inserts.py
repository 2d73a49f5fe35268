"""Text on pictures of a page that is otherwise read from its text layer is read too, and nothing twice."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_runtime.cpu_ocr.page import read_pixels
from model_runtime.spec import cpu_spec
from pipeline.inserts import UNREAD, completed
from pipeline.orders import PageOrder, PreparedPage, SourceFile
from pipeline.recipe import assemble_page, prepare_page
from schemas.errors import ResultWarning
from schemas.page import EngineUsed, PageSource
from schemas.reading import PageReading, ReadLine, ReadWord, Unread, line_of
from schemas.request import BudgetRequest, Task
from tests.samples.letterhead import PICTURE, pasted


def prepared(data: bytes, folder: Path) -> PreparedPage:
    path = folder / "letter.pdf"
    path.write_bytes(data)
    spec = cpu_spec(1)
    order = PageOrder(
        1, spec.limits, spec.pixels_per_x_height, BudgetRequest(), frozenset({Task.TEXT, Task.TABLES})
    )
    return prepare_page(SourceFile(str(path), "application/pdf"), order)


def test_a_letterhead_pasted_as_a_picture_is_read_with_the_page(tmp_path: Path) -> None:
    page = prepared(pasted(), tmp_path)
    assert page.image is not None
    assert page.content is None
    pixels = np.asarray(Image.open(io.BytesIO(page.image.data)).convert("RGB"))
    content = assemble_page(page, read_pixels(pixels, ()), EngineUsed(name="cpu", model="m"), PageSource.OCR)
    text = content.page.text
    assert "8401 Gorredijk" in text
    assert text.count("11. The goods were delivered") == 1
    assert text.count("good order") == 12, "the prose comes from the text layer alone"
    assert content.page.source is PageSource.TEXT_LAYER
    assert content.page.engine is not None
    (bank,) = [word for word in content.page.words if word.text == "0198723202"]
    assert bank.bbox is not None
    assert PICTURE[0] < bank.bbox[0] < bank.bbox[2] < PICTURE[2]
    assert PICTURE[1] < bank.bbox[1] < bank.bbox[3] < PICTURE[3]
    assert UNREAD not in {warning.code for warning in content.warnings}


def test_a_picture_without_words_costs_no_engine(tmp_path: Path) -> None:
    page = prepared(pasted(text=False), tmp_path)
    assert page.image is None
    assert page.content is not None


def line(text: str, x: float, y: float) -> ReadLine:
    return line_of([ReadWord(text, (x, y, x + 40, y + 10))], 10)


LAYER = PageReading(
    600, 800, (line("printed", 10, 10),), warnings=(ResultWarning(code=UNREAD, detail="a picture"),)
)


@pytest.mark.parametrize(
    ("seen", "texts"),
    [
        (line("pasted", 110, 110), ["printed", "pasted"]),
        (line("elsewhere", 400, 500), ["printed"]),
        (line("primted", 10, 10), ["printed"]),
    ],
    ids=["on the picture", "off it", "read twice"],
)
def test_only_what_the_layer_lacks_is_added(seen: ReadLine, texts: list[str]) -> None:
    whole = completed(LAYER, PageReading(600, 800, (seen,)), [(0, 0, 300, 300)])
    assert [one.text for one in whole.lines] == texts
    assert bool(whole.warnings) == (len(texts) == 1), "the warning stays until something was read there"


def test_what_could_not_be_read_on_a_picture_is_still_said() -> None:
    places = (Unread((110, 110, 150, 120), "no letters"), Unread((400, 500, 440, 510), "no letters"))
    whole = completed(LAYER, PageReading(600, 800, unread=places), [(0, 0, 300, 300)])
    assert whole.unread == places[:1]
