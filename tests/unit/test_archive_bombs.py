"""Archives that unpack to far more than they are: flat memory in the cage, bounded disk, a reason."""

import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import py7zr
import pytest

from pipeline.archives.unpack import Order, Part, unpack
from schemas.errors import ErrorInfo
from tests.samples.archives import LIMITS, PDF, take, zipped
from workers.cage import ProcessCage

MEMORY = 64 << 20
"""What a child may need beyond what it needs at rest, whatever it is given."""


@pytest.fixture(scope="module")
def cage() -> Iterator[ProcessCage]:
    cage = ProcessCage(1, memory_bytes=512 << 20, preload=("pipeline.archives.unpack",))
    yield cage
    cage.close()


class Measured:
    """Unpacks in the cage; how much memory the child came to need."""

    def __init__(self, cage: ProcessCage) -> None:
        self._cage = cage
        cage.run(resident_bytes)
        self._before = cage.run(resident_bytes)

    def __call__(self, order: Order) -> Part:
        return self._cage.run(unpack, order)

    def grown(self) -> int:
        return self._cage.run(peak_bytes) - self._before


def resident_bytes() -> int:
    return psutil.Process().memory_info().rss


def peak_bytes() -> int:
    """Of this program alone: `getrusage` counts what its parent had when it started it."""
    words = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()
    return int(words[0]) * 1024


def zeros(total: int) -> Iterator[bytes]:
    piece = bytes(1 << 20)
    for _ in range(total >> 20):
        yield piece


def deflated(total: int) -> bytes:
    press = zlib.compressobj(9, wbits=-15)
    return b"".join([press.compress(PDF), *map(press.compress, zeros(total)), press.flush()])


def ratio_bomb(folder: Path) -> Path:
    """One member of 2 GiB in 2 MB."""
    path = folder / "ratio.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.pdf", "w", force_zip64=True) as member,
    ):
        member.write(PDF)
        for piece in zeros(256 << 20):
            member.write(piece)
    return path


def lying_bomb(folder: Path) -> Path:
    """The same under a directory that claims 40 MB a member: allowed, and never believed beyond that."""
    path = folder / "lying.zip"
    raw = bytearray(ratio_bomb(folder).read_bytes())
    at = raw.index(b"PK\x01\x02")
    struct.pack_into("<L", raw, at + 24, 40 << 20)
    path.write_bytes(raw)
    return path


def tar_bomb(folder: Path) -> Path:
    """A tar.gz whose one member is passed over, because it is too large, at the price of reading it."""
    path = folder / "bomb.tar.gz"
    with gzip.open(path, "wb", compresslevel=6) as made:
        one_large(made, claimed=2 << 30, total=512 << 20)
    return path


def one_large(archive: gzip.GzipFile, claimed: int, total: int) -> None:
    """A tar of one member that claims so many bytes, and as many zeros as there are."""
    info = tarfile.TarInfo("a.pdf")
    info.size = claimed
    archive.write(info.tobuf())
    for piece in zeros(total):
        archive.write(piece)


def header_bomb(folder: Path) -> Path:
    """An extended header of 512 MB before the member."""
    path = folder / "header.tar.gz"
    with gzip.open(path, "wb", compresslevel=6) as made:
        info = tarfile.TarInfo("././@PaxHeader")
        info.type, info.size = tarfile.XHDTYPE, 512 << 20
        made.write(info.tobuf())
        for piece in zeros(512 << 20):
            made.write(piece)
    return path


