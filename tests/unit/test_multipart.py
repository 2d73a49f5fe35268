"""Multipart bodies, however they are cut into pieces; limits hold while the bytes come in."""

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.sniff import sniff
from schemas.errors import BadInput, RequestInvalid
from services.multipart import MalformedBody, MultipartReader, boundary_of
from services.uploads import EmptyBody, PayloadTooLarge, Receiver, clean_filename

PDF = b"%PDF-1.7\n"
END = b"--b--\r\n"


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    return f"--b\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


def reader(folder: Path, limit: int = 10_000_000, text_limit: int = 10_000) -> MultipartReader:
    return MultipartReader(b"b", lambda: Receiver(folder, limit, sniff), text_limit)


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[a:b] for a, b in pairwise(edges)]


def _read(wire: MultipartReader, body: bytes) -> None:
    for piece in pieces(body, list(range(0, len(body), 50))):
        wire.feed(piece)
    wire.finish()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    content=st.binary(max_size=6000),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    cuts=st.lists(st.integers(0, 7000), max_size=12),
    file_first=st.booleans(),
)
def test_the_file_arrives_byte_for_byte(
    tmp_path: Path, content: bytes, text: str, cuts: list[int], file_first: bool
) -> None:
    content = PDF + content.replace(b"--b", b"")
    parts = [part("file", content, "Ä b.pdf"), part("schema", text.encode())]
    body = b"".join(parts if file_first else parts[::-1]) + END
    wire = reader(tmp_path)
    for piece in pieces(body, cuts):
        wire.feed(piece)
    form = wire.finish()
    assert form.file is not None
    assert form.file.path.read_bytes() == content
    assert form.file.digest == hashlib.sha256(content).hexdigest()
    assert (form.file.size, form.file.media_type, form.file.filename) == (
        len(content),
        "application/pdf",
        "Ä b.pdf",
    )
    assert form.texts == [("schema", text)]
    form.file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_file_over_the_limit_stops_at_the_first_byte_too_many(tmp_path: Path) -> None:
    wire = reader(tmp_path, limit=100_000)
    wire.feed(b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + PDF)
    left = 100_000 - len(PDF)
    wire.feed(b"0" * left)
    with pytest.raises(PayloadTooLarge):
        wire.feed(b"0")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 100_000
    wire.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_type_is_refused_before_the_rest_arrives(tmp_path: Path) -> None:
    wire = reader(tmp_path)
    with pytest.raises(BadInput) as refusal:
        wire.feed(b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nPK\x03\x04' + b"\0" * 5000)
    assert refusal.value.status == 415
    wire.discard()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (part("file", b"", "x.pdf") + END, EmptyBody),
        (part("file", PDF) + part("file", PDF) + END, RequestInvalid),
        (part("schema", b"x" * 20_000) + END, PayloadTooLarge),
        (part("schema", b"\xff") + END, RequestInvalid),
        (b"".join(part("a", b"1") for _ in range(300)) + END, RequestInvalid),
        (b"nonsense", MalformedBody),
        (b"", MalformedBody),
        (part("file", PDF), MalformedBody),
        (part("file", PDF)[:-2] + b"\r\n--b", MalformedBody),
    ],
    ids=[
        "empty",
        "two files",
        "long text",
        "not UTF-8",
        "many parts",
        "nonsense",
        "nothing",
        "no end",
        "cut",
    ],
)
def test_bad_bodies(tmp_path: Path, body: bytes, error: type[BadInput]) -> None:
    wire = reader(tmp_path)
    with pytest.raises(error):
        _read(wire, body)
    wire.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 300],
)
def test_a_boundary_is_needed(content_type: str) -> None:
    with pytest.raises(MalformedBody):
        boundary_of(content_type)


@given(st.text(max_size=600))
def test_filenames_are_data(name: str) -> None:
    cleaned = clean_filename(name)
    if cleaned is not None:
        assert cleaned
        assert len(cleaned) <= 255
        assert "/" not in cleaned
        assert "\\" not in cleaned
        assert cleaned.isprintable()


def test_filenames_keep_their_last_component() -> None:
    assert clean_filename("../../etc/passwd") == "passwd"
    assert clean_filename("C:\\scans\\a b.pdf") == "a b.pdf"
    assert clean_filename("\x00\x1b[31m") == "[31m"
    assert clean_filename("dir/") is None
