"""ALTO 4: the XML of libraries and archives, with the place of every block, line and word."""

from collections.abc import Iterable, Iterator

from pipeline.exports.lines import Area, areas, factor, pixels, xml_text
from schemas.page import BlockKind, PageResult

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-2.xsd">
<Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>{name}</fileName></sourceImageInformation>
<Processing ID="quire"><processingSoftware><softwareName>quire</softwareName></processingSoftware>
</Processing>
</Description>
<Layout>
"""
_Pixels = tuple[int, int, int, int]


def alto(pages: Iterable[PageResult], name: str) -> Iterator[str]:
    """A whole document in pieces, one page at a time. Pixels: an image's own, or points at 300 dpi."""
    yield _HEAD.format(name=xml_text(name))
    for page in pages:
        yield "".join(_page(page))
    yield "</Layout>\n</alto>\n"


def _page(page: PageResult) -> Iterator[str]:
    scale = factor(page)
    size = pixels((0, 0, page.width, page.height), scale)
    n = page.number
    language = f' LANG="{xml_text(page.language)}"' if page.language else ""
    yield f'<Page ID="p{n}" PHYSICAL_IMG_NR="{n}" WIDTH="{size[2]}" HEIGHT="{size[3]}"{language}>\n'
    yield f"<PrintSpace{_where(size)}>\n"
    for index, area in enumerate(areas(page), 1):
        yield from _area(area, f"p{n}_b{index}", scale)
    yield "</PrintSpace>\n</Page>\n"


def _area(area: Area, name: str, scale: float) -> Iterator[str]:
    where = _where(pixels(area.box, scale)) if area.box is not None else ""
    if area.block.kind is BlockKind.FIGURE and area.box is not None:
        yield f'<Illustration ID="{name}_i"{where}/>\n'
    if not area.lines:
        return
    yield f'<TextBlock ID="{name}"{where}>\n'
    for index, line in enumerate(area.lines, 1):
        yield f'<TextLine ID="{name}_l{index}"{_where(pixels(line.box, scale))}>\n'
        for at, word in enumerate(line.words, 1):
            assert word.bbox is not None
            sure = f' WC="{min(1.0, max(0.0, word.confidence)):.4f}"' if word.confidence is not None else ""
            ident = f"{name}_l{index}_w{at}"
            place = _where(pixels(word.bbox, scale))
            space = "<SP/>" if at < len(line.words) else ""
            yield f'<String ID="{ident}"{place} CONTENT="{xml_text(word.text)}"{sure}/>{space}\n'
        yield "</TextLine>\n"
    yield "</TextBlock>\n"


def _where(box: _Pixels) -> str:
    x0, y0, x1, y1 = box
    return f' HPOS="{x0}" VPOS="{y0}" WIDTH="{x1 - x0}" HEIGHT="{y1 - y0}"'
