"""Parts of pages rendered anew: the same print as on the whole page, larger."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pymupdf
from PIL import Image

from model_runtime.families import TRAITS, Family
from model_runtime.spec import vlm_spec
from pipeline import recipe, sniff, steps
from pipeline.orders import PageOrder, SourceFile
from pipeline.tiling import tiles
from schemas.request import BudgetProfile, BudgetRequest, Task


def dark(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("L")) < 128


def pdf(path: Path, width: float = 600, height: float = 800, size: float = 40) -> SourceFile:
    with pymupdf.open() as document:
        page = document.new_page(width=width, height=height)
        page.draw_rect(pymupdf.Rect(100, 200, 100 + size, 200 + size / 2), color=0, fill=0)
        document.save(path)
    return SourceFile(str(path), sniff.PDF)


def test_a_part_of_a_pdf_page_is_drawn_larger(tmp_path: Path) -> None:
    made = steps.crop(pdf(tmp_path / "a.pdf"), 1, (90.0, 190.0, 150.0, 230.0), (600, 400), 0)
    assert (made.width, made.height) == (600, 400)
    rows, cols = np.nonzero(dark(made.data))
    assert abs(int(cols.min()) - 100) <= 10
    assert abs(int(cols.max()) - 500) <= 10
    assert abs(int(rows.min()) - 100) <= 10


def test_a_part_is_turned_clockwise(tmp_path: Path) -> None:
    source = pdf(tmp_path / "a.pdf")
    upright = dark(steps.crop(source, 1, (0.0, 0.0, 600.0, 800.0), (300, 400), 0).data)
    turned = steps.crop(source, 1, (0.0, 0.0, 600.0, 800.0), (300, 400), 90)
    assert (turned.width, turned.height) == (400, 300)
    assert (np.rot90(upright, -1) == dark(turned.data)).mean() > 0.99


def test_a_part_of_a_picture_is_cut_out(tmp_path: Path) -> None:
    pixels = np.full((400, 300), 255, np.uint8)
    pixels[100:150, 50:100] = 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    source = SourceFile(str(tmp_path / "a.png"), sniff.PNG)
    made = steps.crop(source, 1, (50.0, 100.0, 100.0, 150.0), (84, 84), 0)
    assert dark(made.data).mean() > 0.95


def test_only_a_page_that_one_image_cannot_show_is_cut(tmp_path: Path) -> None:
    spec = vlm_spec("m", "m", TRAITS[Family.QWEN2_VL], visual_tokens=1280)

    def prepared(width: float, height: float, budget: BudgetRequest) -> int:
        path = tmp_path / f"{width}x{height}.pdf"
        with pymupdf.open() as document:
            page = document.new_page(width=width, height=height)
            for row in range(int(height / 20) - 2):
                for column in range(int(width / 160)):
                    page.insert_text((20 + 160 * column, 30 + 20 * row), f"part {row} {column}", fontsize=8)
            document.save(path)
        order = PageOrder(1, spec.limits, spec.pixels_per_x_height, budget, frozenset({Task.TEXT}))
        source = SourceFile(str(path), sniff.PDF)
        drawn = recipe.prepare_page(source, replace(order, image_always=True))
        assert drawn.trusted
        scan = tmp_path / f"{width}x{height}.png"
        with pymupdf.open(path) as document:
            document[0].get_pixmap(dpi=110).save(scan)
        image = recipe.prepare_page(SourceFile(str(scan), sniff.PNG), order)
        return len(tiles(image.tiles)) if image.tiles is not None else 1

    balanced = BudgetRequest(profile=BudgetProfile.BALANCED)
    assert prepared(595, 842, balanced) == 1
    assert 1 < prepared(2384, 1684, balanced) <= 24
    assert prepared(2384, 1684, BudgetRequest(profile=BudgetProfile.FAST)) == 1
    assert prepared(2384, 1684, BudgetRequest(max_pixels=1_000_000)) == 1
