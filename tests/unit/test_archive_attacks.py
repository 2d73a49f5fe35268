"""Archives made to do harm, each refused by member or as a whole, with its reason."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.archives.entries import Limits
from pipeline.archives.names import is_unsafe
from tests.samples.archives import PACKERS, PDF, Pack, take, tarred, zipped

every_kind = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())


BAD_NAMES = [
    "../../etc/passwd.pdf",
    "a/../../b.pdf",
    "/etc/a.pdf",
    "C:\\scans\\a.pdf",
    "c:a.pdf",
    "\\\\host\\share\\a.pdf",
    "..\\a.pdf",
]


@every_kind
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, pack: Pack) -> None:
    taken = take(tmp_path, pack({**dict.fromkeys(BAD_NAMES, PDF), "a..b/c.pdf": PDF}))
    assert set(taken.codes().values()) == {"member_name_unsafe", "application/pdf"}
    assert len(taken.contents) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"archive", "work"}
    assert not is_unsafe("März/a.pdf")


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, type_ in [
            ("sym", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("char", tarfile.CHRTYPE),
            ("block", tarfile.BLKTYPE), ("pipe", tarfile.FIFOTYPE), ("folder", tarfile.DIRTYPE),
        ]:  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = type_, "/etc/passwd"
            archive.addfile(info)
    taken = take(tmp_path, made.getvalue())
    assert taken.codes() == {
        "sym": "member_link", "hard": "member_link", "char": "member_special", "block": "member_special",
        "pipe": "member_special",
    }  # fmt: skip
    assert taken.skipped == {"directory": 1}
    link = zipfile.ZipInfo("sym.pdf")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive2:
        archive2.writestr(link, "/etc/passwd")
    assert take(tmp_path, made.getvalue()).codes() == {"sym.pdf": "member_link"}


def test_names_are_kept_whatever_they_are_written_in(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("same.pdf", "sAmE2.pdf", "plain.pdf"):
            archive.writestr(name, PDF)
    raw = made.getvalue().replace(b"sAmE2.pdf", b"same\x81.pdf").replace(b"plain.pdf", b"pla\x1bn.pdf")
    assert list(take(tmp_path, raw).codes()) == ["same.pdf", "sameü.pdf", "pla\\x1bn.pdf"]
    tar = tarred({"sAmE.pdf": PDF}, tarfile.USTAR_FORMAT)
    block = bytearray(tar)
    block[:8] = b"s\xff\xfeE.pdf"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    assert list(take(tmp_path, bytes(block)).codes()) == ["s\\xff\\xfeE.pdf"]
    twice = io.BytesIO()
    with tarfile.open(fileobj=twice, mode="w") as archive2:
        for content in (PDF + b"1", PDF + b"2"):
            info = tarfile.TarInfo("twice.pdf")
            info.size = len(content)
            archive2.addfile(info, io.BytesIO(content))
    assert list(take(tmp_path, twice.getvalue()).contents.values()) == [PDF + b"1", PDF + b"2"]


def test_encrypted_and_unknown_methods_are_refused_by_member(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.pdf": PDF, "b.pdf": PDF}))
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    assert take(tmp_path, bytes(raw)).codes() == {"a.pdf": "member_encrypted", "b.pdf": "application/pdf"}
    bzip = zipped({"a.pdf": PDF}, zipfile.ZIP_BZIP2)
    assert take(tmp_path, bzip).codes() == {"a.pdf": "member_unsupported"}


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """The bomb of David Fifield: a small kernel, named by every entry of the directory."""
    raw = zipped({f"{n}.pdf": PDF + bytes(100_000) for n in range(20)})
    start = raw.index(b"PK\x01\x02")
    directory = bytearray(raw[start:])
    at = 0
    while (at := directory.find(b"PK\x01\x02", at)) >= 0:
        directory[at + 42 : at + 46] = bytes(4)
        at += 4
    taken = take(tmp_path, raw[:start] + bytes(directory))
    assert taken.members == []
    assert taken.last.refused is not None
    assert "overlap" in taken.last.refused.detail


@pytest.mark.parametrize("claimed", [0, 1, 19, 21])
def test_a_count_that_lies_is_refused(tmp_path: Path, claimed: int) -> None:
    raw = bytearray(zipped({f"{n}.pdf": PDF for n in range(20)}))
    struct.pack_into("<2H", raw, raw.rindex(b"PK\x05\x06") + 8, claimed, claimed)
    taken = take(tmp_path, bytes(raw))
    assert taken.members == []
    assert taken.last.refused is not None
    assert taken.last.refused.code == "archive_corrupt"


def test_a_size_that_lies_is_never_exceeded(tmp_path: Path) -> None:
    raw = bytearray(zipped({"a.pdf": PDF + bytes(1 << 20), "b.pdf": PDF}))
    struct.pack_into("<L", raw, raw.index(b"PK\x01\x02") + 24, 1000)
    assert take(tmp_path, bytes(raw)).codes() == {"a.pdf": "member_corrupt", "b.pdf": "application/pdf"}


def test_zip64_is_read(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for n in range(66_000):
            archive.writestr(f"{n}/", b"")
        with archive.open("a.pdf", "w", force_zip64=True) as member:
            member.write(PDF)
    taken = take(tmp_path, made.getvalue(), limits=Limits(70_000, 1 << 20, 1 << 20, 100))
    assert (taken.codes(), taken.skipped) == ({"a.pdf": "application/pdf"}, {"directory": 66_000})


def quine() -> bytes:
    """As near to a ZIP file that holds itself as matters here: each level holds the one before."""
    held = zipped({"a.pdf": PDF})
    for _ in range(5):
        held = zipped({"again.zip": held})
    return held


def test_archives_are_unpacked_once_however_deep_they_are(tmp_path: Path) -> None:
    taken = take(tmp_path, quine())
    assert taken.codes() == {"again.zip/again.zip": "nested_too_deep"}
