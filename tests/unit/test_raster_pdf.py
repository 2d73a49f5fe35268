"""PDFs: passwords, page trees, boxes, rotation, exact rendering, damage, and nothing on stderr."""

from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
import pytest

from pipeline.orders import SourceFile
from pipeline.raster import close_all, open_document, open_page
from pipeline.raster_pdf import PdfPage
from schemas.errors import DocumentUnreadable
from schemas.page import Unit

PDF = "application/pdf"


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    close_all()


def document(*sizes: tuple[float, float]) -> pymupdf.Document:
    new = pymupdf.open()
    for width, height in sizes or [(595, 842)]:
        new.new_page(width=width, height=height)
    return new


def source(folder: Path, made: pymupdf.Document, password: str | None = None, **options: Any) -> SourceFile:
    path = folder / "made.pdf"
    made.save(path, **options)
    return SourceFile(str(path), PDF, password)


def first(folder: Path, made: pymupdf.Document) -> PdfPage:
    page = open_page(source(folder, made), 1)
    assert isinstance(page, PdfPage)
    return page


def refusal(asked: SourceFile) -> str:
    with pytest.raises(DocumentUnreadable) as refused:
        open_document(asked)
    assert not refused.value.retryable
    assert str(Path(asked.path).parent) not in refused.value.detail
    return refused.value.code


def encrypted(folder: Path, password: str | None, user: str = "open sesame") -> SourceFile:
    return source(
        folder, document(), password, encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=user, owner_pw="owner"
    )


def test_a_missing_and_a_wrong_password_are_told_apart(tmp_path: Path) -> None:
    assert refusal(encrypted(tmp_path, None)) == "password_required"
    assert refusal(encrypted(tmp_path, "guess")) == "password_wrong"
    assert open_document(encrypted(tmp_path, "open sesame")).page_count == 1
    assert open_document(encrypted(tmp_path, "owner")).page_count == 1


def test_a_document_opened_with_a_password_stays_closed_to_others(tmp_path: Path) -> None:
    good = encrypted(tmp_path, "open sesame")
    assert open_document(good).page_count == 1
    assert refusal(SourceFile(good.path, PDF)) == "password_required"


def test_a_password_that_is_not_needed_does_no_harm(tmp_path: Path) -> None:
    assert open_document(source(tmp_path, document(), "any")).page_count == 1
    assert open_document(encrypted(tmp_path, None, user="")).page_count == 1


def test_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "empty.pdf"
    path.write_bytes(
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R/Size 3>>\n%%EOF"
    )
    assert refusal(SourceFile(str(path), PDF)) == "no_pages"


