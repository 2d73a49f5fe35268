"""An archive in a file as entries, by its kind: what has to be decompressed is, a piece at a time."""

import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import zstandard

from pipeline.archives import seven_entries, tar_entries, zip_entries
from pipeline.archives.entries import Entry, Limits, corrupt
from pipeline.archives.kinds import Kind

_WIDEST_WINDOW = 1 << 27
"""Bytes of memory a zstd frame may ask for; its own tool refuses more without being told."""


def entries(file: BinaryIO, kind: Kind, limits: Limits, spent: Callable[[int], None]) -> Iterator[Entry]:
    """Entries in order. Raises `ArchiveRefused` when it cannot go on. ``spent``: told of all bytes that are
    decompressed on the way, where the format has to decompress what is passed over."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    if kind is Kind.ZIP:
        yield from zip_entries.entries(file, size, limits)
    elif kind is Kind.SEVEN:
        yield from seven_entries.entries(file, size, limits)
    elif kind is Kind.TAR:
        yield from tar_entries.entries(tar_entries.Forward(file.read, partial(_leap, file, size)))
    elif kind is Kind.TAR_GZ:
        yield from tar_entries.entries(_decompressed(gzip.GzipFile(fileobj=file).read, size, limits, spent))
    else:
        frames = zstandard.ZstdDecompressor(max_window_size=_WIDEST_WINDOW)
        read = frames.stream_reader(file, read_across_frames=True, closefd=False).read
        yield from tar_entries.entries(_decompressed(read, size, limits, spent))


def _leap(file: BinaryIO, end: int, size: int) -> None:
    if file.tell() + size > end:
        raise corrupt("the archive ends in the middle of a member")
    file.seek(size, os.SEEK_CUR)


def _decompressed(
    read: Callable[[int], bytes], size: int, limits: Limits, spent: Callable[[int], None]
) -> tar_entries.Forward:
    """What is passed over counts too: it costs as much as what is read."""
    come = 0

    def piece(most: int) -> bytes:
        nonlocal come
        try:
            found = read(most)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError):
            raise corrupt("the archive is damaged or incomplete") from None
        come += len(found)
        spent(len(found))
        limits.check_total(come, size)
        return found

    return tar_entries.Forward(piece)
