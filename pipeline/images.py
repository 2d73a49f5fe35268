"""Image files as documents: every frame is a page, seen as its EXIF orientation says."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import ExifTags, Image

from pipeline import sniff
from pipeline.images_decode import check_size, decode, image_errors
from pipeline.orders import Geometry
from schemas.errors import DocumentUnreadable
from schemas.geometry import Box, scaled
from schemas.page import Unit

_FORMATS = {
    sniff.PNG: ("PNG",),
    sniff.JPEG: ("JPEG",),
    sniff.TIFF: ("TIFF",),
    sniff.WEBP: ("WEBP",),
    sniff.BMP: ("BMP",),
    sniff.GIF: ("GIF",),
    sniff.HEIC: ("HEIF",),
}

_MANY_FRAMES = frozenset({sniff.TIFF, sniff.WEBP, sniff.GIF, sniff.HEIC})

_TURNS = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180),
    5: (Image.Transpose.TRANSPOSE, 90),
    6: (Image.Transpose.ROTATE_270, 90),
    7: (Image.Transpose.TRANSVERSE, 270),
    8: (Image.Transpose.ROTATE_90, 270),
}
"""EXIF orientation: how to turn the pixels, and that turn in degrees clockwise."""

_NEW_SUBFILE_TYPE = 254
_REDUCED_COPY = 1

_MAX_STRETCH = 4.0
"""Fax scans have twice the resolution in one direction; beyond this the claim is nonsense."""


class ImagePage:
    """One decoded frame. ``geometry`` is in the file's own pixels even where decoding reduced them."""

    def __init__(self, image: Image.Image, geometry: Geometry, number: int, stretch: float) -> None:
        self._image = image
        self.geometry = geometry
        self.number = number
        self.stretch = stretch

    def picture(self, width: int, height: int) -> Image.Image:
        """The page in RGB (or L) at exactly ``width`` x ``height`` pixels."""
        with image_errors("page_corrupt", f"page {self.number}"):
            if self._image.size == (width, height):
                return self._image
            return self._image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)

    def part(self, box: Box, width: int, height: int) -> Image.Image:
        """What stands in a box of the page, at exactly ``width`` x ``height`` pixels."""
        with image_errors("page_corrupt", f"page {self.number}"):
            # Decoding may have reduced the frame; the geometry is that of the file.
            sx, sy = self._image.width / self.geometry.width, self._image.height / self.geometry.height
            inside = scaled(box, sx, sy)
            within = (
                max(0.0, inside[0]),
                max(0.0, inside[1]),
                min(float(self._image.width), inside[2]),
                min(float(self._image.height), inside[3]),
            )
            return self._image.resize((width, height), Image.Resampling.LANCZOS, box=within, reducing_gap=3.0)

    def grey(self, width: int, height: int) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
        with image_errors("page_corrupt", f"page {self.number}"):
            grey = self._image.convert("L")
            if grey.size != (width, height):
                grey = grey.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
            return np.asarray(grey)

    def native_scale(self) -> float | None:
        return 1.0

    def draws_nothing(self) -> bool:
        return False

    def losses(self) -> list[str]:
        return []


class ImageDocument:
    """An open image file. Raises `DocumentUnreadable`: document_corrupt, image_too_large."""

    repaired = False

    def __init__(self, path: str, media_type: str) -> None:
        if media_type == sniff.HEIC:
            pillow_heif.register_heif_opener()
        self._media_type = media_type
        self._last = -1
        # Pillow leaves files open that it cannot read; this one is closed by us alone.
        self._bytes = Path(path).open("rb")  # noqa: SIM115  # lives as long as this document; see close()
        try:
            with image_errors("document_corrupt", "this image"):
                self._file = self._fresh()
                self._frames = _frames(self._file, media_type)
                self._file.seek(0)
        except DocumentUnreadable:
            self._bytes.close()
            raise
        self.page_count = len(self._frames)

    def page(self, number: int) -> ImagePage:
        what = f"page {number}"
        with image_errors("page_corrupt", what):
            self._seek(self._frames[number - 1])
            check_size(self._file, what)
            size, turn = self._file.size, self._turn()
            dpi = _dpi(self._file.info)
            decoded = decode(self._file)
            if turn is not None and self._file.format != "TIFF":  # Pillow turns TIFF itself, size included
                decoded = decoded.transpose(turn[0])
                size = (size[1], size[0]) if turn[1] in (90, 270) else size
        stretch = 1.0
        if dpi is not None and 1 / _MAX_STRETCH < dpi[0] / dpi[1] < _MAX_STRETCH:
            sideways = turn is not None and turn[1] in (90, 270)
            stretch = dpi[1] / dpi[0] if sideways else dpi[0] / dpi[1]
        geometry = Geometry(
            Unit.PIXEL,
            float(size[0]),
            float(size[1]),
            turn[1] if turn else 0,
            round(math.sqrt(dpi[0] * dpi[1]), 2) if dpi else None,
        )
        return ImagePage(decoded, geometry, number, stretch)

    def close(self) -> None:
        self._file.close()
        self._bytes.close()

    def _fresh(self) -> Image.Image:
        self._bytes.seek(0)
        return Image.open(self._bytes, formats=_FORMATS[self._media_type])

    def _seek(self, frame: int) -> None:
        """Decoding changes an image in place (its size, its orientation tag): never decode one twice."""
        if frame <= self._last:
            self._file = self._fresh()
        self._file.seek(frame)
        self._last = frame

    def _turn(self) -> tuple[Image.Transpose, int] | None:
        try:
            orientation = self._file.getexif().get(ExifTags.Base.Orientation)
        except Exception:  # noqa: BLE001  # EXIF is written by anyone; a broken one says nothing
            return None
        return _TURNS.get(orientation) if isinstance(orientation, int) else None


def _frames(image: Image.Image, media_type: str) -> list[int]:
    """The frames that are pages; TIFF files may carry reduced copies of their pages beside them."""
    count = int(getattr(image, "n_frames", 1)) if media_type in _MANY_FRAMES else 1
    if media_type != sniff.TIFF or count == 1:
        return list(range(count))
    pages = []
    for index in range(count):
        image.seek(index)
        tags: Any = getattr(image, "tag_v2", {})
        if not int(tags.get(_NEW_SUBFILE_TYPE, 0)) & _REDUCED_COPY:
            pages.append(index)
    return pages or [0]


def _dpi(info: dict[Any, Any]) -> tuple[float, float] | None:
    """The resolution a file claims, if it is one that a scanner or camera could mean."""
    try:
        x, y = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 10 <= x <= 10_000 and 10 <= y <= 10_000 else None
