"""The probe measures the smallest letters of a picture within what the budget needs, and nothing else."""

import cv2
import numpy as np
import pymupdf
import pytest
from numpy.typing import NDArray

from pipeline.probe import x_height

Grey = NDArray[np.uint8]
PROSE = "The quick brown fox jumps over the lazy dog while invoices wait for payment of sums. " * 6
X_HEIGHT = {"helv": 0.523, "tiro": 0.45, "cour": 0.43}
"""x-heights of the base fonts, as a share of their size."""


def page(size: float, font: str = "helv", dpi: int = 110, rotate: int = 0) -> Grey:
    """A page of 12 pt prose under a large heading, with a paragraph of ``size`` at its foot."""
    sheet = pymupdf.open().new_page(width=595, height=842)
    sheet.insert_textbox((50, 50, 545, 110), "Heading in large type", fontsize=22, fontname=font)
    sheet.insert_textbox((50, 120, 545, 600), PROSE * 2, fontsize=12, fontname=font)
    sheet.insert_textbox((50, 640, 545, 800), PROSE, fontsize=size, fontname=font)
    sheet.set_rotation(rotate)
    pixmap = sheet.get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY)
    flat = np.frombuffer(pixmap.samples, np.uint8)
    picture: Grey = flat.reshape(pixmap.height, pixmap.stride)[:, : pixmap.width].copy()
    return picture


def noisy(picture: Grey, grain: float, skew: float = 0) -> Grey:
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), skew, 1)
    turned = cv2.warpAffine(picture, turn, (width, height), borderValue=(255,))
    random = np.random.default_rng(1)
    seen = cv2.GaussianBlur(turned, (0, 0), 0.6) + random.normal(0, grain, turned.shape)
    result: Grey = np.clip(seen, 0, 255).astype(np.uint8)
    return result


def expected(size: float, font: str = "helv", dpi: int = 110) -> float:
    return size * X_HEIGHT[font] * dpi / 72


@pytest.mark.parametrize("font", list(X_HEIGHT))
@pytest.mark.parametrize("size", [5, 7, 9, 12])
def test_clean_print(size: float, font: str) -> None:
    assert x_height(page(size, font)) == pytest.approx(expected(size, font), rel=0.2, abs=0.6)


@pytest.mark.parametrize("size", [6, 9])
@pytest.mark.parametrize("skew", [0.0, 1.0, -1.5])
def test_noise_and_skew(size: float, skew: float) -> None:
    found = x_height(noisy(page(size), 10, skew))
    assert found == pytest.approx(expected(size), rel=0.25, abs=0.8)


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_pages_on_their_side_or_head(rotate: int) -> None:
    assert x_height(page(8, rotate=rotate)) == pytest.approx(expected(8), rel=0.25)


IDEOGRAPHS = {
    "japan": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。" * 6,
    "china-s": "人人生而自由在尊严和权利上一律平等他们赋有理性和良心并应以兄弟关系的精神相对待" * 6,
    "korea": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. " * 6,
}


def sheet(text: str, size: float, font: str) -> Grey:
    made = pymupdf.open().new_page(width=595, height=842)
    made.insert_textbox((50, 50, 545, 800), text, fontsize=size, fontname=font)
    pixmap = made.get_pixmap(dpi=110, colorspace=pymupdf.csGRAY)
    flat = np.frombuffer(pixmap.samples, np.uint8)
    picture: Grey = flat.reshape(pixmap.height, pixmap.stride)[:, : pixmap.width].copy()
    return picture


@pytest.mark.parametrize("font", list(IDEOGRAPHS))
@pytest.mark.parametrize("size", [10, 14])
def test_ideographs_are_measured_by_their_type_size(size: float, font: str) -> None:
    assert x_height(sheet(IDEOGRAPHS[font], size, font)) == pytest.approx(size * 0.5 * 110 / 72, rel=0.2)


def test_small_ideographs_are_measured_when_the_language_is_known() -> None:
    size = 7
    found = x_height(noisy(sheet(IDEOGRAPHS["china-s"], size, "china-s"), 8), ideographs=True)
    assert found == pytest.approx(size * 0.5 * 110 / 72, rel=0.25)


def test_capitals_are_no_ideographs() -> None:
    found = x_height(sheet("TAX INVOICE TOTAL AMOUNT GST RM 12.30 CASH CHANGE " * 10, 10, "helv"))
    assert found == pytest.approx(10 * 0.73 * 110 / 72, rel=0.15)


def test_white_on_black() -> None:
    assert x_height(255 - page(8)) == pytest.approx(expected(8), rel=0.25)


def test_finer_pictures_measure_more_pixels() -> None:
    assert x_height(page(6, dpi=220)) == pytest.approx(expected(6, dpi=220), rel=0.15)


def test_what_is_no_text_has_no_letters() -> None:
    random = np.random.default_rng(5)
    assert x_height(np.full((800, 600), 255, np.uint8)) is None
    ruled = np.full((800, 600), 255, np.uint8)
    ruled[::40, 50:550] = 0
    ruled[100:700, ::90] = 0
    assert x_height(ruled) is None
    assert x_height(np.clip(random.normal(230, 12, (800, 600)), 0, 255).astype(np.uint8)) is None
    assert x_height(np.zeros((1, 1), np.uint8)) is None
