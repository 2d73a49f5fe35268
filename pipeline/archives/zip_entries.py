"""Entries of a ZIP file: its directory is walked, never loaded, and is believed only where it holds together.

`zipfile` loads the whole directory whatever it claims, and gives up on all of it for one name.
"""

import struct
import zlib
from array import array
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

import numpy as np

from pipeline.archives.entries import PIECE, Entry, Limits, What, corrupt, no_bytes
from pipeline.archives.inflate import damaged, inflated, packed
from pipeline.archives.names import decoded
from schemas.errors import ErrorInfo

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_WHERE_64 = struct.Struct("<4sLQL")
_HEAD = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 1 << 16
_LONGEST_HEAD = _HEAD.size + 3 * 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNIX_LINK, _UNIX_DIRECTORY, _UNIX_FILE, _UNIX_KIND = 0o120000, 0o040000, 0o100000, 0o170000
_ALL_16, _ALL_32 = 0xFFFF, 0xFFFFFFFF


class Directory(NamedTuple):
    """Where the directory lies and what its end says of it. ``shift``: bytes before the archive proper."""

    start: int
    size: int
    claimed: int
    wide: bool
    shift: int


class Head(NamedTuple):
    """One entry of the directory."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    attributes: int


def entries(file: BinaryIO, size: int, limits: Limits) -> Iterator[Entry]:
    """Entries in the order of the directory, after the whole of it was checked."""
    directory = find(file, size)
    limits.check_count(directory.claimed)
    _check(file, directory, size, limits)
    for head in heads(file, directory):
        yield _entry(file, head)


def find(file: BinaryIO, size: int) -> Directory:
    """The directory by the records at the end of the file."""
    tail_at = max(0, size - _LONGEST_COMMENT - _END.size)
    file.seek(tail_at)
    tail = file.read(size - tail_at)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise corrupt("the archive has no end: it is incomplete, or no ZIP file")
    _, disk, first, here, claimed, length, offset, _ = _END.unpack_from(tail, at)
    end, wide = tail_at + at, False
    if _ALL_16 in (here, claimed) or _ALL_32 in (length, offset):
        found = _wide(file, end)
        if found is not None:
            claimed, length, offset, end = found
            wide, disk, first, here = True, 0, 0, claimed
    if disk or first or here != claimed:
        raise corrupt("the archive is one part of several")
    start = end - length
    if start < 0 or start < offset:
        raise corrupt("the directory of the archive does not lie within it")
    return Directory(start, length, claimed, wide, start - offset)


def _wide(file: BinaryIO, end: int) -> tuple[int, int, int, int] | None:
    """Count, size and offset of a directory too large for the ordinary record, and where its own begins."""
    if end < _WHERE_64.size:
        return None
    file.seek(end - _WHERE_64.size)
    magic, _, at, _ = _WHERE_64.unpack(file.read(_WHERE_64.size))
    if magic != b"PK\6\7":
        return None
    if at + _END_64.size > end:
        raise corrupt("the directory of the archive does not lie within it")
    file.seek(at)
    fields = _END_64.unpack(file.read(_END_64.size))
    if fields[0] != b"PK\6\6":
        raise corrupt("the archive has no end: it is incomplete, or no ZIP file")
    return fields[7], fields[8], fields[9], at


def heads(file: BinaryIO, directory: Directory) -> Iterator[Head]:
    """Walk the directory, a piece in memory at a time."""
    following, left = directory.start, directory.size
    held, at = b"", 0
    while True:
        if len(held) - at < _LONGEST_HEAD and left:
            file.seek(following)
            piece = file.read(min(left, 4 * PIECE))
            if not piece:
                raise corrupt("the directory of the archive does not lie within it")
            following, left = following + len(piece), left - len(piece)
            held, at = held[at:] + piece, 0
        if at == len(held):
            return
        if len(held) - at < _HEAD.size or held[at : at + 4] != b"PK\1\2":
            raise corrupt("the directory of the archive is damaged")
        fields = _HEAD.unpack_from(held, at)
        name_at = at + _HEAD.size
        extra_at = name_at + fields[12]
        comment_at = extra_at + fields[13]
        at = comment_at + fields[14]
        if at > len(held):
            raise corrupt("the directory of the archive is damaged")
        yield _head(fields, held[name_at:extra_at], held[extra_at:comment_at], directory.shift)


def _head(fields: tuple[int, ...], name: bytes, extra: bytes, shift: int) -> Head:
    flags, method = fields[5], fields[6]
    crc, packed, size = fields[9:12]
    attributes, offset = fields[17], fields[18]
    wide = _wide_fields(extra)
    if size == _ALL_32:
        size = _taken(wide)
    if packed == _ALL_32:
        packed = _taken(wide)
    if offset == _ALL_32:
        offset = _taken(wide)
    text = decoded(name, None if flags & _UTF8 else "cp437")
    unix = attributes >> 16 if fields[2] == 3 else 0  # made on Unix: its mode stands there
    return Head(text, flags, method, crc, packed, size, offset + shift, unix)


def _wide_fields(extra: bytes) -> Iterator[int]:
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            body = extra[at + 4 : at + 4 + length]
            yield from (value for (value,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8]))
            return
        at += 4 + length


def _taken(wide: Iterator[int]) -> int:
    value = next(wide, None)
    if value is None:
        raise corrupt("the directory of the archive is damaged")
    return value


def _check(file: BinaryIO, directory: Directory, size: int, limits: Limits) -> None:
    """Count, sizes and places of all entries: nothing is unpacked before they hold together."""
    count = unpacked = 0
    starts, ends = array("Q"), array("Q")
    for head in heads(file, directory):
        count += 1
        limits.check_count(count)
        end = head.offset + _LOCAL.size + head.packed
        if end > directory.start:
            raise corrupt("a member does not lie within the archive")
        starts.append(head.offset)
        ends.append(end)
        if head.size <= limits.member_bytes:  # larger ones are refused, each for itself
            unpacked += head.size
    # Old writers of more than 65,535 entries let the count wrap around.
    if directory.claimed != (count if directory.wide else count & _ALL_16) and directory.claimed != count:
        raise corrupt(f"the archive claims {directory.claimed} entries and has {count}")
    limits.check_total(unpacked, size)
    first, last = np.frombuffer(starts, np.uint64), np.frombuffer(ends, np.uint64)
    order = np.argsort(first, kind="stable")
    if np.any(last[order][:-1] > first[order][1:]):
        raise corrupt("members of the archive overlap each other")


def _entry(file: BinaryIO, head: Head) -> Entry:
    kind = head.attributes & _UNIX_KIND
    if kind == _UNIX_LINK:
        return Entry(head.name, What.LINK, 0, no_bytes)
    if kind == _UNIX_DIRECTORY or head.name.endswith("/"):
        return Entry(head.name, What.DIRECTORY, 0, no_bytes)
    if kind not in (0, _UNIX_FILE):
        return Entry(head.name, What.SPECIAL, 0, no_bytes)
    refused = None
    if head.flags & _ENCRYPTED:
        refused = ErrorInfo(code="member_encrypted", detail="the member is encrypted")
    elif head.method not in (_STORED, _DEFLATED):
        detail = f"the member is compressed by method {head.method}; stored and deflated ones are read"
        refused = ErrorInfo(code="member_unsupported", detail=detail)
    return Entry(head.name, What.FILE, head.size, partial(_bytes, file, head), refused)


def _bytes(file: BinaryIO, head: Head) -> Iterator[bytes]:
    """The member's bytes: never more than claimed, and in the end exactly those."""
    file.seek(head.offset)
    local = file.read(_LOCAL.size)
    if len(local) < _LOCAL.size or local[:4] != b"PK\3\4":
        raise damaged()
    at = head.offset + _LOCAL.size + sum(_LOCAL.unpack(local)[9:11])
    crc = size = 0
    source = packed(file, at, head.packed)
    for piece in source if head.method == _STORED else inflated(source):
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        if size > head.size:
            raise damaged()
        yield piece
    if size != head.size or crc != head.crc:
        raise damaged()
