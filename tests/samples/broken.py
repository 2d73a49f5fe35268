"""Files that no reader can like: empty, cut off, random, mislabelled, locked, without pages, out of size."""

import io
import random
import struct
import zlib
from collections.abc import Callable

import pymupdf

from tests.samples.invoice import invoice_pdf
from tests.samples.sheet import new_document, new_sheet, pdf_bytes

PASSWORD = "harbour"


def truncated_pdf() -> bytes:
    whole = invoice_pdf()
    return whole[: len(whole) // 3]


def random_bytes() -> bytes:
    return b"%PDF-1.7\n" + random.Random(7).randbytes(4096)


def locked_pdf() -> bytes:
    document = new_document("Locked")
    new_sheet(document).text(60, 70, "Nobody reads this without the password.")
    data: bytes = document.tobytes(
        encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw=PASSWORD, owner_pw=PASSWORD, no_new_id=True
    )
    return data


def no_pages_pdf() -> bytes:
    return (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
        b"trailer<</Root 1 0 R/Size 3>>\n%%EOF\n"
    )


def blank_pdf() -> bytes:
    document = new_document("Blank")
    new_sheet(document)
    return pdf_bytes(document)


def giant_page_pdf() -> bytes:
    document = new_document("Two hundred inches")
    new_sheet(document, (14400.0, 14400.0)).text(7000, 7000, "far away", 24)
    return pdf_bytes(document)


def tiny_page_pdf() -> bytes:
    document = new_document("A tenth of an inch")
    new_sheet(document, (7.2, 7.2)).text(1, 6, "x", 4)
    return pdf_bytes(document)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb_png(side: int = 35_000) -> bytes:
    """A PNG of a few kilobytes that unfolds to ``side`` x ``side`` white pixels."""
    packer, out = zlib.compressobj(9), io.BytesIO()
    row = b"\x00" + b"\xff" * ((side + 7) // 8)
    for _ in range(side):
        out.write(packer.compress(row))
    out.write(packer.flush())
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", out.getvalue())
        + _chunk(b"IEND", b"")
    )


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty.pdf": lambda: b"",
    "truncated.pdf": truncated_pdf,
    "random.pdf": random_bytes,
    "text.pdf": lambda: b"This is not a PDF.\n",
    "mislabelled.png": invoice_pdf,
    "locked.pdf": locked_pdf,
    "no_pages.pdf": no_pages_pdf,
    "blank.pdf": blank_pdf,
    "giant_page.pdf": giant_page_pdf,
    "tiny_page.pdf": tiny_page_pdf,
    "bomb.png": bomb_png,
}