@pytest.mark.parametrize("rest", [b"", b"garbage" * 500, bytes(2000), b"<html><body>%PDF</body></html>"])
def test_what_only_begins_like_a_pdf_is_corrupt(rest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "claims.pdf"
    path.write_bytes(b"%PDF-1.7\n" + rest)
    assert refusal(SourceFile(str(path), PDF)) in {"document_corrupt", "no_pages"}


def test_junk_before_the_header_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "mail.pdf"
    path.write_bytes(b"Content-Type: application/pdf\r\n\r\n" * 20 + document().tobytes())
    assert open_document(SourceFile(str(path), PDF)).page_count == 1


def test_a_truncated_file_is_repaired_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.pdf"
    data = document((595, 842), (595, 842)).tobytes()
    path.write_bytes(data[: data.rindex(b"xref")])
    opened = open_document(SourceFile(str(path), PDF))
    assert opened.repaired
    assert opened.page_count == 2


def test_a_page_beyond_the_last_is_refused(tmp_path: Path) -> None:
    asked = source(tmp_path, document())
    for number in (0, 2, -1):
        with pytest.raises(DocumentUnreadable) as refused:
            open_page(asked, number)
        assert refused.value.code == "page_out_of_range"


def test_size_is_that_of_the_crop_box_after_rotation_in_points(tmp_path: Path) -> None:
    made = document((600, 800))
    made[0].set_cropbox(pymupdf.Rect(50, 100, 350, 700))
    made[0].set_rotation(90)
    geometry = first(tmp_path, made).geometry
    assert (geometry.unit, geometry.width, geometry.height, geometry.rotation) == (Unit.POINT, 600, 300, 90)


def test_user_unit_scales_the_page(tmp_path: Path) -> None:
    made = document((100, 200))
    made.xref_set_key(made[0].xref, "UserUnit", "2.5")
    geometry = first(tmp_path, made).geometry
    assert (geometry.width, geometry.height) == (250, 500)


@pytest.mark.parametrize("size", [(7.2, 7.2), (14_400, 14_400), (7.2, 900), (595.276, 841.89), (33.3, 77.7)])
@pytest.mark.parametrize("pixels", [(28, 28), (840, 1176), (333, 777)])
@pytest.mark.parametrize("rotation", [0, 270])
def test_pictures_have_exactly_the_size_asked_for(
    size: tuple[float, float], pixels: tuple[int, int], rotation: int, tmp_path: Path
) -> None:
    made = document(size)
    made[0].set_rotation(rotation)
    page = first(tmp_path, made)
    assert page.picture(*pixels).size == pixels
    assert page.grey(*pixels).shape == pixels[::-1]


def test_a_shifted_crop_box_and_rotation_show_the_right_part(tmp_path: Path) -> None:
    made = document((600, 800))
    made[0].draw_rect(pymupdf.Rect(100, 100, 200, 200), fill=(1, 0, 0), color=None)
    made[0].set_cropbox(pymupdf.Rect(100, 100, 300, 400))
    made[0].set_rotation(90)  # the top left corner goes to the top right
    picture = first(tmp_path, made).picture(300, 200)
    assert picture.getpixel((290, 10)) == (255, 0, 0)
    assert picture.getpixel((10, 10)) == (255, 255, 255)


def test_form_fields_and_annotations_are_drawn(tmp_path: Path) -> None:
    made = document((300, 300))
    field = pymupdf.Widget()
    field.field_name, field.field_type, field.rect = (
        "name",
        pymupdf.PDF_WIDGET_TYPE_TEXT,
        pymupdf.Rect(20, 20, 150, 50),
    )
    field.field_value = "FILLED IN"
    made[0].add_widget(field)
    made[0].add_freetext_annot(pymupdf.Rect(20, 200, 200, 240), "A REMARK", fontsize=14)
    grey = first(tmp_path, made).grey(300, 300)
    assert np.count_nonzero(grey[20:50, 20:150] < 128) > 20
    assert np.count_nonzero(grey[200:240, 20:200] < 128) > 20


def test_hidden_layers_are_not_drawn(tmp_path: Path) -> None:
    made = document((300, 300))
    hidden = made.add_ocg("hidden", on=False)
    made[0].insert_text((50, 150), "NOT SHOWN", fontsize=30, oc=hidden)
    assert first(tmp_path, made).grey(300, 300).min() == 255


def test_the_scan_s_own_resolution_is_known(tmp_path: Path) -> None:
    made = document((200, 300))
    picture = pymupdf.Pixmap(pymupdf.csGRAY, (0, 0, 400, 600), False)
    picture.clear_with(200)
    made[0].insert_image(made[0].rect, pixmap=picture)
    assert first(tmp_path, made).native_scale() == pytest.approx(2.0, rel=0.01)
    written = document((200, 300))
    written[0].insert_text((20, 20), "words")
    assert first(tmp_path, written).native_scale() is None


def test_a_page_without_anything_draws_nothing(tmp_path: Path) -> None:
    assert first(tmp_path, document()).draws_nothing()
    written = document()
    written[0].insert_text((20, 20), "words")
    assert not first(tmp_path, written).draws_nothing()
    noted = document()
    noted[0].add_text_annot((20, 20), "a note")
    assert not first(tmp_path, noted).draws_nothing()


def damaged(folder: Path) -> SourceFile:
    """A page whose only picture is announced as JBIG2 and holds something else."""
    made = document((200, 200))
    picture, content = made.get_new_xref(), made.get_new_xref()
    made.update_object(
        picture,
        "<</Type/XObject/Subtype/Image/Width 50/Height 50/BitsPerComponent 1/ColorSpace/DeviceGray>>",
    )
    made.update_stream(picture, b"this is no picture at all", compress=False)
    made.xref_set_key(picture, "Filter", "/JBIG2Decode")
    made.update_object(content, "<<>>")
    made.update_stream(content, b"200 0 0 200 0 0 cm /I Do")
    made.xref_set_key(made[0].xref, "Contents", f"{content} 0 R")
    made.xref_set_key(made[0].xref, "Resources", f"<</XObject<</I {picture} 0 R>>>>")
    return source(folder, made)


def test_damage_is_reported_per_page_and_kept_off_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = open_page(damaged(tmp_path), 1)
    page.grey(100, 100)
    assert page.losses()
    assert capfd.readouterr().err == ""
    sound = first(tmp_path, document())
    sound.grey(100, 100)
    assert sound.losses() == []


def test_files_that_change_under_the_same_name_are_opened_anew(tmp_path: Path) -> None:
    assert open_document(source(tmp_path, document())).page_count == 1
    assert open_document(source(tmp_path, document((9, 9), (9, 9), (9, 9)))).page_count == 3
