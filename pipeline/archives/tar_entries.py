"""Entries of a tar stream, read forward only; what precedes a member's bytes is bounded.

`tarfile` takes extended headers into memory whatever size they claim, and remembers every member.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.archives.entries import PIECE, Entry, What, corrupt, no_bytes
from pipeline.archives.names import decoded
from schemas.errors import ErrorInfo

_BLOCK = 512
_LARGEST_HEADER = 1 << 20
_MOST_HEADERS = 8
"""Extended headers before one member; writers use two."""

_SPARSE = ErrorInfo(code="member_unsupported", detail="sparse files are not read")
_CHECKSUM = slice(148, 156)
_KINDS = {
    b"1": What.LINK, b"2": What.LINK, b"3": What.SPECIAL, b"4": What.SPECIAL, b"5": What.DIRECTORY,
    b"6": What.SPECIAL,
}  # fmt: skip

Read = Callable[[int], bytes]


class Forward:
    """A stream that is only read on; ``skip`` may have a faster way than reading."""

    def __init__(self, read: Read, skip: Callable[[int], None] | None = None) -> None:
        self._read = read
        self._skip = skip

    def piece(self, most: int) -> bytes:
        return self._read(min(most, PIECE))

    def exactly(self, size: int) -> bytes:
        """So many bytes, fewer only at the end of the stream. ``size`` is bounded by the caller."""
        held = bytearray()
        while len(held) < size:
            piece = self.piece(size - len(held))
            if not piece:
                break
            held += piece
        return bytes(held)

    def skip(self, size: int) -> None:
        if self._skip is not None:
            self._skip(size)
            return
        while size > 0:
            piece = self.piece(size)
            if not piece:
                raise corrupt("the archive ends in the middle of a member")
            size -= len(piece)


@dataclass(slots=True)
class _Ahead:
    """What extended headers said about the member to come."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = False
    headers: int = 0


@dataclass(slots=True)
class _Body:
    """The bytes of the member being looked at."""

    stream: Forward
    left: int
    padding: int = field(init=False)

    def __post_init__(self) -> None:
        self.padding = -self.left % _BLOCK

    def pieces(self) -> Iterator[bytes]:
        while self.left:
            piece = self.stream.piece(self.left)
            if not piece:
                raise corrupt("the archive ends in the middle of a member")
            self.left -= len(piece)
            yield piece

    def pass_over(self) -> None:
        self.stream.skip(self.left + self.padding)


def is_header(block: bytes) -> bool:
    """Whether a block is the header of a member: the sum of its bytes is among them."""
    if len(block) < _BLOCK or not block.strip(b"\0"):
        return False
    try:
        told = _number(block[_CHECKSUM])
    except ValueError:
        return False
    rest = block[: _CHECKSUM.start] + b" " * 8 + block[_CHECKSUM.stop :]
    return told in (sum(rest), sum(byte - 256 if byte > 127 else byte for byte in rest))


def entries(stream: Forward) -> Iterator[Entry]:
    """Entries in order. Raises `ArchiveRefused` where the stream is no tar any more."""
    ahead = _Ahead()
    while True:
        block = stream.exactly(_BLOCK)
        if len(block) < _BLOCK:
            raise corrupt("the archive ends before its end mark")
        if not block.strip(b"\0"):
            return
        if not is_header(block):
            raise corrupt("what should be the header of a member is none")
        try:
            size = _number(block[124:136])
        except ValueError:
            raise corrupt("a member has no readable size") from None
        flag = block[156:157]
        if flag in b"xgLK" and flag:
            _look_ahead(stream, flag, size, ahead)
            continue
        entry, body = _entry(stream, block, size, ahead)
        yield entry
        body.pass_over()
        ahead = _Ahead()


def _entry(stream: Forward, block: bytes, size: int, ahead: _Ahead) -> tuple[Entry, _Body]:
    flag = block[156:157]
    name = decoded(ahead.name if ahead.name is not None else _name(block))
    what = _KINDS.get(flag, What.FILE)
    if what is What.FILE and flag == b"\0" and name.endswith("/"):
        what = What.DIRECTORY
    if what is not What.FILE:
        return Entry(name, what, 0, no_bytes), _Body(stream, 0)
    stored = size if ahead.size is None else ahead.size
    body = _Body(stream, stored)
    refused = _SPARSE if ahead.sparse or flag == b"S" else None
    return Entry(name, what, stored, body.pieces, refused), body


def _look_ahead(stream: Forward, flag: bytes, size: int, ahead: _Ahead) -> None:
    ahead.headers += 1
    if size > _LARGEST_HEADER or ahead.headers > _MOST_HEADERS:
        raise corrupt("the headers of a member are larger than any writer makes them")
    content = stream.exactly(size)
    if len(content) < size:
        raise corrupt("the archive ends in the middle of a header")
    stream.skip(-size % _BLOCK)
    if flag == b"L":
        ahead.name = content.rstrip(b"\0")
    elif flag == b"x":
        _pax(content, ahead)


def _pax(content: bytes, ahead: _Ahead) -> None:
    """Records of an extended header: `LENGTH key=value`, the length counting the whole record."""
    at = 0
    while at < len(content):
        space = content.find(b" ", at, at + 20)
        digits = content[at:space]
        if space < 0 or not digits.isdigit():
            raise corrupt("an extended header is malformed")
        end = at + int(digits)
        key, equals, value = content[space + 1 : end - 1].partition(b"=")
        if not equals or not space < end <= len(content) or content[end - 1 : end] != b"\n":
            raise corrupt("an extended header is malformed")
        if key == b"path":
            ahead.name = value
        elif key == b"size":
            ahead.size = _decimal(value)
        elif key.startswith(b"GNU.sparse."):
            ahead.sparse = True
        at = end


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise corrupt("a member has no readable size")
    return int(value)


def _number(field_bytes: bytes) -> int:
    """Octal digits, or for large numbers the bytes themselves after a set bit."""
    if field_bytes[0] == 0x80:
        return int.from_bytes(field_bytes[1:], "big")
    text = field_bytes.split(b"\0", 1)[0].strip()
    if not text.isdigit():
        raise ValueError("no number")
    return int(text, 8)


def _name(block: bytes) -> bytes:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name
