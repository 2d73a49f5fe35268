"""Invisible words: in any rotation, in scripts that run to the left, in pages that share what they use."""

import shutil
import subprocess
from pathlib import Path

import pymupdf
import pytest

from pipeline.orders import PageWords, Picture, SourceFile
from pipeline.raster_searchable import add_pictures, add_words, begin
from schemas.errors import DocumentUnreadable

WORDS = (
    ("Rechnung", (50.0, 50.0, 150.0, 70.0)),
    ("東京都", (50.0, 100.0, 110.0, 120.0)),
    ("فاتورة", (200.0, 150.0, 260.0, 170.0)),
    ("ضريبية", (130.0, 150.0, 190.0, 170.0)),
    ("שלום", (50.0, 200.0, 100.0, 220.0)),
)


def blank(folder: Path, *, rotation: int = 0, pages: int = 1) -> SourceFile:
    document = pymupdf.open()
    for _ in range(pages):
        page = document.new_page(width=400, height=600)
        page.draw_rect((10, 10, 50, 50))
        page.set_rotation(rotation)
    document.save(folder / "a.pdf")
    return SourceFile(str(folder / "a.pdf"), "application/pdf")


def read(path: Path) -> list[tuple[str, tuple[float, ...]]]:
    with pymupdf.open(path) as document:
        return [(w[4], w[:4]) for w in document[0].get_text("words")]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_words_stand_where_they_were_read(tmp_path: Path, rotation: int) -> None:
    made = tmp_path / "made.pdf"
    begin(blank(tmp_path, rotation=rotation), str(made))
    width, height = (400, 600) if rotation % 180 == 0 else (600, 400)
    add_words(str(made), [PageWords(1, width, height, 0, WORDS)])
    with pymupdf.open(made) as document:
        page = document[0]
        found = {w[4]: pymupdf.Rect(w[:4]) * page.rotation_matrix for w in page.get_text("words")}
    for text, box in WORDS:
        where = found.get(text) or found[text[::-1]]
        assert abs(where.normalize().x0 - box[0]) < 2, text
        assert abs(where.y1 - box[3]) < 12, text


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_another_reader_gets_every_script_in_its_order(tmp_path: Path) -> None:
    made = tmp_path / "made.pdf"
    begin(blank(tmp_path), str(made))
    add_words(str(made), [PageWords(1, 400, 600, 0, WORDS)])
    done = subprocess.run(["pdftotext", str(made), "-"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    for text, _ in WORDS:
        assert text in done.stdout
    assert "فاتورة ضريبية" in done.stdout, "right-to-left words come in their order"


def test_nothing_shows_and_pages_stay_as_they_were(tmp_path: Path) -> None:
    source, made = blank(tmp_path, pages=3), tmp_path / "made.pdf"
    begin(source, str(made))
    for number in (1, 3):
        add_words(str(made), [PageWords(number, 400, 600, 0, WORDS)])
    before, after = pymupdf.open(source.path), pymupdf.open(made)
    for old, new in zip(before, after, strict=True):
        assert old.get_pixmap().samples == new.get_pixmap().samples
    assert [bool(page.get_text()) for page in after] == [True, False, True]


def test_sideways_content_reads_along(tmp_path: Path) -> None:
    made = tmp_path / "made.pdf"
    begin(blank(tmp_path), str(made))
    add_words(str(made), [PageWords(1, 400, 600, 90, (("upwards", (100, 200, 120, 300)),))])
    ((text, box),) = read(made)
    assert text == "upwards"
    assert box[3] - box[1] == pytest.approx(100, abs=3)


def test_pictures_become_pages(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 100, 50)).save(image)
    made = tmp_path / "made.pdf"
    for _ in range(2):
        add_pictures(str(made), [Picture(str(image), 200, 100)])
    add_words(str(made), [PageWords(2, 100, 50, 0, (("half", (10, 10, 40, 20)),))])
    with pymupdf.open(made) as document:
        assert [page.get_text().strip() for page in document] == ["", "half"]
        assert document[1].get_text("words")[0][0] == pytest.approx(20, abs=1)


def test_a_broken_file_is_a_document_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(DocumentUnreadable):
        begin(SourceFile(str(tmp_path / "a.pdf"), "application/pdf"), str(tmp_path / "made.pdf"))