def nested_bomb(folder: Path) -> Path:
    """Sixteen inner archives, each of 100 MB in 100 KB."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(3):
            archive.writestr(f"{n}.pdf", PDF + bytes(40 << 20))
    path = folder / "nested.zip"
    path.write_bytes(zipped({f"{n}.zip": inner.getvalue() for n in range(16)}))
    return path


def million_empty(folder: Path) -> Path:
    """A million empty members in a tar.gz."""
    path = folder / "million.tar.gz"
    block = tarfile.TarInfo("empty.pdf").tobuf() * 1000
    with gzip.open(path, "wb", compresslevel=1) as made:
        for _ in range(1000):
            made.write(block)
    return path


def million_in_zip(folder: Path) -> Path:
    """A million entries in the directory of a ZIP file, under an end that claims one."""
    path = folder / "million.zip"
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    central = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    with path.open("wb") as made:
        made.write(local)
        for _ in range(1000):
            made.write(central * 1000)
        made.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(central) * 1_000_000, len(local), 0))
    return path


def seven_bomb(folder: Path) -> Path:
    """Three members of 100 MB in one block of 50 KB."""
    path = folder / "bomb.7z"
    with py7zr.SevenZipFile(path, "w", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]) as archive:
        for n in range(3):
            archive.writestr(PDF + bytes(100 << 20), f"{n}.pdf")
    return path


def solid_seven(folder: Path) -> Path:
    """Members of 2 KB in one block of 100 MB: what is not needed yet must not be read yet."""
    path, noise = folder / "solid.7z", random.Random(1).randbytes(100 << 20)
    with py7zr.SevenZipFile(path, "w", filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}]) as archive:
        for n in range(900):
            archive.writestr(PDF + noise[n * 2000 : n * 2000 + 2000], f"{n}.pdf")
        archive.writestr(noise, "last")
    return path


BOMBS: dict[str, tuple[Callable[[Path], Path], set[str]]] = {
    "ratio": (ratio_bomb, {"payload_too_large"}),
    "lying": (lying_bomb, {"member_corrupt"}),
    "tar": (tar_bomb, {"archive_too_large", "payload_too_large", "archive_ratio"}),
    "header": (header_bomb, {"archive_corrupt"}),
    "nested": (nested_bomb, {"archive_ratio", "archive_too_large", "application/pdf"}),
    "million": (million_empty, {"too_many_members"}),
    "seven": (seven_bomb, {"archive_too_large", "archive_ratio"}),
    "solid seven": (solid_seven, {"application/pdf", "payload_too_large"}),
    "million in a zip": (million_in_zip, {"too_many_members"}),
}


@pytest.mark.parametrize(("make", "codes"), BOMBS.values(), ids=BOMBS.keys())
def test_bombs_end_with_a_reason_in_flat_memory_and_on_bounded_disk(
    tmp_path: Path, cage: ProcessCage, make: Callable[[Path], Path], codes: set[str]
) -> None:
    measured = Measured(cage)
    taken = take(tmp_path, make(tmp_path), run=measured)
    told = set(taken.codes().values()) | ({taken.last.refused.code} if taken.last.refused else set())
    assert told
    assert told <= codes
    assert measured.grown() < MEMORY
    assert taken.on_disk <= LIMITS.total_bytes
    assert sum(map(len, taken.contents.values())) <= LIMITS.total_bytes


def test_what_many_inner_archives_cost_counts_together(tmp_path: Path) -> None:
    """Each is small and passed over, because its one member is too large, at the price of reading it."""
    made = io.BytesIO()
    with gzip.open(made, "wb", compresslevel=9) as inner:
        one_large(inner, claimed=60 << 20, total=60 << 20)
    path = tmp_path / "many.zip"
    path.write_bytes(zipped({f"{n}.tar.gz": made.getvalue() for n in range(12)}))
    taken = take(tmp_path, path)
    codes = [member.found.code for member in taken.members if isinstance(member.found, ErrorInfo)]
    assert codes.count("member_too_large") <= 3, "200 MB in all, 60 of them each"
    assert codes.count("archive_too_large") + codes.count("archive_ratio") >= 8


def test_inner_archives_within_the_limits_are_read_however_many(tmp_path: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as inner:
        info = tarfile.TarInfo("a.pdf")
        info.size = len(PDF)
        inner.addfile(info, io.BytesIO(PDF))
    taken = take(tmp_path, zipped({f"{n}.tar.gz": made.getvalue() for n in range(300)}))
    assert list(taken.codes().values()).count("application/pdf") == 300
