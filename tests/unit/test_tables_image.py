"""Rules on pictures of pages are found, letters are not taken for rules, and scanned tables come back."""

import io
from dataclasses import replace

import numpy as np
import pymupdf
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.orders import PageImage
from pipeline.tables import build, find_tables
from pipeline.tables_image import rules
from pipeline.text_layer import LayoutUse, read
from pipeline.text_layer_scan import arranged
from schemas.geometry import Box
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadLine, line_of
from tests.samples.table_pages import Printed, Style, new_page, print_table


def paper(noise: float = 0.0) -> Image.Image:
    grey = np.full((1100, 850), 245.0)
    grey += np.random.default_rng(3).normal(0, noise, grey.shape) if noise else 0
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def grey_of(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image)


@pytest.mark.parametrize("noise", [0.0, 8.0])
@pytest.mark.parametrize("tilt", [0.0, 0.6])
def test_a_grid_is_found_through_noise_and_tilt(noise: float, tilt: float) -> None:
    image = paper(noise)
    pen = ImageDraw.Draw(image)
    for at in range(4):
        pen.line((100, 200 + 80 * at, 700, 200 + 80 * at), fill=30, width=2)
        pen.line((100 + 200 * at, 200, 100 + 200 * at, 440), fill=30, width=2)
    found = rules(grey_of(image.rotate(tilt, fillcolor=245, resample=Image.Resampling.BICUBIC)))
    across = [rule for rule in found if rule.horizontal]
    down = [rule for rule in found if not rule.horizontal]
    assert (len(across), len(down)) == (4, 4)
    assert all(rule.bbox[2] - rule.bbox[0] > 560 for rule in across)
    assert all(rule.bbox[3] - rule.bbox[1] > 210 for rule in down)


def test_letters_that_touch_are_no_rules() -> None:
    _document, page = new_page(width=850, height=1100)
    for row in range(40):
        page.insert_text(
            (80, 100 + 22 * row), "Nothing but words and figures 1,204 stand here mm", fontsize=16
        )
    shown = page.get_pixmap(colorspace=pymupdf.csGRAY)
    grey = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width)
    words = [word[:4] for word in page.get_text("words")]
    assert rules(grey, words) == ()


def scanned(table: Printed, dpi: int) -> tuple[PageImage, PageReading]:
    """The page as an engine gets it, and its words as an engine without layout returns them."""
    document, page = new_page()
    page.insert_text((60, 80), "Statement of accounts for the year, in thousands of crowns")
    print_table(page, table, 60, 120)
    page = pymupdf.open("pdf", document.tobytes())[0]
    lines = read(page, LayoutUse.NEVER).reading.lines
    shown = page.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
    grey = np.frombuffer(shown.samples, np.uint8).reshape(shown.height, shown.width).astype(float)
    grey += np.random.default_rng(5).normal(0, 10, grey.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
    reading = PageReading(page.rect.width, page.rect.height, lines=lines)
    image = PageImage(buffer.getvalue(), "image/jpeg", shown.width, shown.height)
    return image, reading.scaled_to(shown.width, shown.height)


ROWS: list[list[tuple[str, int]]] = [
    [("", 1), ("Turnover", 2), ("Staff", 1)],
    [("Region", 1), ("2021", 1), ("2022", 1), ("2022", 1)],
    [("North and\nIslands", 1), ("1,204", 1), ("1,377", 1), ("12", 1)],
    [("South", 1), ("880", 1), ("902", 1), ("9", 1)],
    [("West", 1), ("64", 1), ("71", 1), ("2", 1)],
]


@pytest.mark.parametrize("style", [Style.GRID, Style.OPEN])
@pytest.mark.parametrize("dpi", [110, 200])
def test_a_scanned_ruled_table_comes_back_cell_by_cell(style: Style, dpi: int) -> None:
    printed = Printed(ROWS, [130, 80, 80, 80], style, size=10)
    image, reading = scanned(printed, dpi)
    seen = arranged(image, reading)
    (found,) = find_tables(seen)
    table = build(found, seen.lines, 1, "t1")
    assert [(c.row, c.col, c.col_span, c.text) for c in table.cells] == printed.cells


def test_a_scanned_bare_table_is_found_by_the_model() -> None:
    printed = Printed(ROWS[1:], [130, 80, 80, 80], Style.BARE, size=10)
    image, reading = scanned(printed, 150)
    seen = arranged(image, reading)
    assert BlockKind.TABLE in {region.kind for region in seen.regions}
    (found,) = find_tables(seen)
    table = build(found, seen.lines, 1, "t1")
    assert [(c.row, c.col, c.text) for c in table.cells] == [(r, c, text) for r, c, _, text in printed.cells]


def test_a_page_of_few_words_is_left_alone() -> None:
    image, reading = scanned(Printed(ROWS, [130, 80, 80, 80], Style.GRID), 100)
    few: tuple[ReadLine, ...] = reading.lines[:1][:0]
    assert arranged(image, PageReading(reading.width, reading.height, lines=few)).regions == ()


@pytest.mark.parametrize("skew", [-2.0, 1.0])
def test_a_skewed_scan_gives_the_same_table(skew: float) -> None:
    printed = Printed(ROWS, [130, 80, 80, 80], Style.GRID, size=10)
    image, reading = scanned(printed, 130)
    picture = Image.open(io.BytesIO(image.data)).rotate(skew, Image.Resampling.BICUBIC, fillcolor=255)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    slope = np.tan(np.radians(skew))

    def turned(box: Box) -> Box:
        dx = float(slope * ((box[1] + box[3]) / 2 - reading.height / 2))
        dy = float(-slope * ((box[0] + box[2]) / 2 - reading.width / 2))
        return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)

    lines = tuple(
        line_of([replace(word, bbox=turned(word.bbox)) for word in line.words], line.size)
        for line in reading.lines
    )
    crooked = replace(reading, lines=lines, skew=skew)
    seen = arranged(PageImage(buffer.getvalue(), "image/png", image.width, image.height), crooked)
    (found,) = find_tables(seen)
    table = build(found, seen.lines, 1, "t1")
    assert [(c.row, c.col, c.col_span, c.text) for c in table.cells] == printed.cells
