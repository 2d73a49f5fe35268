"""7z files: every block that is read, every one that is refused, and headers made to do harm."""

import io
import lzma
import random
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import py7zr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archives import seven_header
from pipeline.archives.entries import Limits
from pipeline.archives.names import shown
from tests.samples.archives import PDF, Taken, sevened, take

LZMA2: dict[str, int] = {"id": lzma.FILTER_LZMA2, "preset": 1}
LZMA1: dict[str, int] = {"id": lzma.FILTER_LZMA1, "preset": 1}
NOISE = random.Random(7).randbytes(700_000)
MEMBERS = {f"{n}.pdf": PDF + NOISE[n * 1000 : n * 90_000] + bytes(300_000) for n in range(1, 6)}


@pytest.mark.parametrize(
    "filters",
    [
        [LZMA2],
        [LZMA1],
        [{"id": lzma.FILTER_X86}, LZMA2],
        [{"id": lzma.FILTER_DELTA, "dist": 4}, LZMA2],
        [{"id": py7zr.FILTER_BZIP2}],
        [{"id": py7zr.FILTER_DEFLATE}],
        [{"id": py7zr.FILTER_COPY}],
    ],
    ids=["lzma2", "lzma", "x86 lzma2", "delta lzma2", "bzip2", "deflate", "copy"],
)
def test_what_other_programs_pack_comes_out(tmp_path: Path, filters: list[dict[str, int]]) -> None:
    taken = take(tmp_path, sevened(MEMBERS, filters=filters), at_once=2)
    assert list(taken.contents.values()) == list(MEMBERS.values())
    assert taken.last.refused is None


@pytest.mark.parametrize(
    "filters",
    [
        [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}],
        [{"id": py7zr.FILTER_ZSTD, "level": 3}],
        [{"id": lzma.FILTER_X86}, LZMA1],
    ],
    ids=["ppmd", "zstd", "x86 lzma"],
)
def test_what_is_packed_otherwise_is_refused_by_member(tmp_path: Path, filters: list[dict[str, int]]) -> None:
    assert take(tmp_path, sevened({"a.pdf": PDF}, filters=filters)).codes() == {"a.pdf": "member_unsupported"}


def test_blocks_that_are_encrypted_are_refused_and_others_are_read(tmp_path: Path) -> None:
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w", password="secret") as archive:
        archive.writestr(PDF, "a.pdf")
    assert take(tmp_path, made.getvalue()).codes() == {"a.pdf": "member_encrypted"}
    with py7zr.SevenZipFile(made, "w", password="secret", header_encryption=True) as archive:
        archive.writestr(PDF, "a.pdf")
    taken = take(tmp_path, made.getvalue())
    assert taken.members == []
    assert taken.last.refused is not None
    assert taken.last.refused.code == "archive_encrypted"


def test_every_block_is_read_and_a_damaged_one_harms_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "blocks.7z"
    for n in range(3):
        with py7zr.SevenZipFile(path, "a" if n else "w", filters=[LZMA2]) as archive:
            archive.writestr(PDF + NOISE[:5000], f"{n}a.pdf")
            archive.writestr(PDF + NOISE[5000:9000], f"{n}b.pdf")
    names = [f"{n}{part}.pdf" for n in range(3) for part in "ab"]
    assert take(tmp_path, path).codes() == dict.fromkeys(names, "application/pdf")
    broken = bytearray(path.read_bytes())
    broken[broken.index(NOISE[:100]) + 30] ^= 1
    codes = take(tmp_path, bytes(broken)).codes()
    assert codes == dict.fromkeys(names, "application/pdf") | {"0a.pdf": "member_corrupt"}


def with_header(change: Any = None, **members: bytes) -> bytes:
    """An archive whose header stands in clear; ``change`` may do something to what it will say."""
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w", filters=[LZMA2]) as archive:
        archive.set_encoded_header_mode(False)
        for name, content in members.items():
            archive.writestr(content, name)
        if change is not None:
            change(archive.header)
    return made.getvalue()


def headed(packed: bytes, header: bytes) -> bytes:
    """An archive of these parts, its checksums true."""
    about = struct.pack("<2QL", len(packed), len(header), zlib.crc32(header))
    return seven_header.MAGIC + b"\0\4" + struct.pack("<L", zlib.crc32(about)) + about + packed + header


def test_links_devices_and_folders_are_told_by_their_attributes(tmp_path: Path) -> None:
    kinds = {
        "sym": 0x8000 | 0o120777 << 16, "junction": 0x400, "pipe": 0x8000 | 0o010644 << 16,
        "folder": 0x10, "file": 0x8000 | 0o100644 << 16,
    }  # fmt: skip

    def change(header: Any) -> None:
        for file in header.files_info.files:
            file["attributes"] = kinds[file["filename"]]

    taken = take(tmp_path, with_header(change, **dict.fromkeys(kinds, PDF)))
    assert taken.codes() == {
        "sym": "member_link", "junction": "member_link", "pipe": "member_special", "file": "application/pdf",
    }  # fmt: skip
    assert taken.skipped == {"directory": 1}


@given(
    st.dictionaries(
        st.text(
            st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1, max_size=90
        ),
        st.binary(max_size=500),
        max_size=6,
    )
)
def test_names_and_contents_come_out_as_the_library_packs_them(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes]
) -> None:
    members = {f"d/{name}": PDF + content for name, content in members.items()}
    taken = take(tmp_path_factory.mktemp("7z"), sevened(members, filters=[LZMA2]))
    names = {member.number: member.name for member in taken.members}
    found = [(names[number], content) for number, content in taken.contents.items()]
    assert found == [(shown(name), content) for name, content in members.items()]


