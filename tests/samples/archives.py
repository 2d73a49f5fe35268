"""Archives for tests: packing members in every format, and unpacking call by call as a worker does."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import py7zr
import zstandard

from pipeline.archives import kinds
from pipeline.archives.entries import Limits
from pipeline.archives.kinds import Kind
from pipeline.archives.unpack import Member, Order, Part, Unpacked, unpack

PDF = b"%PDF-1.7 "
LIMITS = Limits(entries=1000, total_bytes=200 << 20, member_bytes=50 << 20, ratio=100)


@dataclass
class Taken:
    """What came of an archive: members with their bytes, and how it went."""

    members: list[Member]
    last: Part
    skipped: dict[str, int] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    on_disk: int = 0

    def codes(self) -> dict[str, str]:
        """By name: the code of the refusal, or the media type."""
        return {
            m.name: m.found.media_type if isinstance(m.found, Unpacked) else m.found.code
            for m in self.members
        }


Run = Callable[[Order], Part]


def take(
    folder: Path, archive: bytes | Path, *, limits: Limits = LIMITS, at_once: int = 500, run: Run = unpack
) -> Taken:
    """Unpack an archive call by call, as a worker does."""
    path = archive if isinstance(archive, Path) else folder / "archive"
    if isinstance(archive, bytes):
        path.write_bytes(archive)
    with path.open("rb") as file:
        kind = kinds.sniff(file.read(4096))
    work = folder / "work"
    work.mkdir(exist_ok=True)
    taken = Taken([], Part((), 0, 0, {}, False))
    while not taken.last.done:
        last = taken.last
        part = run(Order(str(path), kind, str(work), last.position, last.unpacked, limits, at_once))
        for reason, count in part.skipped.items():
            taken.skipped[reason] = taken.skipped.get(reason, 0) + count
        taken.members += part.members
        taken.on_disk = max(taken.on_disk, sum(file.stat().st_size for file in work.iterdir()))
        for member in part.members:
            if isinstance(member.found, Unpacked):
                taken.contents[member.number] = Path(member.found.file).read_bytes()
                Path(member.found.file).unlink()
        taken.last = part
    assert not list(work.iterdir())
    return taken


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(members: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002  # as tarfile has it
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def gzipped(members: dict[str, bytes]) -> bytes:
    return gzip.compress(tarred(members))


def zstded(members: dict[str, bytes]) -> bytes:
    return zstandard.compress(tarred(members))


def sevened(members: dict[str, bytes], **options: Any) -> bytes:
    """All members in one block, as 7-Zip packs by default."""
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(content, "a")
            archive.header.files_info.files[-1]["filename"] = name  # it takes no odd ones itself
    return made.getvalue()


PACKERS = {
    Kind.ZIP: zipped,
    Kind.TAR: tarred,
    Kind.TAR_GZ: gzipped,
    Kind.TAR_ZST: zstded,
    Kind.SEVEN: sevened,
}

Pack = Callable[[dict[str, bytes]], bytes]
