"""Preparing a page: text layer, blank or engine, each with the right image, budget and warnings."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest
from PIL import Image

from pipeline import steps
from pipeline.orders import PageOrder, PreparedPage, SourceFile
from pipeline.raster import close_all
from schemas.engine import PixelLimits
from schemas.errors import DocumentUnreadable
from schemas.geometry import Box
from schemas.page import EngineUsed, PageSource, PageState
from schemas.reading import PageReading, ReadWord, line_of
from schemas.request import BudgetProfile, BudgetRequest, Task

PDF = "application/pdf"
LIMITS = PixelLimits(factor=28, min_pixels=50_176, max_pixels=4_014_080)
PROSE = "The quick brown fox jumps over the lazy dog while invoices wait for their payment. " * 4


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    close_all()


def order(
    number: int = 1, *, image_always: bool = False, profile: BudgetProfile = BudgetProfile.BALANCED
) -> PageOrder:
    return PageOrder(
        number=number,
        limits=LIMITS,
        pixels_per_x_height=12.0,
        budget=BudgetRequest(profile=profile),
        tasks=frozenset({Task.TEXT}),
        image_always=image_always,
    )


def written(size: float = 11, text: str = PROSE) -> pymupdf.Document:
    made = pymupdf.open()
    made.new_page(width=595, height=842).insert_textbox((60, 60, 535, 780), text, fontsize=size)
    return made


def scan_of(made: pymupdf.Document, dpi: int = 150, grain: float = 4.0) -> Image.Image:
    pixmap = made[0].get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
    sheet = np.frombuffer(pixmap.samples, np.uint8).reshape(pixmap.height, pixmap.stride)[:, : pixmap.width]
    seen = sheet * 0.92 + np.random.default_rng(2).normal(0, grain, sheet.shape)
    return Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8))


def scanned(made: pymupdf.Document) -> pymupdf.Document:
    """A PDF that holds nothing but the picture of ``made``."""
    buffer = io.BytesIO()
    scan_of(made).save(buffer, "JPEG", quality=85)
    new = pymupdf.open()
    new.new_page(width=595, height=842).insert_image((0, 0, 595, 842), stream=buffer.getvalue())
    return new


def prepared(folder: Path, made: pymupdf.Document, asked: PageOrder | None = None) -> PreparedPage:
    path = folder / "made.pdf"
    made.save(path)
    return steps.prepare_page(SourceFile(str(path), PDF), asked or order())


def decoded(page: PreparedPage) -> Image.Image:
    assert page.image is not None
    assert page.budget is not None
    picture = Image.open(io.BytesIO(page.image.data))
    assert picture.size == (page.image.width, page.image.height) == (page.budget.width, page.budget.height)
    assert picture.get_format_mimetype() == page.image.media_type
    return picture


def test_a_trusted_text_layer_is_the_page_and_costs_nothing(tmp_path: Path) -> None:
    page = prepared(tmp_path, written())
    assert page.content is not None
    assert (page.image, page.budget) == (None, None)
    assert page.content.page.source is PageSource.TEXT_LAYER
    assert page.content.page.state is PageState.READ
    assert "quick brown fox" in page.content.page.text


def test_an_engine_with_work_on_every_page_gets_the_picture_and_the_layer(tmp_path: Path) -> None:
    page = prepared(tmp_path, written(size=9), order(image_always=True))
    decoded(page)
    assert page.content is None
    assert page.budget is not None
    assert page.budget.reason == "smallest text 9 pt"
    assert page.layer is not None
    assert "quick" in page.layer.lines[0].text


def test_a_scan_is_read_at_what_its_measured_letters_need(tmp_path: Path) -> None:
    small, large = (prepared(tmp_path, scanned(written(size))) for size in (6.5, 14))
    assert decoded(small).width > decoded(large).width
    assert small.budget is not None
    assert small.budget.reason.startswith("smallest text measured")
    assert small.content is None


def test_profiles_change_the_size_of_the_picture(tmp_path: Path) -> None:
    fast, accurate = (
        prepared(tmp_path, scanned(written(9)), order(profile=profile))
        for profile in (BudgetProfile.FAST, BudgetProfile.ACCURATE)
    )
    assert decoded(fast).width < decoded(accurate).width


@pytest.mark.parametrize("made", [written(text=""), scanned(written(text=""))], ids=["empty", "white scan"])
def test_blank_pages_are_results_and_cost_nothing(made: pymupdf.Document, tmp_path: Path) -> None:
    page = prepared(tmp_path, made)
    assert page.content is not None
    assert page.content.page.state is PageState.BLANK
    assert (page.content.page.width, page.content.page.height) == (595, 842)
    assert (page.content.page.text, page.image, page.content.page.source) == ("", None, None)


def test_a_scan_with_one_small_word_goes_to_the_engine(tmp_path: Path) -> None:
    assert prepared(tmp_path, scanned(written(8, "ok"))).image is not None


def test_a_picture_of_text_on_a_page_with_few_words_is_not_lost(tmp_path: Path) -> None:
    made = scanned(written(10, PROSE * 4))
    made[0].insert_text((60, 30), "Received 12 May", fontsize=10)
    page = prepared(tmp_path, made)
    assert page.image is not None
    assert page.content is None


def test_images_keep_their_pixels_as_unit(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    scan_of(written(10)).save(path, dpi=(150, 150))
    page = steps.prepare_page(SourceFile(str(path), "image/png"), order())
    decoded(page)
    assert (page.geometry.unit, page.geometry.width, page.geometry.height) == ("px", 1240, 1755)
    assert page.geometry.dpi == pytest.approx(150, abs=0.1)


def test_fax_pages_are_shown_in_their_true_shape(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    squeezed = scan_of(written(12), dpi=200, grain=0).resize((1654, 1147))
    squeezed.convert("1").save(path, compression="group4", dpi=(200, 98))
    page = steps.prepare_page(SourceFile(str(path), "image/tiff"), order())
    picture = decoded(page)
    assert (page.geometry.width, page.geometry.height) == (1654, 1147)
    assert picture.height / picture.width == pytest.approx(842 / 595, rel=0.05)


def test_what_an_engine_read_comes_back_in_points(tmp_path: Path) -> None:
    page = prepared(tmp_path, scanned(written(12)))
    assert page.image is not None
    box: Box = (
        page.image.width * 0.1,
        page.image.height * 0.5,
        page.image.width * 0.3,
        page.image.height * 0.52,
    )
    line = line_of([ReadWord("Total", box, 0.9)], size=20.0)
    reading = PageReading(page.image.width, page.image.height, lines=(line,))
    content = steps.assemble_page(page, reading, EngineUsed(name="cpu", model="m"), PageSource.MODEL)
    assert content.page.text == "Total"
    assert content.page.words[0].bbox == pytest.approx((59.5, 421, 178.5, 437.84), abs=0.1)
    assert content.page.budget == page.budget
    assert content.page.source is PageSource.MODEL


def test_more_pages_than_allowed_are_refused_before_any_is_read(tmp_path: Path) -> None:
    made = pymupdf.open()
    for _ in range(5):
        made.new_page()
    made.save(tmp_path / "long.pdf")
    source = SourceFile(str(tmp_path / "long.pdf"), PDF)
    assert steps.inspect(source).page_count == 5
    with pytest.raises(DocumentUnreadable) as refused:
        steps.inspect(source, max_pages=4)
    assert refused.value.code == "too_many_pages"


def test_a_repaired_file_carries_a_warning(tmp_path: Path) -> None:
    data = written().tobytes()
    path = tmp_path / "cut.pdf"
    path.write_bytes(data[: data.rindex(b"xref")])
    facts = steps.inspect(SourceFile(str(path), PDF))
    assert [warning.code for warning in facts.warnings] == ["document_repaired"]


def broken_picture(made: pymupdf.Document) -> pymupdf.Document:
    """The same page with a picture on it that cannot be decoded."""
    picture, content = made.get_new_xref(), made.get_new_xref()
    made.update_object(
        picture, "<</Type/XObject/Subtype/Image/Width 50/Height 50/BitsPerComponent 1/ColorSpace/DeviceGray>>"
    )
    made.update_stream(picture, b"this is no picture at all", compress=False)
    made.xref_set_key(picture, "Filter", "/JBIG2Decode")
    made.update_object(content, "<<>>")
    made.update_stream(content, b"q 200 0 0 200 0 0 cm /Broken Do Q")
    page = made[0]
    before = " ".join(f"{xref} 0 R" for xref in page.get_contents())
    made.xref_set_key(page.xref, "Contents", f"[{before} {content} 0 R]")
    kind, resources = made.xref_get_key(page.xref, "Resources")
    if kind == "xref":
        made.xref_set_key(int(resources.split()[0]), "XObject", f"<</Broken {picture} 0 R>>")
    else:
        made.xref_set_key(page.xref, "Resources/XObject", f"<</Broken {picture} 0 R>>")
    return made


def test_a_page_that_shows_nothing_for_damage_is_not_called_blank(tmp_path: Path) -> None:
    made = written()
    for xref in made[0].get_contents():
        made.update_stream(xref, b"\x78\x9cno deflated data at all", compress=False)
        made.xref_set_key(xref, "Filter", "/FlateDecode")
    with pytest.raises(DocumentUnreadable, match="page 1 shows nothing") as refused:
        prepared(tmp_path, made)
    assert refused.value.code == "page_corrupt"


def test_a_page_that_lost_a_part_says_so(tmp_path: Path) -> None:
    page = prepared(tmp_path, broken_picture(written()), order(image_always=True))
    assert [warning.code for warning in page.warnings] == ["page_damaged"]
    reading = PageReading(page.budget.width, page.budget.height) if page.budget else PageReading(1, 1)
    content = steps.assemble_page(page, reading, EngineUsed(name="cpu", model="m"), PageSource.MODEL)
    assert [(warning.code, warning.page) for warning in content.warnings] == [("page_damaged", 1)]


def test_pages_of_absurd_sizes_end_with_a_result_or_a_code(tmp_path: Path) -> None:
    made = pymupdf.open()
    for size in ((7.2, 7.2), (14_400, 14_400), (7.2, 14_400), (14_400, 7.2)):
        page = made.new_page(width=size[0], height=size[1])
        page.draw_line((0, 0), size)
    made.save(tmp_path / "sizes.pdf")
    source = SourceFile(str(tmp_path / "sizes.pdf"), PDF)
    for number in (1, 2):
        assert steps.prepare_page(source, order(number)).image is not None
    for number in (3, 4):
        with pytest.raises(DocumentUnreadable) as refused:
            steps.prepare_page(source, order(number))
        assert refused.value.code == "page_aspect_ratio"


@pytest.mark.parametrize("width", [1, 77, 800])
def test_pages_can_be_rendered_for_people(width: int, tmp_path: Path) -> None:
    path = tmp_path / "made.pdf"
    written().save(path)
    image = steps.render(SourceFile(str(path), PDF), 1, width)
    assert (image.width, image.height) == (width, max(1, round(width * 842 / 595)))
    assert Image.open(io.BytesIO(image.data)).size == (image.width, image.height)


def test_rendering_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "made.pdf"
    pymupdf_document = pymupdf.open()
    pymupdf_document.new_page(width=10, height=2_000)
    pymupdf_document.save(path)
    image = steps.render(SourceFile(str(path), PDF), 1, 100_000)
    assert image.width * image.height <= 33_000_000


def test_naming_the_steps_loads_no_decoder() -> None:
    heavy = "{'pymupdf', 'cv2', 'PIL', 'numpy'}"
    code = f"import sys, pipeline.steps; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
