"""Pages of running text in many languages, clean and noisy, for character error rates."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pymupdf
from PIL import Image

from tests.samples.sheet import break_lines, grey, new_document, new_sheet, scanned

_NOTO = (Path("/usr/share/fonts/truetype/noto"), Path("/usr/share/fonts/opentype/noto"))
_CJK = ("NotoSansCJK-Regular.ttc", "NotoSerifCJK-Regular.ttc")
_LATIN = ("NotoSans-Regular.ttf", "NotoSerif-Regular.ttf")
_ARABIC = ("NotoSansArabic-Regular.ttf", "NotoNaskhArabic-Regular.ttf")
CLEAN_DPI, NOISY_DPI = 200, 150
_WIDTH = 400.0


@dataclass(frozen=True, slots=True)
class Language:
    """``heading``: how the collection of first articles calls it; ``files``: a sans and a serif face."""

    code: str
    heading: str
    files: tuple[str, str] = _LATIN
    spare: str = "helv"  # the face PyMuPDF brings along, where Noto is not installed

    @property
    def spaced(self) -> bool:
        return self.code not in {"ja", "zh"}


LANGUAGES = (
    Language("en", "English"),
    Language("fr", "French"),
    Language("de", "German, Standard (1996)"),
    Language("it", "Italian"),
    Language("es", "Spanish"),
    Language("pt", "Portuguese (Portugal)"),
    Language("ja", "Japanese", _CJK, "cjk"),
    Language("zh", "Chinese, Mandarin (Simplified)", _CJK, "cjk"),
    Language("vi", "Vietnamese"),
    Language("ru", "Russian"),
    Language("ko", "Korean", _CJK, "cjk"),
    Language("ar", "Arabic, Standard", _ARABIC),
)
# Face (sans or serif) and size of each repetition of the text on a page.
_SETTINGS = ((0, 10.5), (1, 9.5), (0, 12.0), (1, 8.0))


@dataclass(frozen=True, slots=True)
class LanguagePage:
    language: Language
    truth: str
    clean: Image.Image
    noisy: Image.Image


def articles(collection: Path) -> dict[str, str]:
    """Texts by language of `UDHR_first_article_all.txt`: a heading, its text, an empty line."""
    chunks = re.split(r"\n\s*\n", collection.read_text(encoding="utf-8"))
    split = (chunk.strip().split("\n", 1) for chunk in chunks)
    return {
        parts[0].strip(): unicodedata.normalize("NFC", " ".join(parts[1].split()))
        for parts in split
        if len(parts) == 2
    }


def _font_file(name: str) -> str | None:
    return next((str(folder / name) for folder in _NOTO if (folder / name).is_file()), None)


def _unspaced_lines(text: str, width: float, size: float, face: pymupdf.Font) -> list[str]:
    lines: list[str] = []
    line = ""
    for char in text:
        if line and face.text_length(line + char, fontsize=size) > width and char not in "、。，":
            lines, line = [*lines, line], ""
        line += char
    return [*lines, line]


def _set_lines(page: pymupdf.Page, lines: list[str], y: float, size: float, face: pymupdf.Font) -> float:
    for line in lines:
        y += size * 1.5
        writer = pymupdf.TextWriter(page.rect)
        writer.append((60, y), line, font=face, fontsize=size)
        writer.write_text(page)
    return y


def _set_arabic(page: pymupdf.Page, lines: list[str], y: float, size: float, file: str | None) -> float:
    """Only the layout of HTML joins Arabic letters; one paragraph to a line keeps the line breaks ours."""
    name, archive = ("F", pymupdf.Archive(str(Path(file).parent))) if file else ("serif", None)
    css = f"@font-face {{font-family: F; src: url({Path(file).name});}}" if file else ""
    body = "".join(f"<p style='margin:0'>{line}</p>" for line in lines)
    html = (
        f"<div dir='rtl' lang='ar' style='font-family:{name};font-size:{size}pt;line-height:1.6'>{body}</div>"
    )
    box = pymupdf.Rect(60, y, 60 + _WIDTH + 60, y + size * 1.6 * len(lines) + 20)
    page.insert_htmlbox(box, html, css=css, archive=archive)
    return float(box.y1)


def _document(language: Language, text: str) -> tuple[pymupdf.Document, str]:
    document = new_document(language.code)
    page = new_sheet(document, (520.0, 400.0)).page
    y, truth = 40.0, []
    for index, size in _SETTINGS:
        file = _font_file(language.files[index])
        face = pymupdf.Font(fontfile=file) if file else pymupdf.Font(language.spare)
        if language.spaced:
            lines = break_lines(text, _WIDTH, size, face)
        else:
            lines = _unspaced_lines(text, _WIDTH, size, face)
        set_lines = _set_arabic if language.code == "ar" else None
        y = set_lines(page, lines, y, size, file) if set_lines else _set_lines(page, lines, y, size, face)
        y += 14
        truth += lines
    return document, (" " if language.spaced else "").join(truth)


def language_page(language: Language, text: str) -> LanguagePage:
    """The text four times, in two faces and four sizes, as a clean and as a noisy image."""
    document, truth = _document(language, text)
    noisy = scanned(grey(document, NOISY_DPI), skew=1.0, blur=0.6, noise=14, seed=11)
    return LanguagePage(language, truth, grey(document, CLEAN_DPI), noisy)
