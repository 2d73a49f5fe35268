"""Documents of many pages: each page distinct, most with a text layer, some of them scans."""

import re
from pathlib import Path

import pymupdf

from tests.samples.sheet import encoded, grey, new_document, new_sheet, scanned

_WORDS = re.findall(
    r"\w+",
    "harbour water station sample oxygen salinity depth launch probe mussel pier basin dock buoy season "
    "measure reading value table gate tide night office crew bottle label drain summer",
)
_LINES = 42


def page_lines(number: int) -> list[str]:
    """What page ``number`` says; no two pages say the same."""
    lines = [f"Section {number}", ""]
    seed = number * 7919
    for line in range(_LINES):
        picked = [_WORDS[(seed + line * 31 + step * step * 17) % len(_WORDS)] for step in range(9)]
        lines.append(" ".join([*picked, f"{number}.{line}"]))
    return lines


def _scan(number: int) -> bytes:
    """A small image of three lines, as a scanner makes it."""
    document = new_document("scan")
    sheet = new_sheet(document, (300.0, 120.0))
    for line, text in enumerate((f"Scanned note {number}", "Harbour Office", f"Reading {number * 3}.5 mg")):
        sheet.text(30, 35 + 28 * line, text, 14)
    image = scanned(grey(document, 120), skew=0.0, blur=0.3, noise=3, seed=number)
    return encoded(image, "JPEG", 120, quality=70)


def long_pdf(path: Path, pages: int, scan_every: int = 0) -> Path:
    """``pages`` pages; every ``scan_every``-th is a scan without a text layer."""
    document = new_document(f"{pages} pages")
    for number in range(1, pages + 1):
        if scan_every and number % scan_every == 0:
            page = document.new_page(width=300, height=120)
            page.insert_image(page.rect, stream=_scan(number))
        else:
            page = document.new_page(width=595, height=842)
            page.insert_text((60, 60), page_lines(number), fontsize=10, lineheight=1.6)
            page.insert_text((290, 820), str(number), fontsize=8)
    document.save(path, deflate=True, no_new_id=True)
    document.close()
    pymupdf.TOOLS.store_shrink(100)
    return path
