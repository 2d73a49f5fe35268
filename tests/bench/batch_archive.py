"""Archives of very many small documents, made without making each: one page of text with a number in it."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import pymupdf

_PLACE = "0000000000"
_TEXT = (
    "Invoice number: RE-2026-00815",
    f"Delivery note {_PLACE}",
    "Thank you for your order. Please pay within fourteen days.",
    "Total: 123.45 EUR",
)


@dataclass(frozen=True, slots=True)
class Made:
    """What was put into an archive: every tenth document there twice, every fiftieth entry none."""

    members: int
    different: int
    refused: int
    bytes: int


def page() -> bytes:
    """One page, the number to be replaced by others of the same length."""
    with pymupdf.open() as document:
        sheet = document.new_page()
        for line, text in enumerate(_TEXT):
            sheet.insert_text((72, 100 + 24 * line), text, fontsize=12)
        made = bytes(document.tobytes(no_new_id=True, expand=255))
    # PyMuPDF writes text in hexadecimal.
    written = _PLACE.encode().hex().encode()
    if made.count(written) != 1:
        raise RuntimeError("the number does not stand in the page where it is looked for")
    return made


def numbered(template: bytes, number: int) -> bytes:
    return template.replace(_PLACE.encode().hex().encode(), f"{number:010}".encode().hex().encode())


def packed(path: Path, members: int) -> Made:
    """A ZIP file with so many members."""
    template, refused = page(), 0
    seen: set[int] = set()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(members):
            if number % 50 == 49:
                archive.writestr(f"{number // 1000}/{number}.txt", f"note {number}")
                refused += 1
                continue
            which = number - 1 if number % 10 == 8 else number
            seen.add(which)
            archive.writestr(f"{number // 1000}/{number}.pdf", numbered(template, which))
    return Made(members, len(seen), refused, path.stat().st_size)
