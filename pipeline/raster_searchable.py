"""Lays invisible words over the pages of a PDF, or of pictures put into one, so that it can be searched.

The pages themselves are not touched: words are one more content stream each, in a font that draws nothing,
whose codes are UTF-16 and mean themselves. Runs in the cage, some pages at a time.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from unicodedata import bidirectional

import pymupdf

from pipeline.orders import PageWords, Picture, SourceFile
from pipeline.raster_errors import VENDOR_ERRORS, page_errors, public_reason, quiet
from schemas.errors import DocumentUnreadable
from schemas.geometry import Box

_FONT = "QuireWords"
_WIDTH = 0.5  # of the type size: how wide the font says that every character is
_TO_UNICODE = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def /CMapType 2 def
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange
endcmap CMapName currentdict /CMap defineresource pop end end"""


def begin(source: SourceFile, target: str, numbers: Sequence[int] | None = None) -> None:
    """A copy of a PDF that can be added to: not encrypted, its structure whole.

    ``numbers``: of these pages only, with nothing in its file of what the others showed.
    """
    quiet()
    try:
        with pymupdf.open(source.path, filetype="pdf") as document:
            if document.needs_pass and not document.authenticate(source.password or ""):
                raise DocumentUnreadable("password_required", "its password was erased when its run ended")
            if numbers is not None:
                document.select([number - 1 for number in numbers])
            garbage = 0 if numbers is None else 3
            document.save(target, encryption=pymupdf.PDF_ENCRYPT_NONE, garbage=garbage)
    except VENDOR_ERRORS as error:
        raise DocumentUnreadable("document_corrupt", public_reason(error)) from error


def add_words(target: str, pages: Sequence[PageWords]) -> None:
    """Lay words over pages of a PDF made by `begin` or `add_pictures`."""
    quiet()
    with _adding(target) as document:
        font = _font(document)
        for words in pages:
            with page_errors(words.number):
                _over(document, document[words.number - 1], words, font)


def add_pictures(target: str, pictures: Sequence[Picture]) -> None:
    """Pages of a new PDF, or more of them, each a picture."""
    quiet()
    fresh = not Path(target).exists()
    document = pymupdf.open() if fresh else pymupdf.open(target)
    try:
        for picture in pictures:
            page = document.new_page(width=picture.width, height=picture.height)
            page.insert_image(page.rect, filename=picture.path)
        document.save(target) if fresh else document.saveIncr()
    except VENDOR_ERRORS as error:
        raise DocumentUnreadable("page_corrupt", public_reason(error)) from error
    finally:
        document.close()


class _adding:  # noqa: N801  # reads as the context it is
    """An open PDF whose additions are appended to its file."""

    def __init__(self, target: str) -> None:
        self._target = target

    def __enter__(self) -> pymupdf.Document:
        try:
            self._document = pymupdf.open(self._target, filetype="pdf")
        except VENDOR_ERRORS as error:
            raise DocumentUnreadable("document_corrupt", public_reason(error)) from error
        return self._document

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self._document.saveIncr()
        finally:
            self._document.close()


def _font(document: pymupdf.Document) -> int:
    """The number of the font's object, made once in a file."""
    catalogue = document.pdf_catalog()
    kind, known = document.xref_get_key(catalogue, _FONT)
    if kind == "xref":
        return int(known.split()[0])
    descriptor, child, unicode, font = (document.get_new_xref() for _ in range(4))
    document.update_object(
        descriptor,
        f"<</Type/FontDescriptor/FontName/{_FONT}/Flags 5/FontBBox[0 0 500 1000]/ItalicAngle 0"
        "/Ascent 1000/Descent -1/CapHeight 1000/StemV 80>>",
    )
    document.update_object(
        child,
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont/{_FONT}/DW {round(1000 * _WIDTH)}/CIDToGIDMap/Identity"
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        f"/FontDescriptor {descriptor} 0 R>>",
    )
    document.update_object(unicode, "<<>>")
    document.update_stream(unicode, _TO_UNICODE)
    document.update_object(
        font,
        f"<</Type/Font/Subtype/Type0/BaseFont/{_FONT}/Encoding/Identity-H/DescendantFonts[{child} 0 R]"
        f"/ToUnicode {unicode} 0 R>>",
    )
    document.xref_set_key(catalogue, _FONT, f"{font} 0 R")
    return int(font)


