"""Image files as documents: frames, orientation, odd modes, limits checked before decoding, damage."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from pipeline.images import ImageDocument, ImagePage
from pipeline.images_decode import reduced
from pipeline.sniff import sniff
from schemas.errors import DocumentUnreadable
from schemas.page import Unit

RED, WHITE = (255, 0, 0), (255, 255, 255)


def marked(
    size: tuple[int, int] = (60, 40), colour: Any = RED, mode: str = "RGB", paper: Any = "white"
) -> Image.Image:
    """Paper with its top left quarter coloured."""
    image = Image.new(mode, size, paper)
    image.paste(colour, (0, 0, size[0] // 2, size[1] // 2))
    return image


def saved(folder: Path, image: Image.Image, form: str, **options: Any) -> Path:
    path = folder / f"file.{form.lower()}"
    image.save(path, form, **options)
    return path


Opener = Callable[[Path], ImageDocument]


@pytest.fixture
def opened() -> Iterator[Opener]:
    with ExitStack() as stack:

        def opener(path: Path) -> ImageDocument:
            document = ImageDocument(str(path), sniff(path.read_bytes()[:1200]))
            stack.callback(document.close)
            return document

        yield opener


def seen(page: ImagePage, width: int = 60, height: int = 40) -> Image.Image:
    return page.picture(width, height).convert("RGB")


def corner(picture: Image.Image) -> str:
    """Which quarter of the picture is coloured."""
    width, height = picture.size
    names = {(0, 0): "top left", (1, 0): "top right", (0, 1): "bottom left", (1, 1): "bottom right"}
    dark = {
        name: np.asarray(
            picture.convert("L").crop(
                (x * width // 2 + 3, y * height // 2 + 3, (x + 1) * width // 2 - 3, (y + 1) * height // 2 - 3)
            )
        ).mean()
        for (x, y), name in names.items()
    }
    return min(dark, key=lambda name: dark[name])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "HEIF"])
def test_every_format_opens_as_one_page_in_pixels(form: str, opened: Opener, tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    document = opened(saved(tmp_path, marked(), form))
    page = document.page(1)
    assert document.page_count == 1
    assert (page.geometry.unit, page.geometry.width, page.geometry.height) == (Unit.PIXEL, 60, 40)
    assert corner(seen(page)) == "top left"


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, ((60, 40), "top left", 0)),
        (2, ((60, 40), "top right", 0)),
        (3, ((60, 40), "bottom right", 180)),
        (4, ((60, 40), "bottom left", 180)),
        (5, ((40, 60), "top left", 90)),
        (6, ((40, 60), "top right", 90)),
        (7, ((40, 60), "bottom right", 270)),
        (8, ((40, 60), "bottom left", 270)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_turns_picture_and_size(
    form: str, orientation: int, expected: tuple[tuple[int, int], str, int], opened: Opener, tmp_path: Path
) -> None:
    size, where, rotation = expected
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"tiffinfo": {0x0112: orientation}} if form == "TIFF" else {"exif": exif}
    document = opened(saved(tmp_path, marked(), form, **options))
    for _ in range(2):  # decoding changes Pillow's images in place; a second look must not turn again
        page = document.page(1)
        assert (page.geometry.width, page.geometry.height) == size
        assert page.geometry.rotation == rotation
        assert corner(seen(page, *size)) == where


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP"])
def test_frames_are_pages_in_any_order(form: str, opened: Opener, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    path = saved(tmp_path, frames[0], form, save_all=True, append_images=frames[1:], **options)
    document = opened(path)
    assert document.page_count == 3
    for number in (3, 1, 2, 2, 3):
        expected = [(255, 0, 0), (0, 255, 0), (0, 0, 255)][number - 1]
        assert seen(document.page(number), 20, 20).getpixel((10, 10)) == expected


def test_tiff_pages_may_differ_in_size_and_thumbnails_are_no_pages(opened: Opener, tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    small = Image.new("L", (10, 10), 200)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    second = Image.new("L", (30, 50), 100)
    second.encoderinfo = {"tiffinfo": {254: 0}}
    Image.new("L", (40, 20), 0).save(path, save_all=True, append_images=[small, second])
    document = opened(path)
    assert document.page_count == 2
    assert [document.page(n).geometry.width for n in (1, 2)] == [40, 30]


@pytest.mark.parametrize(
    ("mode", "form", "ink", "paper"),
    [
        ("1", "PNG", 0, 1),
        ("1", "TIFF", 0, 1),
        ("L", "PNG", 0, 255),
        ("P", "GIF", 0, 255),
        ("I;16", "PNG", 0, 65535),
        ("I;16", "TIFF", 100, 4095),
        ("F", "TIFF", 0.0, 1.0),
        ("CMYK", "JPEG", (0, 255, 255, 0), (0, 0, 0, 0)),
        ("CMYK", "TIFF", (0, 255, 255, 0), (0, 0, 0, 0)),
        ("LA", "PNG", (0, 255), (255, 255)),
        ("RGBA", "PNG", (255, 0, 0, 255), (255, 255, 255, 255)),
    ],
)
def test_every_mode_comes_out_dark_on_white(  # noqa: PLR0917  # a row of the table above
    mode: str, form: str, ink: Any, paper: Any, opened: Opener, tmp_path: Path
) -> None:
    if mode.startswith("I;16"):
        values = np.full((40, 60), paper, np.uint16)
        values[:20, :30] = ink
        image = Image.fromarray(values)
    else:
        image = marked(colour=ink, mode=mode, paper=paper)
        if mode == "P":
            image.putpalette([level for grey in range(256) for level in (grey, grey, grey)])
    picture = seen(opened(saved(tmp_path, image, form)).page(1)).convert("L")
    assert corner(picture) == "top left"
    assert picture.getpixel((50, 35)) >= 250  # type: ignore[operator]  # one band: a number
    assert picture.getpixel((10, 10)) <= 110  # type: ignore[operator]


def test_transparency_becomes_white_paper_unless_that_swallows_the_drawing(
    opened: Opener, tmp_path: Path
) -> None:
    clear = marked(colour=(0, 0, 0, 255), mode="RGBA", paper=(0, 0, 0, 0))
    assert seen(opened(saved(tmp_path, clear, "PNG")).page(1)).getpixel((50, 35)) == WHITE
    white = marked(colour=(255, 255, 255, 255), mode="RGBA", paper=(0, 0, 0, 0))
    picture = seen(opened(saved(tmp_path, white, "PNG")).page(1))
    assert picture.getpixel((10, 10)) == WHITE
    assert picture.getpixel((50, 35)) == (0, 0, 0)


@pytest.mark.parametrize(("claimed", "dpi"), [((300, 300), 300.0), ((1, 1), None), ((72, 72), 72.0)])
def test_resolution_is_reported_but_never_changes_the_unit(
    claimed: tuple[int, int], dpi: float | None, opened: Opener, tmp_path: Path
) -> None:
    geometry = opened(saved(tmp_path, marked(), "PNG", dpi=claimed)).page(1).geometry
    assert (geometry.width, geometry.height) == (60, 40)
    assert geometry.dpi is None if dpi is None else geometry.dpi == pytest.approx(dpi, abs=0.1)


def test_faxes_tell_how_far_their_pixels_are_stretched(opened: Opener, tmp_path: Path) -> None:
    assert opened(saved(tmp_path, marked(), "TIFF", dpi=(204, 98))).page(1).stretch == pytest.approx(
        2.08, abs=0.01
    )


def header_only_png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(3 * width + 1)))


@pytest.mark.parametrize("size", [(35_000, 35_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (70_000, 10)])
def test_images_too_large_to_decode_are_refused_by_their_header(
    size: tuple[int, int], opened: Opener, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(header_only_png(*(min(side, 80_000) for side in size)))
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", *size)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    path.write_bytes(data)
    with pytest.raises(DocumentUnreadable) as refused:
        opened(path).page(1)
    assert refused.value.code == "image_too_large"


def test_large_jpegs_are_reduced_while_decoding(opened: Opener, tmp_path: Path) -> None:
    path = saved(tmp_path, marked((8_000, 14_000), mode="L", colour=0), "JPEG", quality=50)
    page = opened(path).page(1)
    assert (page.geometry.width, page.geometry.height) == (8_000, 14_000)
    assert corner(seen(page, 400, 700)) == "top left"
    assert page._image.width * page._image.height < 40_000_000


def test_large_frames_are_reduced_in_bands_without_moving_anything() -> None:
    large = marked((601, 403), mode="P", colour=0, paper=255)
    large.putpalette([level for grey in range(256) for level in (grey, grey, grey)])
    whole = reduced(large, 3, band_pixels=10_000_000)
    banded = reduced(large, 3, band_pixels=7_000)
    assert banded.size == (201, 135)
    assert np.array_equal(np.asarray(banded), np.asarray(whole))
    assert corner(banded) == "top left"


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP"])
def test_truncated_files_end_with_a_code(form: str, keep: float, opened: Opener, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(buffer, form)
    path = tmp_path / "cut"
    path.write_bytes(buffer.getvalue()[: max(40, int(len(buffer.getvalue()) * keep))])
    with pytest.raises(DocumentUnreadable) as refused:
        opened(path).page(1)
    assert refused.value.code in {"document_corrupt", "page_corrupt"}
    assert str(tmp_path) not in refused.value.detail


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP", "HEIF"])
def test_random_bytes_behind_a_good_header_end_with_a_code(form: str, opened: Opener, tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    marked().save(buffer, form)
    random = np.random.default_rng(9)
    path = tmp_path / "junk"
    for _ in range(20):
        path.write_bytes(buffer.getvalue()[:32] + random.bytes(3_000))
        try:
            page = opened(path).page(1)
        except DocumentUnreadable:
            continue
        page.picture(28, 28)
