"""Open documents, whatever their kind, and keep the last ones open between the pages of a chunk."""

import atexit
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from pipeline import sniff
from pipeline.images import ImageDocument, ImagePage
from pipeline.orders import Geometry, SourceFile
from pipeline.raster_pdf import PdfDocument, PdfPage
from schemas.errors import DocumentUnreadable
from schemas.geometry import Box

_KEPT_OPEN = 2

Document = PdfDocument | ImageDocument
Page = PdfPage | ImagePage

# One per child process: opening a large PDF costs more than drawing one of its pages.
_open: OrderedDict[tuple[str, int, int, str | None], Document] = OrderedDict()


class Drawable(Protocol):
    """What probes and budget need of a page, whatever it comes from."""

    geometry: Geometry

    def picture(self, width: int, height: int) -> Image.Image: ...

    def part(self, box: Box, width: int, height: int) -> Image.Image: ...

    def grey(self, width: int, height: int) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]": ...


def open_document(source: SourceFile) -> Document:
    """The open document, from the cache when this process had it before; never close it yourself."""
    try:
        status = Path(source.path).stat()
    except OSError as error:
        raise DocumentUnreadable("document_corrupt", "the file is not there any more") from error
    key = (source.path, status.st_mtime_ns, status.st_size, source.password)
    document = _open.get(key)
    if document is None:
        while len(_open) >= _KEPT_OPEN:
            _open.popitem(last=False)[1].close()
        document = _open[key] = _opened(source)
    _open.move_to_end(key)
    return document


def open_page(source: SourceFile, number: int) -> Page:
    """One page of a document. Raises `DocumentUnreadable` with ``page_out_of_range`` or ``page_corrupt``."""
    document = open_document(source)
    if not 1 <= number <= document.page_count:
        raise DocumentUnreadable("page_out_of_range", f"page {number} of {document.page_count}")
    return document.page(number)


@atexit.register
def close_all() -> None:
    """Let go of every open file (tests, and a child about to rest)."""
    while _open:
        _open.popitem()[1].close()


def _opened(source: SourceFile) -> Document:
    if source.media_type == sniff.PDF:
        return PdfDocument(source.path, source.password)
    if source.media_type in sniff.MEDIA_TYPES:
        return ImageDocument(source.path, source.media_type)
    raise DocumentUnreadable("unsupported_media_type", f"{source.media_type} is not a type that is read")
