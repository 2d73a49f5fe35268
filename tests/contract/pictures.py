"""Small page images for tests of engines."""

import io

from PIL import Image, ImageDraw, ImageFont

from pipeline.orders import PageImage


def picture(width: int = 280, height: int = 140, text: str = "", media_type: str = "image/png") -> PageImage:
    """A white image with a few lines of text."""
    image = Image.new("RGB", (width, height), "white")
    if text:
        font = ImageFont.load_default(18)
        ImageDraw.Draw(image).multiline_text((6, 6), text, fill="black", font=font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG" if media_type == "image/png" else "JPEG")
    return PageImage(buffer.getvalue(), media_type, width, height)
