"""Media types by content: what is accepted, what is refused and in which words."""

import io
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.sniff import MEDIA_TYPES, sniff
from schemas.errors import BadInput


def encoded(name: str, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "white").save(buffer, name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("PDF", "application/pdf"),
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("TIFF", "image/tiff"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("GIF", "image/gif"),
        ("HEIF", "image/heic"),
    ],
)
def test_each_accepted_type_is_known_by_its_content(form: str, media_type: str) -> None:
    assert sniff(encoded(form)) == media_type


def test_big_endian_and_big_tiff_are_tiff() -> None:
    for head in (b"MM\x00*", b"II+\x00\x08\x00", b"MM\x00+\x00\x08"):
        assert sniff(head + bytes(20)) == "image/tiff"


@pytest.mark.parametrize(
    "junk", [b"", b"\xef\xbb\xbf", b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n" * 500, b"x" * 1024]
)
def test_pdf_is_found_after_up_to_a_kibibyte_of_junk(junk: bytes) -> None:
    assert sniff(junk + b"%PDF-1.7\n") == "application/pdf"


def test_pdf_header_beyond_the_first_kibibyte_does_not_count() -> None:
    with pytest.raises(BadInput) as refused:
        sniff(b"x" * 1025 + b"%PDF-1.7\n")
    assert refused.value.code == "unsupported_media_type"
    assert refused.value.status == 415


def test_an_image_that_mentions_pdf_is_an_image() -> None:
    assert sniff(encoded("PNG")[:60] + b"%PDF-1.4") == "image/png"


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"PK\x03\x04" + bytes(30), "ZIP"),
        (b"%!PS-Adobe-3.0\n", "PostScript"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'<?xml version="1.0"?>', "XML"),
        (b"BM is how this text begins, and it is no picture", "no known type"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf", "no known type"),
        (b"plain words", "no known type"),
        (b"\x00", "no known type"),
    ],
)
def test_anything_else_is_refused_by_name(head: bytes, named: str) -> None:
    with pytest.raises(BadInput, match=named) as refused:
        sniff(head)
    assert (refused.value.code, refused.value.status) == ("unsupported_media_type", 415)


def test_an_empty_body_has_a_code_of_its_own() -> None:
    with pytest.raises(BadInput) as refused:
        sniff(b"")
    assert (refused.value.code, refused.value.status) == ("empty_body", 400)


@given(st.binary(min_size=1, max_size=1300))
def test_no_bytes_confuse_it(head: bytes) -> None:
    try:
        outcome = sniff(head)
    except BadInput as refused:
        outcome = refused.code
    assert outcome in {*MEDIA_TYPES, "unsupported_media_type"}


def test_the_name_of_a_file_plays_no_part(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(encoded("JPEG"))
    assert sniff(path.read_bytes()) == "image/jpeg"
