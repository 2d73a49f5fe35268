"""What is measured with the small model: true values and places of its pages, and what counts as right."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from model_runtime.nano import fonts
from pipeline import recipe, sniff
from pipeline.orders import PageOrder, SourceFile
from schemas.engine import PixelLimits
from schemas.errors import Unsupported
from schemas.field import Evidence, Field, FieldState, FieldType
from schemas.geometry import scaled
from schemas.page import PageResult, PageState, Word
from schemas.request import BudgetRequest, Task
from schemas.result import DocumentInfo, Progress, Result, RunState, Usage
from tests.bench.figures import Figures
from tests.bench.nano_budget import limits
from tests.bench.nano_detect import lines
from tests.bench.nano_pages import Posted, Truth, field_exams, posted, sized, text_exams
from tests.bench.nano_posting import Asked, turns
from tests.bench.nano_score import Scored, add_empty, add_fields, add_text

RECEIPT, INVOICE = field_exams()


@pytest.fixture(autouse=True)
def _fonts() -> None:
    try:
        fonts.find()
    except Unsupported:
        pytest.skip("this machine has too few fonts (extra `train`)")


def result(page: PageResult, fields: list[Field] | None = None) -> Result:
    document = DocumentInfo(
        id="doc_1", run_id="run_1", state=RunState.SUCCEEDED, progress=Progress(), media_type="image/png",
        bytes=1, sha256="", created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    return Result(usage=Usage(), document=document, pages=[page], fields=fields or [])


def read(text: str, state: PageState = PageState.READ, placed: bool = True) -> Result:
    box = (0.0, 0.0, 9.0, 9.0) if placed else None
    words = [Word(text=word, bbox=box) for word in text.split()]
    return result(PageResult(number=1, state=state, text=text, words=words))


@pytest.mark.parametrize("exam", [RECEIPT, INVOICE], ids=["receipt", "invoice"])
def test_true_boxes_hold_ink_on_the_page_that_is_posted(tmp_path: Path, exam: object) -> None:
    [paper] = posted(RECEIPT if exam is RECEIPT else INVOICE, 1, tmp_path, pdf=True)
    with pymupdf.open(paper.path) as document:
        pixels = document[0].get_pixmap(dpi=144)
    grey = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, 3)[..., 0]
    assert paper.truth.boxes
    for box in paper.truth.boxes.values():
        x0, y0, x1, y1 = (round(side) for side in scaled(box, 2, 2))
        assert grey[y0:y1, x0:x1].min() < 128


def test_the_same_exam_gives_the_same_pages_and_those_differ(tmp_path: Path) -> None:
    exam = next(text_exams())
    first, again = (posted(exam, 3, tmp_path / name) for name in ("a", "b"))
    assert [one.truth for one in first] == [one.truth for one in again]
    assert [one.path.read_bytes() for one in first] == [one.path.read_bytes() for one in again]
    assert len({one.truth.text for one in first}) == 3


def test_a_right_page_scores_as_such_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    paper = posted(next(text_exams()), 1, tmp_path)[0]
    figures = Figures()
    add_text(figures, "right", [Scored(paper.truth, read(paper.truth.text))])
    add_text(figures, "lost", [Scored(paper.truth, None)])
    assert figures.values == {"right.cer": 0, "right.exact": 1, "lost.cer": 1, "lost.exact": 0}


def test_text_on_an_empty_page_is_false() -> None:
    figures = Figures()
    pages = [
        Scored(Truth(), read(text, state)) for text, state in (("", PageState.BLANK), ("x", PageState.READ))
    ]
    add_empty(figures, "blank", pages)
    assert figures.values["blank.false_text"] == figures.values["blank.said_blank"] == 0.5


def found(path: str, value: object, box: tuple[float, float, float, float]) -> Field:
    evidence = [Evidence(page=1, quote="q", boxes=[box])]
    return Field(path=path, type=FieldType.TEXT, state=FieldState.FOUND, value=value, evidence=evidence)


def test_values_count_by_what_is_printed_and_boxes_by_their_farthest_side() -> None:
    truth = Truth(
        fields={"total": 12.5, "date": "2024-01-02", "number": None, "company": "A  B"},
        boxes={"total": (10, 10, 30, 20), "company": (0, 0, 9, 9)},
    )
    fields = [
        found("total", 12.50, (10, 10, 36, 20)),
        found("company", "A B", (0, 0, 20, 9)),
        found("number", "7", (0, 0, 1, 1)),
    ]
    figures = Figures()
    offs = add_fields(
        figures, "f", [Scored(truth, result(PageResult(number=1, state=PageState.READ), fields))]
    )
    assert offs == [6, 11]
    assert figures.values["f.fields_exact"] == pytest.approx(2 / 3)
    assert figures.values["f.fields_found"] == pytest.approx(2 / 3)
    assert figures.values["f.invented"] == 1
    assert figures.values["f.box_near"] == 0.5


def test_a_line_is_invented_when_nothing_like_it_is_on_the_page() -> None:
    truth = Truth(lines=("Coffee 2.80", "Bread 3.10"))
    [real, other] = lines(Scored(truth, read("Cofee 2.80\nSerial 99871 zz", placed=False)))
    assert (real.invented, other.invented) == (False, True)
    assert not other.placed
    assert not other.told


@pytest.mark.parametrize("shown", [10, 14, 20])
def test_limits_of_pixels_show_type_as_high_as_wished(tmp_path: Path, shown: float) -> None:
    exam = sized(next(exam for exam in text_exams() if exam.name == "receipt_8"), 20, "fine")
    path = posted(exam, 1, tmp_path)[0].path
    width, height = Image.open(BytesIO(path.read_bytes())).size
    order = PageOrder(
        1, PixelLimits(factor=28, min_pixels=64 * 784, max_pixels=560 * 784), 8.0,
        BudgetRequest(**limits(width * height, 20, shown)), frozenset({Task.TEXT}), image_always=True,
    )  # fmt: skip
    budget = recipe.prepare_page(SourceFile(str(path), sniff.PNG), order).budget
    assert budget is not None
    assert 20 * (budget.width * budget.height / (width * height)) ** 0.5 == pytest.approx(shown, rel=0.12)


def test_exams_of_any_length_progress_alike() -> None:
    paper = Posted(Path("x"), Truth())
    order = [one.name for one, _ in turns([Asked("a", [paper] * 2, {}), Asked("b", [paper] * 4, {})])]
    assert order == ["b", "a", "b", "b", "a", "b"]
