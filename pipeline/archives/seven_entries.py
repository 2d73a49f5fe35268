"""Entries of a 7z file, its blocks decompressed forward only, a bounded piece in memory at a time."""

import lzma
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from pipeline.archives import seven_header
from pipeline.archives.entries import ArchiveRefused, Entry, Limits, MemberRefused, What, corrupt, no_bytes
from pipeline.archives.inflate import damaged, expanded, inflated, packed, unbzip, unlzma
from pipeline.archives.names import decoded, shown
from pipeline.archives.seven_header import ENCODED, LARGEST, Block, Coder, Header, Reader
from schemas.errors import ErrorInfo

_WIDEST = 256 << 20
"""Bytes of memory a block may ask for: what 7-Zip uses where it compresses most."""

_LONGEST_NAME = 1 << 14
_NESTED_HEADERS = 4
_COPY, _LZMA, _LZMA2, _DEFLATE, _BZIP2 = b"\0", b"\3\1\1", b"\x21", b"\4\1\x08", b"\4\2\2"
_ENCRYPTED = b"\6\xf1\7\1"
_FILTERS = {b"\3\3\1\3": lzma.FILTER_X86, b"\4": lzma.FILTER_X86, b"\3": lzma.FILTER_DELTA}
_LINKED, _UNIX, _DIRECTORY = 0x400, 0x8000, 0x10
_KIND, _UNIX_LINK, _UNIX_DIRECTORY, _UNIX_FILE = 0o170000, 0o120000, 0o040000, 0o100000


def entries(file: BinaryIO, size: int, limits: Limits) -> Iterator[Entry]:
    """Entries in order, after the whole header was checked."""
    header = _header(file, size, limits)
    if any(block.start + block.packed > size for block in header.blocks):
        raise corrupt("a member does not lie within the archive")
    limits.check_total(sum(block.size for block in header.blocks), size)
    yield from _Walk(file, header).entries()


def _header(file: BinaryIO, size: int, limits: Limits) -> Header:
    """Unpacked as often as it was packed, never to more than is allowed."""
    data = seven_header.raw(file, size)
    for _ in range(_NESTED_HEADERS):
        if data[:1] != bytes([ENCODED]):
            return seven_header.parsed(data, limits)
        outer = Header()
        seven_header.streams(Reader(data[1:]), outer, limits)
        if len(outer.blocks) != 1 or outer.blocks[0].size > LARGEST:
            raise corrupt(f"the header of the archive is larger than {LARGEST} bytes")
        data = _unpacked_header(file, outer.blocks[0], size)
    raise corrupt("the header of the archive is packed again and again")


def _unpacked_header(file: BinaryIO, block: Block, size: int) -> bytes:
    refused = _refused(block)
    if refused is not None:
        code = "archive_encrypted" if refused.code == "member_encrypted" else "archive_corrupt"
        raise ArchiveRefused(code, f"the list of members cannot be read: {refused.detail}")
    if block.start + block.packed > size:
        raise corrupt("the archive is incomplete")
    data, damage = bytearray(), corrupt("the header of the archive is damaged")
    try:
        for piece in _pieces(file, block):
            data += piece
            if len(data) > block.size:
                raise damage
    except MemberRefused:
        raise damage from None
    if len(data) < block.size or (block.crc >= 0 and zlib.crc32(data) != block.crc):
        raise damage
    return bytes(data)


