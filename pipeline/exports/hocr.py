"""hOCR 1.2: XHTML in which every area, line and word says where it stands and how sure it is."""

from collections.abc import Iterable, Iterator

from pipeline.exports.lines import Area, areas, factor, pixels, resolution, xml_text
from schemas.geometry import Box
from schemas.page import BlockKind, PageResult

_RTL = frozenset(("ar", "fa", "he", "ur", "yi"))
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
 "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en"><head><title>{title}</title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<meta name="ocr-system" content="quire"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_header ocr_line ocrx_word ocr_photo"/>
</head><body>
"""


def hocr(pages: Iterable[PageResult], title: str) -> Iterator[str]:
    """A whole document in pieces, one page at a time."""
    yield _HEAD.format(title=xml_text(title))
    for page in pages:
        yield "".join(_page(page))
    yield "</body></html>\n"


def _page(page: PageResult) -> Iterator[str]:
    scale, dpi = factor(page), resolution(page)
    size = pixels((0, 0, page.width, page.height), scale)
    scan = f"; scan_res {dpi} {dpi}" if dpi else ""
    code = xml_text(page.language or "")
    language = f' xml:lang="{code}" lang="{code}"' if code else ""
    rtl = ' dir="rtl"' if page.language in _RTL else ""
    n = page.number
    yield f'<div class="ocr_page" id="page_{n}"{language}{rtl} title="{_box(size)}; ppageno {n - 1}{scan}">\n'
    for index, area in enumerate(areas(page), 1):
        yield from _area(area, f"{n}_{index}", scale)
    yield "</div>\n"


def _area(area: Area, name: str, scale: float) -> Iterator[str]:
    where = f' title="{_box(pixels(area.box, scale))}"' if area.box is not None else ""
    if area.block.kind is BlockKind.FIGURE:
        yield f'<div class="ocr_photo" id="photo_{name}"{where}></div>\n'
    if not area.lines:
        return
    yield f'<div class="ocr_carea" id="area_{name}"{where}><p class="ocr_par" id="par_{name}"{where}>\n'
    kind = "ocr_header" if area.block.kind is BlockKind.HEADING else "ocr_line"
    for index, line in enumerate(area.lines, 1):
        yield f'<span class="{kind}" id="line_{name}_{index}" title="{_box(pixels(line.box, scale))}">'
        words = []
        for at, word in enumerate(line.words, 1):
            assert word.bbox is not None
            sure = f"; x_wconf {round(100 * word.confidence)}" if word.confidence is not None else ""
            title = f"{_box(pixels(word.bbox, scale))}{sure}"
            ident = f"word_{name}_{index}_{at}"
            words.append(f'<span class="ocrx_word" id="{ident}" title="{title}">{xml_text(word.text)}</span>')
        yield f"{' '.join(words)}</span>\n"
    yield "</p></div>\n"


def _box(box: Box | tuple[int, int, int, int]) -> str:
    return "bbox " + " ".join(map(str, box))
