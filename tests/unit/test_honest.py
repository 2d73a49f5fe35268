"""Pages in scripts that no recogniser knows are said to be unread, not passed off as letters."""

import numpy as np
import pytest

from model_runtime.cpu_ocr.honest import standard, warnings
from model_runtime.cpu_ocr.lines import Place
from model_runtime.cpu_ocr.route import Route
from schemas.reading import ReadLine, ReadWord

QUAD = np.array([[0, 0], [120, 0], [120, 20], [0, 20]], dtype=np.float32)
PLACE = Place(QUAD, np.zeros((20, 120, 3), dtype=np.uint8))
ALL = frozenset({"kor", "rus", "ara", "vie", "heb", "ell", "tha", "hin"})


def line(text: str, certainty: float) -> ReadLine:
    box = (0.0, 0.0, 120.0, 20.0)
    return ReadLine((ReadWord(text, box, certainty),), box, 14.0, confidence=certainty)


READ = [line("The harbour was quiet", 0.98), line("and nobody had seen", 0.95), line("7", 0.97)]
STROKES: list[ReadLine | None] = [line("T", 0.99), line("TT", 0.99), None, None, line("ı", 0.4)]


@pytest.mark.parametrize("text", ["7", "No. 12"])
def test_a_page_that_reads_well_keeps_its_short_lines(text: str) -> None:
    short = Place(QUAD * np.array([0.3, 1], np.float32), PLACE.crop)
    assert standard(READ).met(line(text, 0.9), short)


def test_single_letters_on_a_page_of_unknown_script_are_no_text() -> None:
    asked = standard(STROKES)
    short = Place(QUAD * np.array([0.1, 1], np.float32), PLACE.crop)
    assert not asked.met(line("T", 0.99), short)
    assert not asked.met(line("THE HARBOUR", 0.7), PLACE)
    assert asked.met(line("THE HARBOUR", 0.97), PLACE), "a line in a known script is kept on any page"


def test_scripts_whose_data_is_missing_are_named_in_one_warning() -> None:
    (warning,) = warnings(Route(None), STROKES, ALL - {"heb", "tha"})
    assert warning.code == "language_data_missing"
    assert "Hebrew or Thai" in warning.detail
    assert "'heb', 'tha'" in warning.detail


def test_nothing_is_said_to_be_missing_of_a_page_that_reads_well_or_where_all_is_installed() -> None:
    assert not warnings(Route(None), READ, frozenset())
    assert not warnings(Route(None), STROKES, ALL)
