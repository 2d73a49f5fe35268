"""Tell a file's media type from its first bytes; opens nothing, decodes nothing."""

import re

from schemas.errors import BadInput

HEAD_BYTES = 1200
"""How much of a file `sniff` wants to see: junk is allowed before ``%PDF`` within the first KiB."""

PDF = "application/pdf"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
WEBP = "image/webp"
BMP = "image/bmp"
GIF = "image/gif"
HEIC = "image/heic"

MEDIA_TYPES = (PDF, PNG, JPEG, TIFF, WEBP, BMP, GIF, HEIC)

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),  # BigTIFF
    (b"MM\x00+", TIFF),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
)

# The sizes a BMP info header can have; "BM" alone is also how many a text file begins.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

_PDF_HEADER = re.compile(rb"%PDF-|%!PS-Adobe-\d\.\d PDF-")

_KNOWN_OTHERS = (
    (re.compile(rb"PK\x03\x04"), "a ZIP archive or Office document"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Office document"),
    (re.compile(rb"%!PS"), "PostScript"),
    (re.compile(rb"\{\\rtf"), "RTF"),
    (re.compile(rb"\s*(<\?xml|<svg)", re.I), "XML or SVG"),
    (re.compile(rb"\s*<(!doctype html|html)", re.I), "HTML"),
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51"), "JPEG 2000"),
    (re.compile(rb"AT&TFORM"), "DjVu"),
)


def sniff(head: bytes) -> str:
    """The media type of a file that begins with ``head`` (at least `HEAD_BYTES` of it, if it is that long).

    Raises `BadInput` with ``empty_body`` or ``unsupported_media_type``.
    """
    if not head:
        raise BadInput("empty_body", "the file is empty", status=400)
    found = _image(head) or _pdf(head)
    if found is None:
        raise BadInput("unsupported_media_type", _refusal(head), status=415)
    return found


def _image(head: bytes) -> str | None:
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return BMP
    if head[4:8] == b"ftyp" and _is_heif(head):
        return HEIC
    return None


def _is_heif(head: bytes) -> bool:
    """HEVC-coded HEIF by major or compatible brand; AVIF shares the container and is something else."""
    size = min(int.from_bytes(head[:4], "big"), len(head), 256)
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    return bool(brands & _HEIF_BRANDS) and not brands & _AVIF_BRANDS


def _pdf(head: bytes) -> str | None:
    # Readers accept the header anywhere in the first 1024 bytes (mail gateways and web forms put junk there).
    found = _PDF_HEADER.search(head, 0, 1024 + 32)
    return PDF if found and found.start() <= 1024 else None


def _refusal(head: bytes) -> str:
    accepted = "PDF, PNG, JPEG, TIFF, WebP, BMP, GIF and HEIC are accepted"
    for pattern, name in _KNOWN_OTHERS:
        if pattern.match(head):
            return f"this looks like {name}; {accepted}"
    return f"the content is of no known type; {accepted}"
