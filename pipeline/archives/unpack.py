"""Unpacks an archive a bounded piece at a time: members into numbered files, the others with their reason.

Runs in the cage. A call goes on where the one before stopped, in whatever process: the reader that served it
is kept open, and a process that has none walks there from the beginning.
"""

import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pipeline import sniff
from pipeline.archives import formats
from pipeline.archives.entries import ArchiveRefused, Entry, Limits, MemberRefused, What
from pipeline.archives.kinds import Kind, kind_of
from pipeline.archives.names import is_junk, is_unsafe
from schemas.errors import BadInput, ErrorInfo
from schemas.ids import Digest

_HEAD_BYTES = 4096
_LINK = ErrorInfo(code="member_link", detail="links are not followed")
_SPECIAL = ErrorInfo(code="member_special", detail="devices, pipes and sockets are not read")
_UNSAFE = ErrorInfo(
    code="member_name_unsafe", detail="the name is absolute, or leads out of the folder it stands in"
)
_DEEP = ErrorInfo(code="nested_too_deep", detail="an archive inside an archive inside the archive")


@dataclass(frozen=True, slots=True)
class Order:
    """Go on behind entry number ``position``, for so many members, bytes and seconds at most.

    ``folder`` takes the members' files; ``unpacked`` is how many bytes came out before.
    """

    path: str
    kind: str
    folder: str
    position: int
    unpacked: int
    limits: Limits
    members: int = 500
    bytes: int = 256 << 20
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A document of the archive in a file of its own."""

    file: str
    digest: Digest
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Member:
    """One member by its number: a document, or why there is none."""

    number: int
    name: str
    size: int
    found: Unpacked | ErrorInfo


_MOST_SIZE = 2**63 - 1


def _size(entry: Entry) -> int:
    """What an entry claims, of which a header may claim more than any database counts."""
    return min(entry.size, _MOST_SIZE)


def _free(size: int) -> None:
    """An archive by itself is bounded by its own count."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one call came to. ``refused``: the archive goes no further, for this reason."""

    members: tuple[Member, ...]
    position: int
    unpacked: int
    skipped: dict[str, int]
    done: bool
    refused: ErrorInfo | None = None


