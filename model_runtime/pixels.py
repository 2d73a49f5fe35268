"""The step that decodes a page image for a model in this process; it runs in the cage."""
# ruff: noqa: PLC0415  # whoever only names the step need not load a decoder

from pipeline.orders import PageImage


def rgb(image: PageImage) -> bytes:
    """Rows of red, green and blue, three bytes a pixel. Raises `DocumentUnreadable`."""
    import io

    from PIL import Image

    from schemas.errors import DocumentUnreadable

    try:
        with Image.open(io.BytesIO(image.data), formats=("PNG", "JPEG")) as opened:
            pixels = opened.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        raise DocumentUnreadable("page_image_broken", "the page image cannot be decoded") from None
    if pixels.size != (image.width, image.height):
        raise DocumentUnreadable("page_image_broken", "the page image has another size than it should")
    return pixels.tobytes()
