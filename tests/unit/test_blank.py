"""Blank pages are recognised through dust, holes and shadows; one small word is enough not to be blank."""

import numpy as np
import pymupdf
import pytest
from numpy.typing import NDArray

from pipeline.blank import is_blank

DPI = 110
Grey = NDArray[np.uint8]


def printed(text: str = "", size: float = 8, at: tuple[float, float] = (200, 300), ink: float = 0) -> Grey:
    page = pymupdf.open().new_page(width=595, height=842)
    page.insert_text(at, text, fontsize=size, color=(ink, ink, ink))
    pixmap = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    flat = np.frombuffer(pixmap.samples, np.uint8)
    return flat.reshape(pixmap.height, pixmap.stride)[:, : pixmap.width].copy()


def scanned(page: Grey, grain: float, paper: int = 235, slope: int = 0, seed: int = 7) -> Grey:
    """As a scanner sees it: greyish paper, unevenly lit, with grain."""
    random = np.random.default_rng(seed)
    light = paper - slope * np.linspace(0, 1, page.shape[1])
    seen = page / 255 * light + random.normal(0, grain, page.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_uniform_pages_are_blank(level: int) -> None:
    assert is_blank(np.full((900, 600), level, np.uint8), DPI)


@pytest.mark.parametrize("grain", [1.0, 3.0, 6.0])
@pytest.mark.parametrize("slope", [0, 40])
def test_grainy_unevenly_lit_paper_is_blank(grain: float, slope: int) -> None:
    assert is_blank(scanned(printed(), grain, slope=slope), DPI)


def test_dust_punch_holes_and_a_shadow_along_the_edge_are_blank() -> None:
    page = scanned(printed(), 2.0)
    random = np.random.default_rng(3)
    for _ in range(15):
        y, x = random.integers(60, 1200), random.integers(60, 850)
        page[y : y + 3, x : x + 3] = 90
    rows, columns = np.ogrid[: page.shape[0], : page.shape[1]]
    for centre in (430, 850):
        page[(rows - centre) ** 2 + (columns - 50) ** 2 <= 13**2] = 30
    page[:, :9] = 60
    page[-6:, :] = 40
    assert is_blank(page, DPI)


def test_print_showing_through_from_the_back_is_blank() -> None:
    back = printed("What stands on the other side of a thin leaf of paper", 14)[:, ::-1]
    faint = (255 - (255 - back.astype(np.float64)) * 0.05).astype(np.uint8)
    assert is_blank(scanned(faint, 1.5), DPI)


@pytest.mark.parametrize("word", ["ok", "42"])
@pytest.mark.parametrize("size", [5, 6, 8, 12])
@pytest.mark.parametrize("at", [(280, 420), (25, 40), (560, 30), (290, 832), (20, 820)])
@pytest.mark.parametrize("grain", [0.0, 3.0])
def test_a_single_small_word_anywhere_is_not_blank(
    word: str, size: float, at: tuple[float, float], grain: float
) -> None:
    page = printed(word, size, at)
    assert not is_blank(scanned(page, grain) if grain else page, DPI)


@pytest.mark.parametrize("ink", [0.5, 0.7, 0.85])
def test_a_pale_word_on_a_drawn_page_is_not_blank(ink: float) -> None:
    assert not is_blank(printed("pale words", 9, ink=ink), DPI)


def test_a_thin_rule_is_not_blank() -> None:
    page = printed()
    page[500, 200:600] = 0
    assert not is_blank(page, DPI)


def test_a_picture_without_edges_is_not_blank() -> None:
    rows, columns = np.ogrid[:900, :700]
    glow = 255 - 200 * np.exp(-((rows - 450) ** 2 + (columns - 350) ** 2) / (2 * 150.0**2))
    assert not is_blank(glow.astype(np.uint8), DPI)


def test_what_is_too_coarse_or_too_small_to_judge_is_blank_only_when_uniform() -> None:
    coarse = np.full((400, 400), 255, np.uint8)
    coarse[200, 200:203] = 200
    assert not is_blank(coarse, 20)
    snippet = np.full((29, 48), 255, np.uint8)
    snippet[4:25, 4:12] = 0
    assert not is_blank(snippet, 300)
    assert is_blank(np.full((29, 48), 250, np.uint8), 300)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (700, 1), (3, 3)])
def test_absurd_sizes_do_no_harm(shape: tuple[int, int]) -> None:
    assert is_blank(np.full(shape, 255, np.uint8), DPI)
    noisy = np.arange(shape[0] * shape[1], dtype=np.uint64).reshape(shape) * 37 % 256
    is_blank(noisy.astype(np.uint8), DPI)
