"""The CPU reader reads print, whichever way up, and says what it cannot read."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from model_runtime.cpu_ocr import tessdata
from model_runtime.cpu_ocr.calibrate import probability
from model_runtime.cpu_ocr.page import read_pixels
from schemas.reading import PageReading
from tests.bench.text_score import error_rate
from tests.samples.languages import LANGUAGES
from tests.samples.sheet import grey, new_document, new_sheet, scanned

LINES = (
    "The harbour was quiet in the morning,",
    "and nobody had seen the boat leave.",
    "Invoice number 30064443, total 34.73",
    "The keeper wrote it down and went home.",
)
KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다"
RUSSIAN = "Все люди рождаются свободными и равными"
# In a process of its own: which data is installed is looked up once a process.
READ_ALONE = """
import sys
import numpy as np
from PIL import Image
from model_runtime.cpu_ocr.page import read_pixels

reading = read_pixels(np.asarray(Image.open(sys.argv[1]).convert("RGB")), ("ko",))
print(*{warning.code for warning in reading.warnings})
"""


def page(*lines: str, face: str = "helv", size: float = 14) -> Image.Image:
    document = new_document("page")
    sheet = new_sheet(document)
    for number, line in enumerate(lines):
        sheet.text(60, 90 + 34 * number, line, size, face)
    return grey(document, 130).crop((0, 0, 1074, 600))


def read(image: Image.Image, *languages: str) -> PageReading:
    return read_pixels(np.asarray(image.convert("RGB")), languages)


def text(reading: PageReading) -> str:
    return " ".join(line.text for line in reading.lines)


def test_print_is_read_word_for_word() -> None:
    reading = read(page(*LINES))
    assert [line.text for line in reading.lines] == list(LINES)
    assert reading.content_rotation == 0
    assert not reading.unread


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_page_is_read_and_its_boxes_stay_where_the_print_is(turn: int) -> None:
    """``turn`` is what a person must turn the page by, clockwise, to read it."""
    upright = page(*LINES)
    image = upright.rotate(turn, expand=True)
    reading = read(image)
    assert reading.content_rotation == turn
    assert error_rate(" ".join(LINES), text(reading)) <= 0.01
    ink = np.asarray(image) < 128
    for line in reading.lines:
        x0, y0, x1, y1 = (round(edge) for edge in line.bbox)
        assert ink[max(0, y0) : y1, max(0, x0) : x1].mean() > 0.02, "the box is on paper without print"


def test_skew_is_measured_and_noise_is_read_through() -> None:
    reading = read(scanned(page(*LINES), skew=1.0, blur=0.6, noise=14, seed=3))
    assert reading.skew == pytest.approx(1.0, abs=0.3)
    assert error_rate(" ".join(LINES), text(reading)) <= 0.01


def sparse(*texts: tuple[float, float, str, float]) -> Image.Image:
    """A whole sheet with hardly anything on it."""
    document = new_document("page")
    sheet = new_sheet(document)
    for x, y, words, size in texts:
        sheet.text(x, y, words, size)
    return grey(document, 167)


def test_a_lone_word_on_an_empty_sheet_is_found() -> None:
    reading = read(sparse((62, 74, "Habibi habibi", 11)))
    assert text(reading) == "Habibi habibi"
    x0, y0, x1, y1 = (edge / 167 * 72 for edge in reading.lines[0].bbox)
    assert 50 < x0 < 70 < x1 < 150
    assert 55 < y0 < 70 < y1 < 85


def test_a_title_and_a_page_number_on_an_empty_sheet_are_found() -> None:
    reading = read(sparse((62, 74, "Chapter One", 14), (300, 800, "57", 10)))
    assert [line.text for line in reading.lines] == ["Chapter One", "57"]


def test_an_empty_page_yields_nothing() -> None:
    reading = read(page())
    assert not reading.lines
    assert not reading.unread


def test_noise_is_not_passed_off_as_text() -> None:
    grain = np.random.default_rng(1).integers(0, 256, (500, 700), dtype=np.uint8)
    assert not read(Image.fromarray(grain)).lines


@pytest.mark.parametrize(("code", "name", "line"), [("ko", "kor", KOREAN), ("ru", "rus", RUSSIAN)])
def test_a_script_of_tesseract_is_recognised_without_being_told(code: str, name: str, line: str) -> None:
    if name not in tessdata.installed():
        pytest.skip(f"Tesseract's language data {name!r} is not installed")
    assert code in {language.code for language in LANGUAGES}
    reading = read(page(line, line, line, face="cjk"))
    assert reading.language == code
    assert error_rate(" ".join([line] * 3), text(reading), code) <= 0.02
    assert all(word.confidence is None for each in reading.lines for word in each.words), "not calibrated"


def test_a_few_words_are_read_in_their_own_script() -> None:
    if "rus" not in tessdata.installed():
        pytest.skip("Tesseract's language data 'rus' is not installed")
    latin = Image.new("RGB", (280, 168), "white")
    printed = "Coffee 2.80\nBread 3.10\nCash 10.00"
    ImageDraw.Draw(latin).multiline_text((8, 10), printed, "black", ImageFont.load_default(18))
    assert text(read(latin)) == " ".join(printed.split())
    lines = ("Кофе 2.80", "Хлеб 3.10", "Наличные 10.00")
    assert error_rate(" ".join(lines), text(read(page(*lines, face="cjk")))) < 0.1


def test_language_data_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """Korean where only the data of orientation is installed: a warning says what is missing."""
    image = tmp_path / "page.png"
    page(KOREAN, KOREAN, KOREAN, face="cjk").save(image)
    (tmp_path / "osd.traineddata").touch()
    told = subprocess.run(
        [sys.executable, "-c", READ_ALONE, str(image)],
        env=os.environ | {"TESSDATA_PREFIX": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert told.stdout.split() == ["language_data_missing"]


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_certain_words_are_more_probable(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < probability(low) <= probability(high) < 1