def refusal(taken: Taken) -> str:
    assert taken.last.refused is not None
    return taken.last.refused.code


def test_a_header_with_any_byte_changed_is_refused_or_read(tmp_path: Path) -> None:
    """Its checksums made true again: nothing but its contents stands against it."""
    whole = with_header(**{"a.pdf": PDF, "März.pdf": PDF + NOISE[:300], "c.pdf": b""})
    offset, length = struct.unpack_from("<2Q", whole, 12)
    packed, header = whole[32 : 32 + offset], whole[32 + offset : 32 + offset + length]
    for at in range(len(header)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, header[at] ^ 1):
            changed = header[:at] + bytes([value]) + header[at + 1 :]
            taken = take(tmp_path, headed(packed, changed))
            assert sum(map(len, taken.contents.values())) < 10_000
    for at in range(len(header)):
        taken = take(tmp_path, headed(packed, header[:at]))
        assert not taken.contents or taken.last.refused


def number(value: int) -> bytes:
    return b"\xff" + value.to_bytes(8, "little")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"\1\5" + number(1 << 60), "too_many_members"),
        (b"\1\5" + number(900), "archive_corrupt"),
        (b"\1\4\6" + number(0) + number(1 << 60), "too_many_members"),
        (b"\1\4\6" + number(1 << 63) + b"\1\x09\1\0" + b"\7\x0b\1\0\1\1\0\x0c\1\0\0\0", "archive_corrupt"),
        (b"\1\4\7\x0b" + number(1 << 60) + b"\0", "too_many_members"),
        (b"\1\4\7\x0b\1\0\1\1\x21", "archive_corrupt"),
        (b"\1\4\7\x0b\1\0\1\0\x0c\1\0\x08\x0d" + number(1 << 60), "archive_corrupt"),
        (b"\1\2\x20" + number(1 << 40), "archive_corrupt"),
        (b"\x17", "archive_corrupt"),
        (b"\1\3", "archive_corrupt"),
        (b"\x99", "archive_corrupt"),
    ],
)
def test_counts_that_lie_cost_nothing(tmp_path: Path, header: bytes, code: str) -> None:
    assert refusal(take(tmp_path, headed(b"", header))) == code


def packed_header(header_size: int, packed: bytes, dictionary: int = 20) -> bytes:
    """An encoded header: one block of LZMA2 that claims to hold so many bytes."""
    coder = b"\1\x21\x21\1" + bytes([dictionary])
    streams = (
        b"\6\0\1\x09"
        + number(len(packed))
        + b"\0\7\x0b\1\0"
        + coder
        + b"\x0c"
        + number(header_size)
        + b"\0\0"
    )
    return headed(packed, b"\x17" + streams)


def test_a_header_that_unpacks_to_very_much_is_refused_before_it_does(tmp_path: Path) -> None:
    press = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=[LZMA2])
    bomb = b"".join([*(press.compress(bytes(1 << 20)) for _ in range(64)), press.flush()])
    assert refusal(take(tmp_path, packed_header(64 << 20, bomb))) == "archive_corrupt"
    assert refusal(take(tmp_path, packed_header(1000, bomb))) == "archive_corrupt"
    assert refusal(take(tmp_path, packed_header(1000, bomb[:20], 40))) == "archive_corrupt"


@pytest.mark.parametrize("method", [b"\1\0", b"\3\4\1\x08"], ids=["copy", "deflate"])
def test_a_header_is_never_larger_than_it_claims(tmp_path: Path, method: bytes) -> None:
    """These methods do not end where they should by themselves; the claim is 1,000 bytes."""
    press = zlib.compressobj(9, wbits=-15)
    packed = bytes(8 << 20) if method == b"\1\0" else press.compress(bytes(256 << 20)) + press.flush()
    streams = (
        b"\6\0\1\x09" + number(len(packed)) + b"\0\7\x0b\1\0\1" + method + b"\x0c" + number(1000) + b"\0\0"
    )
    path = tmp_path / "archive.7z"
    path.write_bytes(headed(packed, b"\x17" + streams))
    tracemalloc.start()
    try:
        assert refusal(take(tmp_path, path)) == "archive_corrupt"
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_headers_within_headers_end(tmp_path: Path) -> None:
    inner = b"\x17\6\0\1\x09\x40\0\7\x0b\1\0\1\1\0\x0c\x40\0\0"
    inner += bytes(0x40 - len(inner))
    assert refusal(take(tmp_path, headed(inner, inner))) == "archive_corrupt"


def greedy(size: int) -> bytes:
    """One member of so many bytes by what is claimed, in a block that asks for 4 GB."""
    press = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=[LZMA2])
    packed = press.compress(PDF) + press.flush()
    streams = (
        b"\6\0\1\x09" + number(len(packed)) + b"\0\7\x0b\1\0\1\x21\x21\1\x28\x0c" + number(size) + b"\0\0"
    )
    return headed(packed, b"\1\4" + streams + b"\5\1\x11\5\0a\0\0\0\0\0")


def test_a_block_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    """By its member; where less comes out of it than it asks for, that is all it gets."""
    assert take(tmp_path, greedy(len(PDF))).codes() == {"a": "application/pdf"}
    assert refusal(take(tmp_path, greedy(1 << 30))) == "archive_too_large"
    limits = Limits(1000, 2 << 30, 2 << 30, 1 << 40)
    assert take(tmp_path, greedy(1 << 30), limits=limits).codes() == {"a": "member_unsupported"}
    assert take(tmp_path, greedy(1 << 20), limits=limits).codes() == {"a": "member_corrupt"}