def _over(document: pymupdf.Document, page: pymupdf.Page, words: PageWords, font: int) -> None:
    if not words.words:
        return
    page.wrap_contents()  # whatever the page does to the matrix ends with it
    _name_font(document, page, font)
    stream = document.get_new_xref()
    document.update_object(stream, "<<>>")
    drawn = "".join(_drawn(page, words))
    document.update_stream(stream, f"q BT 3 Tr\n{drawn}ET Q\n".encode("ascii"))
    held = [f"{xref} 0 R" for xref in [*page.get_contents(), stream]]
    document.xref_set_key(page.xref, "Contents", f"[{' '.join(held)}]")


def _name_font(document: pymupdf.Document, page: pymupdf.Page, font: int) -> None:
    """In the page's own resources; those it inherits become its own."""
    owner = page.xref
    kind, text = document.xref_get_key(owner, "Resources")
    while kind == "null":
        parent_kind, parent = document.xref_get_key(owner, "Parent")
        if parent_kind != "xref":
            text = "<<>>"
            break
        owner = int(parent.split()[0])
        kind, text = document.xref_get_key(owner, "Resources")
    if owner != page.xref:
        document.xref_set_key(page.xref, "Resources", text)
    _put(document, page.xref, ("Resources", "Font", _FONT), f"{font} 0 R")


def _put(document: pymupdf.Document, xref: int, path: Sequence[str], value: str) -> None:
    """Set a key however many of the dictionaries on the way are objects of their own."""
    inside = ""
    for step in path[:-1]:
        kind, text = document.xref_get_key(xref, inside + step)
        if kind == "xref":
            xref, inside = int(text.split()[0]), ""
        else:
            inside += f"{step}/"
    document.xref_set_key(xref, inside + path[-1], value)


def _drawn(page: pymupdf.Page, words: PageWords) -> Iterator[str]:
    scale = page.rect.width / words.width if words.width else 1.0
    place = page.derotation_matrix * ~page.transformation_matrix
    for text, box in words.words:
        codes = _codes(text)
        start, along, up = (pymupdf.Point(*point) * scale for point in _corners(box, words.turn))
        start, along, up = (point * place for point in (start, along, up))
        length, height = abs(along - start), abs(up - start)
        if not codes or length <= 0 or height <= 0:
            continue
        a, c = (along - start) / length, (up - start) / height
        stretch = 100 * length / (len(codes) / 4 * _WIDTH * height)
        matrix = " ".join(f"{value:.4f}" for value in (a.x, a.y, c.x, c.y, start.x, start.y))
        yield f"/{_FONT} {height:.3f} Tf {stretch:.3f} Tz {matrix} Tm <{codes}> Tj\n"


_Corner = tuple[float, float]


def _corners(box: Box, turn: int) -> tuple[_Corner, _Corner, _Corner]:
    """Where the word begins, where it ends, and above its beginning, as it reads."""
    x0, y0, x1, y1 = box
    ways = {
        0: ((x0, y1), (x1, y1), (x0, y0)),
        90: ((x1, y1), (x1, y0), (x0, y1)),
        180: ((x1, y0), (x0, y0), (x1, y1)),
        270: ((x0, y0), (x0, y1), (x1, y0)),
    }
    return ways.get(turn % 360, ways[0])


def _codes(text: str) -> str:
    """UTF-16 in the order in which it is seen: readers turn right-to-left words around themselves."""
    text = text.replace("\x00", "")
    if any(bidirectional(char) in ("R", "AL") for char in text) and not any(
        bidirectional(char) in ("L", "EN", "AN") for char in text
    ):
        text = text[::-1]
    return text.encode("utf-16-be", "replace").hex()
