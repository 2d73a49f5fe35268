"""A page to write on: text at a place, rules, columns; PDFs come out the same byte for byte."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

A4 = (595.0, 842.0)
SOFT_HYPHEN = "\u00ad"


@cache
def font(name: str) -> pymupdf.Font:
    """One of the fonts that come with PyMuPDF: helv, hebo, tiro, tibo, cour, cjk …"""
    return pymupdf.Font(name)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a document being made; the origin is the top left corner, ``y`` is the base line."""

    page: pymupdf.Page

    def text(
        self, x: float, y: float, text: str, size: float = 10, face: str = "helv", *, right: bool = False
    ) -> None:
        used = font(face)
        start = x - used.text_length(text, fontsize=size) if right else x
        writer = pymupdf.TextWriter(self.page.rect)
        writer.append((start, y), text, font=used, fontsize=size)
        writer.write_text(self.page)

    def rule(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.7) -> None:
        self.page.draw_line((x0, y0), (x1, y1), width=width)

    def html(self, box: tuple[float, float, float, float], html: str) -> None:
        """Shaped text (Arabic joins and runs to the left), in the fonts that PyMuPDF brings along."""
        spare, _ = self.page.insert_htmlbox(pymupdf.Rect(box), html)
        assert spare >= 0, "the text does not fit its box"

    def row(
        self, y: float, cells: Iterable[tuple[float, str, bool]], *, size: float = 10, face: str = "helv"
    ) -> None:
        """Cells of one table row: x, text, and whether x is the right edge."""
        for x, text, right in cells:
            if text:
                self.text(x, y, text, size, face, right=right)


def new_document(title: str) -> pymupdf.Document:
    document = pymupdf.open()
    document.set_metadata(
        {"title": title, "creationDate": "D:20240101000000Z", "modDate": "D:20240101000000Z"}
    )
    return document


def new_sheet(document: pymupdf.Document, size: tuple[float, float] = A4) -> Sheet:
    return Sheet(document.new_page(width=size[0], height=size[1]))


def pdf_bytes(document: pymupdf.Document) -> bytes:
    document.subset_fonts()
    data: bytes = document.tobytes(garbage=4, deflate=True, no_new_id=True)
    return data


def break_lines(text: str, width: float, size: float, used: pymupdf.Font) -> list[str]:
    """Greedy lines; a word that does not fit is broken at its soft hyphens, with a hyphen printed."""
    lines: list[str] = []
    line = ""

    def fits(candidate: str) -> bool:
        return bool(used.text_length(candidate.replace(SOFT_HYPHEN, ""), fontsize=size) <= width)

    for word in text.split():
        joined = f"{line} {word}" if line else word
        if fits(joined):
            line = joined
            continue
        parts = word.split(SOFT_HYPHEN)
        cuts = [("".join(parts[:n]) + "-", SOFT_HYPHEN.join(parts[n:])) for n in range(len(parts) - 1, 0, -1)]
        head, rest = next(((h, r) for h, r in cuts if line and fits(f"{line} {h}")), ("", word))
        lines.append(f"{line} {head}".strip())
        line = rest
    return [part.replace(SOFT_HYPHEN, "") for part in [*lines, line] if part]


def grey(document: pymupdf.Document, dpi: int, page: int = 0) -> Image.Image:
    pixmap = document[page].get_pixmap(dpi=dpi, colorspace=pymupdf.csGRAY, alpha=False)
    return Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)


def scanned(image: Image.Image, *, skew: float, blur: float, noise: float, seed: int) -> Image.Image:
    """As from a scanner: turned by ``skew`` degrees, blurred, with Gaussian noise of that deviation."""
    turned = image.rotate(skew, Image.Resampling.BICUBIC, expand=False, fillcolor=255)
    soft = turned.filter(ImageFilter.GaussianBlur(blur))
    grain = np.random.default_rng(seed).normal(0.0, noise, (soft.height, soft.width))
    noisy = np.clip(np.asarray(soft, dtype=np.float64) + grain, 0, 255)
    return Image.fromarray(noisy.astype(np.uint8))


def encoded(image: Image.Image, form: str, dpi: int, quality: int = 80) -> bytes:
    out = io.BytesIO()
    options = {"quality": quality} if form == "JPEG" else {}
    image.save(out, form, dpi=(dpi, dpi), **options)
    return out.getvalue()


def columns(
    sheet: Sheet, texts: Sequence[str], xs: Sequence[float], y: float, *, size: float, lead: float, depth: int
) -> list[str]:
    """Set lines column by column, ``depth`` to a column; what does not fit is returned."""
    for x in xs:
        for number, line in enumerate(texts[:depth]):
            heading = line.startswith("#")
            sheet.text(x, y + number * lead, line.lstrip("# "), size, "hebo" if heading else "tiro")
        texts = texts[depth:]
    return list(texts)