@dataclass(slots=True)
class _Reader:
    """An archive being read. ``position`` counts entries, those of inner archives among them."""

    file: BinaryIO
    kind: Kind
    size: int
    limits: Limits
    start: int
    unpacked: int
    folder: Path
    position: int = 0
    decompressed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    members: Iterator[Member | None] = field(init=False)
    spooled: BinaryIO | None = None

    def __post_init__(self) -> None:
        self.members = self._walk(self.file, self.kind, "")

    def _walk(self, file: BinaryIO, kind: Kind, outer: str) -> Iterator[Member | None]:
        """A member, or None for an entry that is none or was dealt with before."""
        for entry in formats.entries(file, kind, self.limits, self._spent if outer else _free):
            number = self._count()
            found = self._look(entry, outer, number)
            if isinstance(found, Kind):
                yield from self._inner(entry, found, outer + entry.name, number)
            else:
                yield found

    def _spent(self, size: int) -> None:
        """Inner archives are small each, and thousands of them are not: what they cost counts together."""
        self.decompressed += size
        self.limits.check_total(self.decompressed, self.size)

    def _count(self) -> int:
        self.position += 1
        self.limits.check_count(self.position)
        return self.position

    def _look(self, entry: Entry, outer: str, number: int) -> Member | Kind | None:
        before = number <= self.start
        skip = _skip(entry)
        if skip is not None:
            self.skipped[skip] += not before
            return None
        refused = self._refused(entry)
        if refused is None:
            return self._open(entry, outer, number)
        return None if before else Member(number, outer + entry.name, _size(entry), refused)

    def _refused(self, entry: Entry) -> ErrorInfo | None:
        if entry.what is What.LINK:
            return _LINK
        if entry.what is What.SPECIAL:
            return _SPECIAL
        if is_unsafe(entry.name):
            return _UNSAFE
        if entry.refused is None and entry.size > self.limits.member_bytes:
            return _too_large(self.limits)
        return entry.refused

    def _open(self, entry: Entry, outer: str, number: int) -> Member | Kind | None:
        """The member's kind if it is an archive to look into; else it is read to its end."""
        try:
            pieces = entry.read()
            head = _head(pieces)
            kind = kind_of(head)
            if kind is not None and not outer:
                self._spool(head, pieces)
                return kind
            if number <= self.start:
                return None
            if not head:
                self.skipped["empty"] += 1
                return None
            if kind is not None:
                return Member(number, outer + entry.name, _size(entry), _DEEP)
            found = self._write(head, pieces, number)
            return Member(number, outer + entry.name, found.size, found)
        except ArchiveRefused:
            raise
        except BadInput as error:
            return Member(number, outer + entry.name, _size(entry), error.info())

    def _write(self, head: bytes, pieces: Iterator[bytes], number: int) -> Unpacked:
        media_type = sniff.sniff(head)
        path = self.folder / f"{number}"
        sha, size = hashlib.sha256(), 0
        try:
            with path.open("xb") as written:
                for piece in _all(head, pieces):
                    size = self._taken(size, piece)
                    sha.update(piece)
                    written.write(piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Unpacked(str(path), Digest(sha.hexdigest()), size, media_type)

    def _taken(self, size: int, piece: bytes) -> int:
        if self.position > self.start:
            self.unpacked += len(piece)
        self.limits.check_total(self.unpacked, self.size)
        if size + len(piece) > self.limits.member_bytes:
            raise MemberRefused(**_too_large(self.limits).model_dump(exclude={"retryable"}))
        return size + len(piece)

    def _spool(self, head: bytes, pieces: Iterator[bytes]) -> None:
        """An inner archive in a file without a name."""
        file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115  # closed by whoever walks it
        size = 0
        try:
            for piece in _all(head, pieces):
                size = self._taken(size, piece)
                file.write(piece)
            file.flush()
        except BaseException:
            file.close()
            raise
        self.spooled = file

    def _inner(self, entry: Entry, kind: Kind, name: str, number: int) -> Iterator[Member | None]:
        """What an inner archive holds; where it goes no further, it becomes a refused member itself."""
        file, self.spooled = self.spooled, None
        assert file is not None
        if number > self.start:
            self.skipped["archive"] += 1
        yield None
        with closing(file):
            try:
                yield from self._walk(file, kind, f"{name}/")
            except ArchiveRefused as error:
                # If it was a limit on everything together, the next entry meets it again.
                number = self._count()
                yield Member(number, name, _size(entry), error.info()) if number > self.start else None


_readers: dict[tuple[int, int, int], _Reader] = {}
"""The reader of the archive that was served last in this process, by its file."""


def unpack(order: Order) -> Part:
    """The members behind ``order.position``."""
    reader = _reader(order)
    members: list[Member] = []
    until, room = time.monotonic() + order.seconds, order.bytes
    done, refused = False, None
    while len(members) < order.members and room > 0 and time.monotonic() < until:
        try:
            member = next(reader.members)
        except StopIteration:
            done = True
            break
        except ArchiveRefused as error:
            done, refused = True, error.info()
            break
        if reader.position <= order.position:
            until = time.monotonic() + order.seconds  # the way there does not count
        elif member is not None:
            members.append(member)
            room -= member.size if isinstance(member.found, Unpacked) else 0
    if done:
        _close()
    return Part(tuple(members), reader.position, reader.unpacked, dict(reader.skipped), done, refused)


def _reader(order: Order) -> _Reader:
    path = Path(order.path)
    facts = path.stat()
    key = (facts.st_dev, facts.st_ino, facts.st_mtime_ns)
    reader = _readers.get(key)
    if reader is None or reader.position > order.position:
        _close()
        reader = _readers[key] = _Reader(
            path.open("rb"),
            Kind(order.kind),
            facts.st_size,
            order.limits,
            order.position,
            order.unpacked,
            Path(order.folder),
        )
    reader.start, reader.unpacked, reader.folder = order.position, order.unpacked, Path(order.folder)
    reader.skipped.clear()
    return reader


def _close() -> None:
    for reader in _readers.values():
        reader.file.close()
    _readers.clear()


def _skip(entry: Entry) -> str | None:
    if entry.what is What.DIRECTORY:
        return "directory"
    if is_junk(entry.name):
        return "junk"
    return "empty" if entry.what is What.FILE and entry.size == 0 else None


def _head(pieces: Iterator[bytes]) -> bytes:
    held = b""
    while len(held) < _HEAD_BYTES and (piece := next(pieces, b"")):
        held += piece
    return held


def _all(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


def _too_large(limits: Limits) -> ErrorInfo:
    return ErrorInfo(
        code="payload_too_large", detail=f"the member is larger than {limits.member_bytes} bytes"
    )
