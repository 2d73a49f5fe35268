"""Check boxes on pictures of pages: found beside their labels, ticked or empty, and nowhere else."""

import io

import pytest
from PIL import Image

from pipeline.assemble import assemble
from pipeline.orders import Geometry, PageImage
from pipeline.scan_boxes import boxes, with_boxes
from schemas.page import BlockKind, PageSource, Unit
from schemas.reading import PageReading, ReadWord, line_of
from tests.samples.sheet import grey, new_document, new_sheet
from tests.samples.tick_form import LABELS, pixels, tick_form

DPI = 150
POINT = DPI / 72


@pytest.mark.parametrize("seed", range(5))
def test_boxes_of_a_crooked_noisy_scan_are_found_and_none_besides(seed: int) -> None:
    """Beside a ruled table, a comb and words full of O and D; cells of the comb fall to what is around."""
    form = tick_form(seed)
    found = [box for box in boxes(pixels(form.scan(seed)), 10 * POINT) if box[0][1] < 370 * POINT]
    assert len(found) >= 8
    assert len(found) <= len(LABELS)
    assert all(box[1] > 125 * POINT for box, _ in found)
    truth = sum(form.truth.values())
    assert sum(ticked for _, ticked in found) <= truth


def scanned_page(read_as: str) -> tuple[PageImage, PageReading]:
    """An empty box and a ticked one; ``read_as``: what a reader took the first for."""
    document = new_document("boxes")
    sheet = new_sheet(document, (300, 200))
    for row, label in enumerate(("Agreed", "Refused")):
        sheet.page.draw_rect((40, 40 + 40 * row, 51, 51 + 40 * row), width=1)
        sheet.text(58, 50 + 40 * row, label)
    sheet.page.draw_line((42, 82), (49, 89), width=1.3)
    sheet.page.draw_line((49, 82), (42, 89), width=1.3)
    picture = grey(document, DPI)
    out = io.BytesIO()
    picture.save(out, "PNG")

    def word(text: str, x0: float, y0: float, x1: float) -> ReadWord:
        return ReadWord(text, (x0 * POINT, y0 * POINT, x1 * POINT, (y0 + 11) * POINT))

    first = (
        [word(read_as, 40, 40, 51), word("Agreed", 57, 40, 95)]
        if len(read_as) == 1
        else [word(read_as, 40, 40, 95)]
    )
    lines = (line_of(first, 22), line_of([word("Refused", 57, 80, 95)], 22))
    image = PageImage(out.getvalue(), "image/png", picture.width, picture.height)
    return image, PageReading(picture.width, picture.height, lines)


@pytest.mark.parametrize("read_as", ["O", "□", "OAgreed", "□Agreed"])
def test_a_box_becomes_a_block_with_its_label_whatever_it_was_read_as(read_as: str) -> None:
    image, reading = scanned_page(read_as)
    made = with_boxes(image, reading)
    geometry = Geometry(Unit.PIXEL, image.width, image.height)
    page = assemble(made, 1, geometry, PageSource.OCR).page
    found = [block for block in page.blocks if block.kind is BlockKind.CHECKBOX]
    assert [block.text for block in found] == ["☐ Agreed", "☑ Refused"]
    assert all(block.bbox is not None and block.bbox[0] < 42 * POINT for block in found)


def test_a_letter_inside_a_word_is_no_box() -> None:
    image, reading = scanned_page("O")
    inside = ReadWord("MOAgreed", (20 * POINT, 40 * POINT, 95 * POINT, 51 * POINT))
    made = with_boxes(image, PageReading(reading.width, reading.height, (line_of([inside], 22),)))
    assert made.regions == ()


def test_print_alone_has_no_boxes() -> None:
    document = new_document("print")
    sheet = new_sheet(document)
    for row in range(30):
        sheet.text(50, 60 + 24 * row, "DOOR 0 80 D O B8 QUAD OD 00 DD LOGO Egg HHH EEE", 9 + row % 6, "hebo")
    assert list(boxes(pixels(grey(document, DPI)), 10 * POINT)) == []
    blank = Image.new("L", (400, 400), 255)
    assert list(boxes(pixels(blank), 20)) == []
