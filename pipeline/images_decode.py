"""Decode one frame of an image file to RGB within a fixed amount of memory.

Sizes are checked on the header, before any pixel is decoded. What is larger than an engine will ever look at
is reduced while decoding (JPEG) or band by band right after it.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, UnidentifiedImageError

from schemas.errors import DocumentUnreadable

MAX_DECODED_BYTES = 900 << 20
"""The largest frame decoded whole: 235 megapixels in colour (A0 at 300 dpi has 140), 940 in grey or 1 bit."""

MAX_SIDE = 65_535
_WORKING_PIXELS = 24_000_000
"""Frames are reduced by whole factors to no less than this; the largest budget of any engine is below it."""

_BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_BAND_PIXELS = 4_000_000

# Of the header check only: what the decoder may allocate is decided by `check_size`, in bytes.
_PILLOW_LIMIT = 700_000_000

_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    ArithmeticError,
)
"""What Pillow's decoders raise on damaged files (its own UnidentifiedImageError is an OSError)."""


@contextmanager
def image_errors(code: str, what: str) -> Iterator[None]:
    """Whatever Pillow raises inside becomes ``code``; its warnings about odd metadata are of no use here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = _PILLOW_LIMIT
        try:
            yield
        except Image.DecompressionBombError as error:
            raise DocumentUnreadable("image_too_large", f"{what} has too many pixels") from error
        except UnidentifiedImageError as error:
            raise DocumentUnreadable(code, f"{what} is damaged beyond recognition") from error
        except MemoryError as error:
            raise DocumentUnreadable("image_too_large", f"{what} does not fit into memory") from error
        except _DAMAGE as error:
            raise DocumentUnreadable(code, f"{what} cannot be decoded ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text[:120] if "/" not in text else type(error).__name__


def check_size(image: Image.Image, what: str) -> None:
    """Refuse a frame whose decoding would not fit, judged by its header alone."""
    width, height = image.size
    if width < 1 or height < 1:
        raise DocumentUnreadable("page_corrupt", f"{what} has no pixels")
    needed = width * height * _BYTES_PER_PIXEL.get(image.mode, 4)
    if image.format == "JPEG":
        needed = _jpeg_bytes(image)
    elif image.format in ("WEBP", "HEIF"):
        needed *= 2  # their libraries decode into planes of their own first
    if needed > MAX_DECODED_BYTES or max(width, height) > MAX_SIDE:
        raise DocumentUnreadable(
            "image_too_large",
            f"{what} has {width} x {height} pixels; decoding it takes {needed >> 20} MiB, "
            f"{MAX_DECODED_BYTES >> 20} are allowed",
        )


def _jpeg_bytes(image: Image.Image) -> int:
    """JPEG is decoded at up to an eighth of its size, but a progressive one keeps all coefficients."""
    width, height = image.size
    reduced = width * height // draft_factor(width, height) ** 2
    coefficients = width * height * len(image.getbands()) * 2 if image.info.get("progressive") else 0
    return reduced * 4 + coefficients


def draft_factor(width: int, height: int) -> int:
    """By how much libjpeg may shrink while decoding and still leave the working size: 1, 2, 4 or 8."""
    factor = math.sqrt(width * height / _WORKING_PIXELS)
    return next((step for step in (8, 4, 2) if factor >= step), 1)


def decode(image: Image.Image) -> Image.Image:
    """The current frame in RGB or L, reduced to the working size; transparency becomes paper."""
    if image.format == "JPEG":
        factor = draft_factor(*image.size)
        if factor > 1:
            image.draft(image.mode, (image.width // factor, image.height // factor))
    image.load()
    factor = max(1, math.isqrt(image.width * image.height // _WORKING_PIXELS))
    if factor == 1:
        return plain(image)
    return reduced(image, factor)


def reduced(image: Image.Image, factor: int, band_pixels: int = _BAND_PIXELS) -> Image.Image:
    """Convert and shrink band by band: a whole second copy of a large frame is never held."""
    width, height = math.ceil(image.width / factor), math.ceil(image.height / factor)
    rows = max(1, band_pixels // image.width // factor) * factor
    result: Image.Image | None = None
    for top in range(0, image.height, rows):
        band = plain(image.crop((0, top, image.width, min(top + rows, image.height)))).reduce(factor)
        if result is None:
            result = Image.new(band.mode, (width, height))
        result.paste(band, (0, top // factor))
    assert result is not None
    return result


def plain(image: Image.Image) -> Image.Image:
    """RGB or L, whatever the mode: 1 bit, palette, 16 and 32 bit, CMYK, Lab, alpha."""
    if image.mode in ("RGB", "L"):
        if "transparency" not in image.info:
            return image
        image = image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _on_paper(image.convert("RGBA"))
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale by the depth really used: 12-bit scans come in 16-bit files, floats in 0..1 or any range."""
    values = np.asarray(image)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
    top = float(values.max(initial=0))
    low = min(0.0, float(values.min(initial=0)))
    ceiling = next((limit for limit in (1.0, 255.0, 4095.0, 65535.0) if top <= limit), top)
    if ceiling == 1.0 and values.dtype.kind != "f":
        ceiling = 255.0
    scaled = (values - low) * (255.0 / max(ceiling - low, 1e-9))
    return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))


def _on_paper(image: Image.Image) -> Image.Image:
    """Over white; over black where white would swallow what is drawn (white lettering on nothing)."""
    for colour in ("white", "black"):
        paper = Image.new("RGB", image.size, colour)
        paper.paste(image, mask=image.getchannel("A"))
        low, high = paper.convert("L").getextrema()
        if float(high) - float(low) > 24:  # type: ignore[arg-type]  # one band: two numbers
            return paper
    return Image.new("RGB", image.size, "white")
