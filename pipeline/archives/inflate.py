"""Decompressors whose output is bounded: what goes in and what comes out is a piece at a time."""

import bz2
import lzma
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Protocol

from pipeline.archives.entries import PIECE, MemberRefused


class Decompressor(Protocol):
    """As `lzma` and `bz2` have it."""

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def damaged() -> MemberRefused:
    return MemberRefused("member_corrupt", "the member is damaged")


def packed(file: BinaryIO, at: int, left: int) -> Iterator[bytes]:
    """Bytes of the archive itself. The file may be moved between two pieces."""
    while left:
        file.seek(at)
        piece = file.read(min(left, PIECE))
        if not piece:
            raise damaged()
        at, left = at + len(piece), left - len(piece)
        yield piece


def inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Of raw deflate, which says itself where it ends."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            rest = piece
            while rest and not inflate.eof:
                yield inflate.decompress(rest, PIECE)
                rest = inflate.unconsumed_tail
        while not inflate.eof and (piece := inflate.decompress(b"", PIECE)):
            yield piece
    except zlib.error:
        raise damaged() from None
    if not inflate.eof:
        raise damaged()


def expanded(pieces: Iterator[bytes], decompressor: Decompressor, size: int) -> Iterator[bytes]:
    """So many bytes, whatever the stream itself has to say of its end.

    It is given more only when it asks: it keeps what it does not need yet.
    """
    left = size
    while left:
        given = next(pieces, b"") if decompressor.needs_input and not decompressor.eof else b""
        try:
            piece = decompressor.decompress(given, min(left, PIECE))
        except (lzma.LZMAError, OSError, EOFError):
            raise damaged() from None
        if not piece and not given:
            raise damaged()
        left -= len(piece)
        yield piece


def unlzma(filters: Sequence[dict[str, Any]]) -> Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, None, list(filters))


def unbzip() -> Decompressor:
    return bz2.BZ2Decompressor()
