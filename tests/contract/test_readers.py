"""What every page reader owes its callers, whichever engine it is."""

import io
import pickle
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from model_runtime.choose import engine
from pipeline.orders import PageImage, ReadOrder
from pipeline.ports import PageReader
from schemas.errors import QuireError
from schemas.request import Task
from tests.samples.sheet import Sheet, grey, new_document, new_sheet
from workers.cage import ProcessCage


@pytest.fixture(scope="module")
def cage() -> Iterator[ProcessCage]:
    made = ProcessCage(1, deadline_s=120)
    yield made
    made.close()


@pytest.fixture(params=["cpu://", "scripted://"])
def reader(request: pytest.FixtureRequest, cage: ProcessCage) -> Iterator[PageReader]:
    made = engine(request.param, cage)
    yield made
    made.close()


def order(pixels: np.ndarray, *languages: str) -> ReadOrder:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    height, width = pixels.shape[:2]
    return ReadOrder(
        PageImage(file.getvalue(), "image/png", width, height), frozenset({Task.TEXT}), languages
    )


def letter() -> np.ndarray:
    document = new_document("letter")
    sheet: Sheet = new_sheet(document)
    sheet.text(60, 100, "The harbour was quiet in the morning", 16)
    sheet.text(60, 140, "Invoice number 30064443 of 14 March", 16)
    return np.asarray(grey(document, 110))


def never() -> bool:
    return False


def test_a_reading_lies_within_the_image_it_was_asked_of(reader: PageReader) -> None:
    asked = order(letter())
    reading = reader.read(asked, never)
    assert (reading.width, reading.height) == (asked.image.width, asked.image.height)
    assert reading.lines
    for line in reading.lines:
        for box in (line.bbox, *(word.bbox for word in line.words)):
            assert -1 <= box[0] < box[2] <= reading.width + 1
            assert -1 <= box[1] < box[3] <= reading.height + 1
        assert line.text.strip()
        assert all(word.confidence is None or 0 <= word.confidence <= 1 for word in line.words)


def test_the_same_image_is_read_the_same(reader: PageReader) -> None:
    asked = order(letter())
    assert reader.read(asked, never) == reader.read(asked, never)


def test_a_cancelled_page_is_not_read(reader: PageReader) -> None:
    assert not reader.read(order(letter()), lambda: True).lines


def test_a_reading_crosses_process_borders(reader: PageReader) -> None:
    reading = reader.read(order(letter()), never)
    assert pickle.loads(pickle.dumps(reading)) == reading


def test_the_spec_is_one_that_pages_can_be_planned_for(reader: PageReader) -> None:
    spec = reader.spec
    assert spec.limits.factor >= 1
    assert spec.limits.min_pixels < spec.limits.max_pixels
    assert spec.max_in_flight >= 1
    assert Task.TEXT in spec.tasks
    assert not spec.tasks & set(spec.unsupported), "a task is done or refused with a reason, not both"
    assert spec.tasks | set(spec.unsupported) == set(Task), "every task is either done or refused"


def test_bytes_that_are_no_image_are_an_error_of_ours_or_a_scripted_reply(reader: PageReader) -> None:
    asked = ReadOrder(PageImage(b"no image", "image/png", 64, 64), frozenset({Task.TEXT}))
    if reader.spec.name == "scripted":
        assert reader.read(asked, never).lines  # it answers by the bytes alone
        return
    with pytest.raises(QuireError):
        reader.read(asked, never)
