"""Open PDFs and draw their pages: the one place that renders with MuPDF."""

import contextlib

import numpy as np
import pymupdf
from PIL import Image

from pipeline.orders import Geometry
from pipeline.raster_errors import VENDOR_ERRORS, forget_messages, losses, page_errors, public_reason, quiet
from schemas.errors import DocumentUnreadable
from schemas.geometry import Box
from schemas.page import Unit

_EMPTY_STORE_AFTER = 16
"""MuPDF keeps up to 256 MiB of decoded images and fonts; this many text pages share what is kept."""

_REOPEN_AFTER = 400
"""MuPDF keeps every object it has parsed for as long as the document is open; reopening keeps memory flat."""

_COVERS_PAGE = 0.5
"""An image over this share of the page makes it a scan."""


class PdfPage:
    """One page of an open PDF, drawn on demand; its display list is made once."""

    def __init__(self, page: pymupdf.Page, number: int) -> None:
        self.page = page
        self.number = number
        with page_errors(number):
            rect = page.rect
            self.geometry = _geometry(rect, page.rotation, number)
            self._list: pymupdf.DisplayList | None = None

    def picture(self, width: int, height: int) -> Image.Image:
        """The page in RGB at exactly ``width`` x ``height`` pixels."""
        with page_errors(self.number):
            pixmap = self._pixmap(width, height, pymupdf.csRGB)
            image = Image.frombuffer(
                "RGB", (pixmap.width, pixmap.height), pixmap.samples_mv, "raw", "RGB", pixmap.stride, 1
            )
        return _exactly(image, width, height)

    def part(self, box: Box, width: int, height: int) -> Image.Image:
        """What stands in a box of the page (its unit), in RGB at exactly ``width`` x ``height`` pixels."""
        with page_errors(self.number):
            listed = self._displayed()
            x0, y0 = listed.rect.x0, listed.rect.y0
            clip = pymupdf.Rect(box[0] + x0, box[1] + y0, box[2] + x0, box[3] + y0)
            matrix = pymupdf.Matrix(width / clip.width, height / clip.height)
            pixmap = listed.get_pixmap(matrix=matrix, colorspace=pymupdf.csRGB, alpha=0, clip=clip)
            image = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
        return _exactly(image, width, height)

    def grey(self, width: int, height: int) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
        """The page in grey, about ``width`` x ``height`` pixels."""
        with page_errors(self.number):
            pixmap = self._pixmap(width, height, pymupdf.csGRAY)
            flat = np.frombuffer(pixmap.samples_mv, dtype=np.uint8)
        return flat.reshape(pixmap.height, pixmap.stride)[:, : pixmap.width].copy()

    def native_scale(self) -> float | None:
        """Pixels per point of the image that covers the page; None when no single image does."""
        with page_errors(self.number):
            infos = self.page.get_image_info()
        page_area = self.geometry.width * self.geometry.height
        best = None
        for info in infos:
            box = pymupdf.Rect(info["bbox"])
            covered = abs(box & self.page.rect * self.page.derotation_matrix)
            if covered >= _COVERS_PAGE * page_area and abs(box) > 0:
                scale = float((info["width"] * info["height"] / abs(box)) ** 0.5)
                best = max(best or 0.0, scale)
        return best

    def draws_nothing(self) -> bool:
        """True when the page has no content at all: nothing to draw, whatever the resolution."""
        with page_errors(self.number):
            if any(self.page.annots()) or any(self.page.widgets()):
                return False
            if self._has_no_stream():
                forget_messages()  # an empty compressed stream makes MuPDF complain of missing data
                return True
            return not self.page.get_bboxlog() and not losses()

    def _has_no_stream(self) -> bool:
        document = self.page.parent
        return not any(document.xref_stream_raw(xref) for xref in self.page.get_contents())

    def losses(self) -> list[str]:
        return losses()

    def _pixmap(self, width: int, height: int, colours: pymupdf.Colorspace) -> pymupdf.Pixmap:
        listed = self._displayed()
        matrix = pymupdf.Matrix(width / listed.rect.width, height / listed.rect.height)
        return listed.get_pixmap(matrix=matrix, colorspace=colours, alpha=0)

    def _displayed(self) -> pymupdf.DisplayList:
        if self._list is None:
            self._list = self.page.get_displaylist(annots=1)
        return self._list


class PdfDocument:
    """An open PDF.

    Raises `DocumentUnreadable`: document_corrupt, password_required, password_wrong,
    encryption_unsupported, no_pages.
    """

    def __init__(self, path: str, password: str | None) -> None:
        quiet()
        self._path, self._password = path, password
        self._loaded = 0
        self._document = _open(path, password)
        self.repaired = bool(self._document.is_repaired)
        self.page_count = _count(self._document)

    def page(self, number: int) -> PdfPage:
        self._recycle()
        forget_messages()
        with page_errors(number):
            page = self._document.load_page(number - 1)
        return PdfPage(page, number)

    def close(self) -> None:
        with contextlib.suppress(*VENDOR_ERRORS):
            self._document.close()
        pymupdf.TOOLS.store_shrink(100)

    def _recycle(self) -> None:
        self._loaded += 1
        if self._loaded % _REOPEN_AFTER == 0:
            self.close()
            self._document = _open(self._path, self._password)
        elif self._loaded % _EMPTY_STORE_AFTER == 0:
            pymupdf.TOOLS.store_shrink(100)


def _open(path: str, password: str | None) -> pymupdf.Document:
    try:
        document = pymupdf.open(path, filetype="pdf")
    except VENDOR_ERRORS as error:
        raise DocumentUnreadable(
            "document_corrupt", f"this PDF cannot be opened ({public_reason(error)})"
        ) from error
    if not document.is_pdf:  # MuPDF goes by content: HTML with %PDF inside would be laid out as HTML
        raise DocumentUnreadable("document_corrupt", "this file announces a PDF but holds something else")
    if document.needs_pass:
        _unlock(document, password)
    return document


def _unlock(document: pymupdf.Document, password: str | None) -> None:
    if password is None:
        raise DocumentUnreadable("password_required", "this PDF is encrypted; send its password")
    try:
        accepted = document.authenticate(password)
    except VENDOR_ERRORS as error:
        raise DocumentUnreadable(
            "encryption_unsupported", f"this PDF's encryption is not supported ({public_reason(error)})"
        ) from error
    if not accepted:
        raise DocumentUnreadable("password_wrong", "this PDF does not open with the password sent")


def _count(document: pymupdf.Document) -> int:
    try:
        count = int(document.page_count)
    except VENDOR_ERRORS as error:
        raise DocumentUnreadable(
            "document_corrupt", f"the page tree of this PDF is broken ({public_reason(error)})"
        ) from error
    if count < 1:
        repaired = " (it is damaged, and no page could be recovered)" if document.is_repaired else ""
        raise DocumentUnreadable("no_pages", f"this PDF has no pages{repaired}")
    return count


def _geometry(rect: pymupdf.Rect, rotation: int, number: int) -> Geometry:
    if not (0 < rect.width < 1e6 and 0 < rect.height < 1e6):
        raise DocumentUnreadable("page_corrupt", f"page {number} has no area")
    return Geometry(Unit.POINT, round(rect.width, 3), round(rect.height, 3), rotation % 360)


def _exactly(image: Image.Image, width: int, height: int) -> Image.Image:
    """Rounding of the page box may leave one row or column too many or too few."""
    if image.size == (width, height):
        return image
    exact = Image.new("RGB", (width, height), "white")
    exact.paste(image, (0, 0))
    return exact
