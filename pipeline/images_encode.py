"""Encode a page image: JPEG for photographs and scans, PNG for clean pages while that stays small."""

import io

import numpy as np
from PIL import Image

from pipeline.orders import PageImage

_JPEG_QUALITY = 90
_PNG_MAX_PIXELS = 2_000_000
_JPEG_MAX_SIDE = 65_500
_FLAT_SHARE = 0.6
"""Where so many pixels equal their right-hand neighbour the page is line art: exact and small as PNG."""


def encode(image: Image.Image) -> PageImage:
    """``image`` (RGB or L) as JPEG or PNG, in grey when it holds no colour."""
    pixels = np.asarray(image)
    if pixels.ndim == 3 and _is_grey(pixels):
        pixels = np.ascontiguousarray(pixels[:, :, 1])
        image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    small = image.width * image.height <= _PNG_MAX_PIXELS
    if (small and _is_flat(pixels)) or max(image.size) > _JPEG_MAX_SIDE:
        image.save(buffer, "PNG", compress_level=1)
        media_type = "image/png"
    else:
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        media_type = "image/jpeg"
    return PageImage(buffer.getvalue(), media_type, image.width, image.height)


def _is_grey(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bool:
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    return bool(np.array_equal(red, green) and np.array_equal(green, blue))


def _is_flat(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bool:
    sample = pixels[::4] if pixels.ndim == 2 else pixels[::4, :, 1]
    return sample.shape[1] > 1 and float(np.mean(sample[:, 1:] == sample[:, :-1])) >= _FLAT_SHARE