class _Walk:
    """Goes through the members in their order; ``at`` is how far the open block was decompressed."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file = file
        self._header = header
        self._block: Block | None = None
        self._stream: Iterator[bytes] = iter(())
        self._left = b""
        self._at = 0

    def entries(self) -> Iterator[Entry]:
        header, names = self._header, _names(self._header)
        streams, empty = self._streams(), iter(header.empty_file)
        for number in range(header.files):
            name = next(names, f"{number + 1}")
            what = _what(header.attributes[number])
            if header.no_stream[number]:
                is_file = next(empty, 0) and what is not What.DIRECTORY
                what = what if what is What.LINK or is_file else What.DIRECTORY
                yield Entry(name, what, 0, no_bytes)
                continue
            stream = next(streams, None)
            if stream is None:
                raise corrupt("the archive has more members than bytes for them")
            block, offset, size, crc, refused = stream
            yield Entry(name, what, size, partial(self._read, block, offset, size, crc), refused)

    def _streams(self) -> Iterator[tuple[Block, int, int, int, ErrorInfo | None]]:
        at = 0
        for block, count in zip(self._header.blocks, self._header.counts, strict=True):
            offset, refused = 0, _refused(block)
            for _ in range(count):
                size = self._header.sizes[at]
                yield block, offset, size, self._header.crcs[at], refused
                offset, at = offset + size, at + 1

    def _read(self, block: Block, offset: int, size: int, crc: int) -> Iterator[bytes]:
        if block is not self._block:
            self._block, self._stream, self._left, self._at = block, _pieces(self._file, block), b"", 0
        while self._at < offset:
            self._piece(offset - self._at)
        found, end = 0, offset + size
        while self._at < end:
            piece = self._piece(end - self._at)
            found = zlib.crc32(piece, found)
            yield piece
        if crc >= 0 and found != crc:
            raise damaged()

    def _piece(self, most: int) -> bytes:
        while not self._left:  # a decompressor may have taken something in and given nothing out yet
            piece = next(self._stream, None)
            if piece is None:
                raise damaged()  # and so is all that follows in this block
            self._left = piece
        piece, self._left = self._left[:most], self._left[most:]
        self._at += len(piece)
        return piece


def _names(header: Header) -> Iterator[str]:
    """Two zero bytes end each name."""
    names, at = header.names, 0
    while at < len(names):
        end = names.find(b"\0\0", at)
        while end >= 0 and (end - at) % 2:
            end = names.find(b"\0\0", end + 1)
        if end < 0:
            raise corrupt("the header of the archive is damaged")
        raw = names[at : min(end, at + _LONGEST_NAME)]
        yield shown(raw.decode("utf-16-le", "backslashreplace")) if raw else decoded(b"")
        at = end + 2


def _what(attributes: int) -> What:
    unix = attributes >> 16 & _KIND if attributes & _UNIX else 0
    if unix == _UNIX_LINK or attributes & _LINKED:
        return What.LINK
    if unix == _UNIX_DIRECTORY or attributes & _DIRECTORY:
        return What.DIRECTORY
    return What.FILE if unix in (0, _UNIX_FILE) else What.SPECIAL


def _refused(block: Block) -> ErrorInfo | None:
    """Why the members of a block cannot be had."""
    methods = [coder.method for coder in block.coders]
    if _ENCRYPTED in methods:
        return ErrorInfo(code="member_encrypted", detail="the member is encrypted")
    first, filters = methods[0], methods[1:]
    known = first in (_COPY, _LZMA, _LZMA2, _DEFLATE, _BZIP2) and all(coder.simple for coder in block.coders)
    # Filters behind LZMA of the first kind would have to be told where it ends.
    if not known or (filters and (first != _LZMA2 or any(one not in _FILTERS for one in filters))):
        used = ", ".join(method.hex() for method in methods)
        detail = f"the member is compressed by methods {used}; LZMA, LZMA2, Deflate and BZip2 are read"
        return ErrorInfo(code="member_unsupported", detail=detail)
    try:
        if first in (_LZMA, _LZMA2):
            _filters(block)
    except (lzma.LZMAError, ValueError, struct.error, IndexError) as error:
        return ErrorInfo(code="member_unsupported", detail=f"the member cannot be decompressed: {error}")
    return None


def _pieces(file: BinaryIO, block: Block) -> Iterator[bytes]:
    """What comes out of a block: of some methods more than it claims."""
    source, method = packed(file, block.start, block.packed), block.coders[0].method
    if method == _COPY:
        yield from source
    elif method == _DEFLATE:
        yield from inflated(source)
    elif method == _BZIP2:
        yield from expanded(source, unbzip(), block.size)
    else:
        yield from expanded(source, unlzma(_filters(block)), block.size)


def _filters(block: Block) -> list[dict[str, Any]]:
    """As liblzma wants them: the one that is undone last comes first."""
    first, *others = block.coders
    filters = [_lzma(first, block.size)]
    for coder in others:
        one: dict[str, Any] = {"id": _FILTERS[coder.method]}
        if one["id"] == lzma.FILTER_DELTA:
            one["dist"] = coder.properties[0] + 1
        filters.insert(0, one)
    return filters


def _lzma(coder: Coder, size: int) -> dict[str, Any]:
    if coder.method == _LZMA2:
        (bits,) = struct.unpack("<B", coder.properties)
        if bits > 40:
            raise ValueError("its dictionary is of no known size")
        wanted = (1 << 32) - 1 if bits == 40 else (2 | bits & 1) << (bits // 2 + 11)
        return {"id": lzma.FILTER_LZMA2, "dict_size": _dictionary(wanted, size)}
    bits, wanted = struct.unpack("<BL", coder.properties)
    if bits >= 9 * 5 * 5:
        raise ValueError("its properties are wrong")
    about = {"lc": bits % 9, "lp": bits // 9 % 5, "pb": bits // 45}
    return {"id": lzma.FILTER_LZMA1, "dict_size": _dictionary(wanted, size), **about}


def _dictionary(wanted: int, size: int) -> int:
    """No more than what comes out of the block; writers claim more than they use."""
    used = max(4096, min(wanted, size))
    if used > _WIDEST:
        raise ValueError(f"it needs {used} bytes of memory")
    return used
