"""Checks an encoded page image before it is sent: whole, of the size it claims, and not absurd.

A server answers some of these faults with 500 and closes the connection, which looks like its own failure.
Only the container is read (chunks, checksums, markers): decoding belongs in the cage.
"""

import struct
import zlib

from pipeline.budget import MAX_ASPECT_RATIO
from pipeline.orders import PageImage
from schemas.errors import DocumentUnreadable

MAX_PIXELS = 178_956_970
"""Pillow's limit in the server; one pixel more is answered with 500."""

_PNG = b"\x89PNG\r\n\x1a\n"
_SIZES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""JPEG markers whose segment states the size of the image."""

_SCAN = 0xDA


def check(image: PageImage) -> None:
    """Raises `DocumentUnreadable`."""
    width, height = size_of(image)
    if (width, height) != (image.width, image.height):
        raise DocumentUnreadable(
            "page_image_broken",
            f"the page image is {width} x {height} pixels, not {image.width} x {image.height}",
        )
    if width * height > MAX_PIXELS:
        raise DocumentUnreadable(
            "page_image_too_large", f"the page image has {width * height} pixels, more than {MAX_PIXELS}"
        )
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        raise DocumentUnreadable(
            "page_aspect_ratio",
            f"the page image is {width} x {height}: more than {MAX_ASPECT_RATIO} times as long as wide",
        )


def size_of(image: PageImage) -> tuple[int, int]:
    """Width and height as the file states them."""
    try:
        if image.media_type == "image/png":
            return _png(image.data)
        if image.media_type == "image/jpeg":
            return _jpeg(image.data)
    except (ValueError, IndexError, struct.error):
        raise DocumentUnreadable("page_image_broken", "the page image is damaged or cut short") from None
    raise DocumentUnreadable("page_image_broken", f"a page image of type {image.media_type[:40]} is not sent")


def _png(data: bytes) -> tuple[int, int]:
    if not data.startswith(_PNG) or data[12:16] != b"IHDR":
        raise ValueError
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(data[at + 4 : at + 8 + length]) != checksum:
            raise ValueError
        at += 12 + length
    width, height = struct.unpack_from(">II", data, 16)
    return _positive(width, height)


def _jpeg(data: bytes) -> tuple[int, int]:
    if not data.startswith(b"\xff\xd8") or b"\xff\xd9" not in data[-64:]:
        raise ValueError
    at, size = 2, (0, 0)
    while True:
        mark, kind, length = struct.unpack_from(">BBH", data, at)
        if mark != 0xFF:
            raise ValueError
        if kind in _SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            size = (width, height)
        if kind == _SCAN:
            return _positive(*size)
        at += 2 + length


def _positive(width: int, height: int) -> tuple[int, int]:
    if not width or not height:
        raise ValueError
    return width, height
