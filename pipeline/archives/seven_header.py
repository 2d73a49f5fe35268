"""The header of a 7z file: which blocks there are, and which members come out of each.

Sizes stand apart from names, so the whole of it has to be in memory; it is bounded before it is read or
unpacked, and stays as it came: arrays of numbers, the bytes of the names. `py7zr` makes a dictionary of each
member.
"""

import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pipeline.archives.entries import Limits, corrupt

MAGIC = b"7z\xbc\xaf\x27\x1c"
LARGEST = 32 << 20
"""Bytes of a header, packed or unpacked: 200,000 members with names of sixty letters."""

_START = struct.Struct("<6s2BL2QL")
_END, _HEADER, _ARCHIVE, _STREAMS, _FILES = 0x00, 0x01, 0x02, 0x04, 0x05
_PACKED, _UNPACKED, _MEMBERS, SIZES, _CRCS, _BLOCKS, _UNPACK_SIZES, _COUNTS = 6, 7, 8, 9, 10, 11, 12, 13
_NO_STREAM, _EMPTY_FILE, _NAMES, _ATTRIBUTES, ENCODED = 0x0E, 0x0F, 0x11, 0x15, 0x17
_MOST_CODERS = 4
_MOST_STREAMS = 16


class Reader:
    """Reads on in the bytes of a header; nothing is allocated for a count that they do not have."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise _damaged()
        self._at += size
        return self._data[self._at - size : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def expect(self, wanted: int) -> None:
        if self.byte() != wanted:
            raise _damaged()

    def number(self) -> int:
        """Leading ones of the first byte say how many follow; what is left of it is the highest part."""
        first, mask, value = self.byte(), 0x80, 0
        for place in range(8):
            if not first & mask:
                return value + ((first & (mask - 1)) << (8 * place))
            value |= self.byte() << (8 * place)
            mask >>= 1
        return value

    def numbers(self, count: int) -> "array[int]":
        if count > self.left:
            raise _damaged()
        return array("Q", (self.number() for _ in range(count)))

    def bits(self, count: int) -> bytes:
        """One byte, 0 or 1, for each."""
        raw = self.take((count + 7) // 8)
        return bytes(raw[at >> 3] >> (7 - (at & 7)) & 1 for at in range(count))

    def some_bits(self, count: int) -> bytes:
        """The same, after a byte that may say that all are set."""
        return self.bits(count) if self.byte() == 0 else b"\1" * count

    def crcs(self, count: int) -> "array[int]":
        """-1 for what has none."""
        defined = self.some_bits(count)
        raw = self.take(4 * sum(defined))
        given = iter(value for (value,) in struct.iter_unpack("<L", raw))
        return array("q", (next(given) if one else -1 for one in defined))


@dataclass(frozen=True, slots=True)
class Coder:
    """One step of decompression: the id of its method and its properties."""

    method: bytes
    properties: bytes
    simple: bool


@dataclass(slots=True)
class Block:
    """Members compressed together (`folder` in the format's own words). ``coders``: in the order of reading.

    ``size``: of what comes out of it. ``start`` and ``packed``: its place in the archive.
    """

    coders: tuple[Coder, ...]
    streams: int
    final: int
    size: int = 0
    crc: int = -1
    start: int = 0
    packed: int = 0


@dataclass(slots=True)
class Header:
    """What the header says. Each array of members has one number a member that has bytes."""

    blocks: list[Block] = field(default_factory=list)
    counts: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("Q"))
    crcs: "array[int]" = field(default_factory=lambda: array("q"))
    files: int = 0
    no_stream: bytes = b""
    empty_file: bytes = b""
    names: bytes = b""
    attributes: "array[int]" = field(default_factory=lambda: array("q"))


def _damaged() -> Exception:
    return corrupt("the header of the archive is damaged")


def raw(file: BinaryIO, size: int) -> bytes:
    """The bytes of the header as they stand in the file, which may be packed themselves."""
    file.seek(0)
    start = file.read(_START.size)
    if len(start) < _START.size:
        raise corrupt("the archive is incomplete")
    _, _, _, crc, offset, length, header_crc = _START.unpack(start)
    if zlib.crc32(start[12:]) != crc:
        raise _damaged()
    if length > LARGEST:
        raise corrupt(f"the header of the archive is larger than {LARGEST} bytes")
    if _START.size + offset + length > size:
        raise corrupt("the archive is incomplete")
    file.seek(_START.size + offset)
    data = file.read(length)
    if zlib.crc32(data) != header_crc:
        raise _damaged()
    return data


def parsed(data: bytes, limits: Limits) -> Header:
    """A header that is not packed. Raises `ArchiveRefused`."""
    header = Header()
    if not data:
        return header  # an archive without members
    reader = Reader(data)
    reader.expect(_HEADER)
    kind = reader.byte()
    if kind == _ARCHIVE:
        while reader.byte() != _END:
            reader.take(reader.number())
        kind = reader.byte()
    if kind == _STREAMS:
        streams(reader, header, limits)
        kind = reader.byte()
    if kind == _FILES:
        _files(reader, header, limits)
        kind = reader.byte()
    if kind != _END:
        raise _damaged()  # "additional streams" are written by nobody
    return header


def streams(reader: Reader, header: Header, limits: Limits) -> None:
    """Where blocks lie, how they are compressed, what comes out of them."""
    starts, sizes = _packed(reader, limits) if (kind := reader.byte()) == _PACKED else (0, array("Q"))
    kind = reader.byte() if kind == _PACKED else kind
    if kind == _UNPACKED:
        _blocks(reader, header, limits)
        kind = reader.byte()
    _places(header, starts, sizes)
    if kind == _MEMBERS:
        _members(reader, header, limits)
        kind = reader.byte()
    else:
        header.counts = array("Q", [1] * len(header.blocks))
        header.sizes = array("Q", (block.size for block in header.blocks))
        header.crcs = array("q", (block.crc for block in header.blocks))
    if kind != _END:
        raise _damaged()


def _packed(reader: Reader, limits: Limits) -> tuple[int, "array[int]"]:
    start, count = _START.size + reader.number(), reader.number()
    limits.check_count(count // _MOST_CODERS)
    sizes, kind = array("Q"), reader.byte()
    if kind == SIZES:
        sizes, kind = reader.numbers(count), reader.byte()
    if kind == _CRCS:
        reader.crcs(count)
        kind = reader.byte()
    if kind != _END:
        raise _damaged()
    return start, sizes


def _blocks(reader: Reader, header: Header, limits: Limits) -> None:
    reader.expect(_BLOCKS)
    count = reader.number()
    limits.check_count(count)
    reader.expect(0)  # otherwise they would stand elsewhere
    outs: list[int] = []
    for _ in range(count):
        block, streams_out = _block(reader)
        header.blocks.append(block)
        outs.append(streams_out)
    reader.expect(_UNPACK_SIZES)
    for block, streams_out in zip(header.blocks, outs, strict=True):
        block.size = reader.numbers(streams_out)[block.final]
    kind = reader.byte()
    if kind == _CRCS:
        for block, crc in zip(header.blocks, reader.crcs(count), strict=True):
            block.crc = crc
        kind = reader.byte()
    if kind != _END:
        raise _damaged()


def _block(reader: Reader) -> tuple[Block, int]:
    """A block, and how many sizes are told of it."""
    count = reader.number()
    if not 0 < count <= _MOST_CODERS:
        raise _damaged()
    coders, ins, outs = [], 0, 0
    for _ in range(count):
        coder, coder_ins, coder_outs = _coder(reader)
        coders.append(coder)
        ins, outs = ins + coder_ins, outs + coder_outs
    if not 0 < outs <= min(ins, _MOST_STREAMS) or ins > _MOST_STREAMS:
        raise _damaged()
    bonds = {}
    for _ in range(outs - 1):
        into = reader.number()
        bonds[reader.number()] = into
    streams_in = ins - (outs - 1)
    if streams_in > 1:
        reader.numbers(streams_in)
    final = next((out for out in range(outs) if out not in bonds), 0)
    if any(not coder.simple for coder in coders):
        return Block(tuple(coders), streams_in, final), outs
    return Block(_chained(coders, bonds), streams_in, final), outs


def _coder(reader: Reader) -> tuple[Coder, int, int]:
    about = reader.byte()
    method = reader.take(about & 0x0F)
    ins = outs = 1
    if about & 0x10:
        ins, outs = reader.number(), reader.number()
    properties = reader.take(reader.number()) if about & 0x20 else b""
    return Coder(method, properties, ins == outs == 1), ins, outs


def _chained(coders: list[Coder], bonds: dict[int, int]) -> tuple[Coder, ...]:
    """Coders in the order in which bytes go through them, when each has one way in and one out."""
    at = next((n for n in range(len(coders)) if n not in bonds.values()), None)
    order: list[Coder] = []
    while at is not None:
        if not 0 <= at < len(coders) or len(order) == len(coders):
            raise _damaged()
        order.append(coders[at])
        at = bonds.get(at)
    if len(order) != len(coders):
        raise _damaged()
    return tuple(order)


def _places(header: Header, start: int, sizes: "array[int]") -> None:
    """Each block behind the one before: that none can overlap lies in the format."""
    at = 0
    for block in header.blocks:
        mine = sizes[at : at + block.streams]
        if len(mine) != block.streams:
            raise _damaged()
        block.start, block.packed = start, sum(mine)
        start, at = start + block.packed, at + block.streams


def _members(reader: Reader, header: Header, limits: Limits) -> None:
    kind = reader.byte()
    if kind == _COUNTS:
        header.counts, kind = reader.numbers(len(header.blocks)), reader.byte()
    else:
        header.counts = array("Q", [1] * len(header.blocks))
    limits.check_count(sum(header.counts))
    told = kind == SIZES
    for block, count in zip(header.blocks, header.counts, strict=True):
        sizes = reader.numbers(count - 1) if told and count else array("Q")
        last = block.size - sum(sizes)
        if count and (last < 0 or len(sizes) != count - 1):
            raise _damaged()
        header.sizes += sizes
        if count:
            header.sizes.append(last)
    kind = reader.byte() if told else kind
    header.crcs = array("q", _known(header))
    if kind == _CRCS:
        unknown = [at for at, crc in enumerate(header.crcs) if crc < 0]
        for at, crc in zip(unknown, reader.crcs(len(unknown)), strict=True):
            header.crcs[at] = crc
        kind = reader.byte()
    if kind != _END:
        raise _damaged()


def _known(header: Header) -> Iterator[int]:
    """Checksums that blocks of one member have told already."""
    for block, count in zip(header.blocks, header.counts, strict=True):
        yield from [block.crc if count == 1 else -1] * count


def _files(reader: Reader, header: Header, limits: Limits) -> None:
    count = header.files = reader.number()
    limits.check_count(count)
    header.no_stream = bytes(count)
    header.attributes = array("q", [0]) * count
    while (kind := reader.byte()) != _END:
        about = Reader(reader.take(reader.number()))
        if kind == _NO_STREAM:
            header.no_stream = about.bits(count)
        elif kind == _EMPTY_FILE:
            header.empty_file = about.bits(sum(header.no_stream))
        elif kind == _NAMES:
            about.expect(0)
            header.names = about.take(about.left)
        elif kind == _ATTRIBUTES:
            header.attributes = _attributes(about, count)
        # times, and whatever is to come, are of no concern


def _attributes(reader: Reader, count: int) -> "array[int]":
    defined = reader.some_bits(count)
    reader.expect(0)
    given = iter(value for (value,) in struct.iter_unpack("<L", reader.take(4 * sum(defined))))
    return array("q", (next(given) if one else 0 for one in defined))
