"""Decodes page images into pixel arrays."""

import io
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from schemas.errors import DocumentUnreadable

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, blue-green-red: what the models were trained on."""

Quad = npt.NDArray[np.float32]
"""Four corners (x, y) of a text line: top left, top right, bottom right, bottom left as one reads it."""

Turn = Literal[0, 90, 180, 270]

MAX_PIXELS = 64_000_000  # nothing beyond it is a page image of ours; decoders must not fill memory


def decode(data: bytes) -> Pixels:
    """The image as pixels; transparency is laid on white paper."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DocumentUnreadable("page_image_too_large", "The page image has too many pixels.")
            rgb = np.asarray(_on_paper(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DocumentUnreadable("page_image_broken", "The page image could not be decoded.") from error
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _on_paper(image: Image.Image) -> Image.Image:
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def turned(pixels: Pixels, degrees: Turn) -> Pixels:
    """Turned clockwise."""
    return np.ascontiguousarray(np.rot90(pixels, k=-degrees // 90)) if degrees else pixels


def unturned(points: Quad, degrees: Turn, width: float, height: float) -> Quad:
    """Points on a page that was turned clockwise, back on the page of ``width`` x ``height`` as it was."""
    x, y = points[:, 0], points[:, 1]
    if degrees == 90:
        x, y = y, height - x
    elif degrees == 180:
        x, y = width - x, height - y
    elif degrees == 270:
        x, y = width - y, x
    return np.stack([x, y], axis=1).astype(np.float32)


def crop(pixels: Pixels, quad: Quad, height: int | None = None) -> Pixels:
    """The content of a quad, straightened; as high as it is, or as asked.

    Straightening and resizing are one step: two blur small print enough to cost a point of word accuracy.
    """
    long = max(_length(quad[0], quad[1]), _length(quad[3], quad[2]))
    high = max(1.0, _length(quad[0], quad[3]), _length(quad[1], quad[2]))
    width, height = max(1, round(long * (height or high) / high)), height or round(high)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(quad, target)
    warped = cv2.warpPerspective(
        pixels, matrix, (width, height), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, dtype=np.uint8)


def _length(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    return float(np.hypot(*(b - a)))
