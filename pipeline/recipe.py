"""Prepare one page: choose between text layer, blank and engine, and render for the engine at its budget."""

import math
from dataclasses import replace

import numpy as np

from pipeline import cut_page, probe, scan_boxes, text_layer, text_layer_scan
from pipeline.assemble import assemble
from pipeline.assemble_seen import assemble_seen, on_page, with_blocks, with_seen
from pipeline.blank import is_blank
from pipeline.budget import POINTS_PER_INCH, X_HEIGHT_OF_SIZE, Decided, SmallestText, decide, smallest_size
from pipeline.code_search import search
from pipeline.coded import with_codes
from pipeline.images_encode import encode
from pipeline.ink import Grey, paper, positive
from pipeline.inserts import UNREAD, completed
from pipeline.orders import DocumentFacts, Geometry, PageImage, PageOrder, PreparedPage, SourceFile
from pipeline.raster import Page, open_document, open_page
from pipeline.raster_errors import MUPDF_ERRORS
from pipeline.raster_pdf import PdfPage
from pipeline.tiling import Tiling
from schemas.errors import DocumentUnreadable, ResultWarning
from schemas.geometry import Box
from schemas.page import EngineUsed, PageContent, PageResult, PageSource, PageState, Unit
from schemas.reading import PageReading
from schemas.request import BudgetProfile, Task
from schemas.seen import Seen

_PROBE_DPI = 110.0
_PROBE_PIXELS = 2_500_000
_PROBE_SIDE = 1600.0
_FINE_PROBE_PIXELS = 6_000_000
_FINE_BELOW = 5.0
"""Letters lower than this on the probe are measured again on a finer one."""

_ASSUMED_LENGTH_IN = 11.0
"""The longer side of an image that states no believable resolution."""

_IDEOGRAPHIC = frozenset({"zh", "ja", "ko"})
_RENDER_PIXELS = 32_000_000

_SHOWN_ENOUGH = {BudgetProfile.FAST: 0.0, BudgetProfile.BALANCED: 0.6, BudgetProfile.ACCURATE: 0.85}
"""How small, as a share of what it needs, print may be shown before a page is read in parts instead."""

_MOST_TILES = {BudgetProfile.FAST: 1, BudgetProfile.BALANCED: 24, BudgetProfile.ACCURATE: 64}
_INK = 40
"""How much darker than its paper a spot is that counts as printed when a page is cut along its gutters."""


def inspect(source: SourceFile, max_pages: int) -> DocumentFacts:
    """Count the pages, refusing more than ``max_pages``."""
    document = open_document(source)
    if document.page_count > max_pages:
        raise DocumentUnreadable(
            "too_many_pages", f"the document has {document.page_count} pages; at most {max_pages} are read"
        )
    warnings: tuple[ResultWarning, ...] = ()
    if document.repaired:
        warnings = (
            ResultWarning(
                code="document_repaired",
                detail="the file is damaged and was repaired while opening; parts of it may be lost",
            ),
        )
    return DocumentFacts(page_count=document.page_count, warnings=warnings)


def prepare_page(source: SourceFile, order: PageOrder) -> PreparedPage:
    """The page's content where the text layer or blankness settles it, else its image and budget."""
    page = open_page(source, order.number)
    layer = _layer(page)
    prepared = _prepared(page, layer, order)
    if prepared.content is not None and prepared.content.page.state is PageState.BLANK:
        return prepared
    codes = search(page, layer.codes_at if layer is not None and layer.trusted else None)
    prepared = replace(prepared, codes=codes)
    return replace(prepared, content=prepared.content and _whole(prepared, prepared.content))


def _prepared(page: Page, layer: text_layer.LayerReading | None, order: PageOrder) -> PreparedPage:
    geometry = page.geometry
    if layer is not None and layer.trusted and layer.pictures and not order.image_always:
        return _for_engine(page, order, layer.reading, trusted=True, pictures=layer.pictures)
    if layer is not None and layer.trusted and not order.image_always:
        content = assemble(layer.reading, order.number, geometry, PageSource.TEXT_LAYER, None, None)
        return PreparedPage(
            order.number, geometry, content=content, layer=layer.reading, warnings=_warnings(page)
        )
    reading = layer.reading if layer is not None else None
    if (reading is None or not reading.lines) and page.draws_nothing():
        return PreparedPage(order.number, geometry, content=_blank(order.number, geometry))
    trusted = layer is not None and layer.trusted
    pictures = layer.pictures if layer is not None and layer.trusted else ()
    return _for_engine(page, order, reading, trusted=trusted, pictures=pictures)


def _layer(page: Page) -> text_layer.LayerReading | None:
    """The text layer; a page whose text MuPDF cannot extract may still be drawn and read."""
    if not isinstance(page, PdfPage):
        return None
    try:
        return text_layer.read(page.page)
    except MUPDF_ERRORS:
        return None


def _seen_blank(page: Page, grey: Grey, scale: float, number: int) -> bool:
    """Whether the page shows nothing; where that is because its content is lost, it is no blank page."""
    if not is_blank(grey, _dpi(page.geometry, scale)):
        return False
    lost = page.losses()
    if lost:
        raise DocumentUnreadable(
            "page_corrupt", f"page {number} shows nothing because its content is damaged ({lost[0]})"
        )
    return True


def _for_engine(
    page: Page,
    order: PageOrder,
    layer: PageReading | None,
    *,
    trusted: bool,
    pictures: tuple[Box, ...] = (),
) -> PreparedPage:
    geometry = page.geometry
    scale = _probe_scale(geometry)
    grey = _grey(page, scale)
    if not trusted and _seen_blank(page, grey, scale, order.number):
        return PreparedPage(order.number, geometry, content=_blank(order.number, geometry), layer=layer)
    shape = _unstretched(page)
    decided = decide(
        shape,
        _smallest(page, layer, grey, scale, ideographs=_ideographs(order)),
        order.limits,
        order.budget,
        order.pixels_per_x_height,
        native_scale=page.native_scale(),
    )
    budget = decided.used
    image = encode(page.picture(budget.width, budget.height))
    return PreparedPage(
        order.number,
        geometry,
        image=image,
        budget=budget,
        layer=layer,
        pictures=pictures,
        warnings=_warnings(page),
        trusted=trusted,
        tiles=None if trusted else _tiles(shape, order, decided, grey),
    )


def _tiles(shape: Geometry, order: PageOrder, decided: Decided, grey: Grey) -> Tiling | None:
    """Parts to read the page in, where one image shows its print much smaller than it needs.

    Only for engines that see (CPU readers take any size), and where text is wanted. Explicit limits of pixels
    are a limit on what a page may cost: within them there is one image.
    """
    wanted = order.limits.counts_tokens and bool(order.tasks & {Task.TEXT, Task.TABLES})
    profile = order.budget.profile
    if not wanted or profile is None or decided.shown(shape) >= _SHOWN_ENOUGH[profile]:
        return None
    light = positive(grey)
    sheet = cut_page.Sheet(
        width=shape.width * decided.scale,
        height=shape.height * decided.scale,
        letter=decided.letter,
        image=(decided.used.width, decided.used.height),
        dark=paper(light).astype(np.int16) - light > _INK,
    )
    return cut_page.plan(sheet, order.limits, _MOST_TILES[profile])


def assemble_page(
    prepared: PreparedPage, reading: PageReading, engine: EngineUsed, source_kind: PageSource
) -> PageContent:
    """The page as read by an engine, in the page's own unit."""
    return _whole(prepared, _assembled(prepared, reading, engine, source_kind))


def _whole(prepared: PreparedPage, content: PageContent) -> PageContent:
    """Whoever read the page: what preparing it found out, its damages and its barcodes, belongs to it."""
    content.warnings.extend(prepared.warnings)
    return with_codes(content, prepared.codes)


def _assembled(
    prepared: PreparedPage, reading: PageReading, engine: EngineUsed, source_kind: PageSource
) -> PageContent:
    geometry = prepared.geometry
    if reading.seen is not None or reading.unreadable is not None:
        return _seen(prepared, reading, engine)
    pictured = prepared.layer is not None and bool(prepared.pictures)
    if prepared.image is not None and source_kind is PageSource.OCR and not pictured:
        reading = scan_boxes.with_boxes(prepared.image, text_layer_scan.arranged(prepared.image, reading))
    in_unit = reading.scaled_to(geometry.width, geometry.height)
    if prepared.layer is not None and pictured:
        in_unit = completed(prepared.layer, in_unit, prepared.pictures)
        source_kind = PageSource.TEXT_LAYER
    return assemble(in_unit, prepared.number, geometry, source_kind, engine, prepared.budget)


def _seen(prepared: PreparedPage, reading: PageReading, engine: EngineUsed) -> PageContent:
    """What a model saw; beside a text layer that can be trusted it adds only what the layer cannot say."""
    geometry = prepared.geometry
    reading = reading.scaled_to(geometry.width, geometry.height)
    if prepared.trusted and prepared.layer is not None:
        content = assemble(
            prepared.layer, prepared.number, geometry, PageSource.TEXT_LAYER, engine, prepared.budget
        )
        content.warnings.extend(on_page(reading.warnings, prepared.number))
        return with_seen(with_blocks(content, reading.seen or Seen()), reading.seen or Seen(), None)
    return assemble_seen(reading, prepared.number, geometry, engine, prepared.budget)


def without_engine(prepared: PreparedPage, why: str) -> PageContent | None:
    """The page from its text layer alone, where an engine was only to read its pictures and failed."""
    if prepared.layer is None or not prepared.trusted or not prepared.pictures:
        return None
    content = assemble(prepared.layer, prepared.number, prepared.geometry, PageSource.TEXT_LAYER)
    content.warnings[:] = [warning for warning in content.warnings if warning.code != UNREAD]
    detail = f"the engine failed on the pictures of this page ({why}): text on them is missing"
    content.warnings.append(ResultWarning(code=UNREAD, detail=detail, page=prepared.number))
    content.unanswered = [Task.FIELDS, Task.QUESTIONS, Task.CHARTS]
    return _whole(prepared, content)


def crop(source: SourceFile, number: int, box: Box, size: tuple[int, int], turn: int) -> PageImage:
    """A part of a page, as large as asked, turned clockwise."""
    picture = open_page(source, number).part(box, *size)
    return encode(picture.rotate(-turn, expand=True) if turn % 360 else picture)


def render(source: SourceFile, number: int, width: int) -> PageImage:
    """A page ``width`` pixels wide, less where that would be more than 32 megapixels."""
    page = open_page(source, number)
    shape = _unstretched(page)
    ratio = shape.height / shape.width
    wide = max(1, min(width, int(math.sqrt(_RENDER_PIXELS / ratio))))
    high = max(1, min(round(wide * ratio), _RENDER_PIXELS))
    return encode(page.picture(wide, high))


def _blank(number: int, geometry: Geometry) -> PageContent:
    return PageContent(page=PageResult(**geometry.head(number), state=PageState.BLANK))


def _warnings(page: Page) -> tuple[ResultWarning, ...]:
    lost = page.losses()
    if not lost:
        return ()
    detail = f"part of the page is damaged and may be missing ({lost[0]})"
    return (ResultWarning(code="page_damaged", detail=detail, page=page.number),)


def _probe_scale(geometry: Geometry) -> float:
    """Pixels per unit of the page of the picture that blankness and letters are looked for on."""
    if geometry.unit is Unit.PIXEL:
        return min(1.0, _PROBE_SIDE / max(geometry.width, geometry.height))
    fitting = math.sqrt(_PROBE_PIXELS / (geometry.width * geometry.height))
    return min(_PROBE_DPI / POINTS_PER_INCH, fitting)


def _grey(page: Page, scale: float) -> Grey:
    width = max(1, round(page.geometry.width * scale))
    height = max(1, round(page.geometry.height * scale))
    return page.grey(width, height)


def _dpi(geometry: Geometry, scale: float) -> float:
    """Resolution of the probe: a claim of 72 dpi on a photograph means nothing."""
    if geometry.unit is Unit.POINT:
        return scale * POINTS_PER_INCH
    if geometry.dpi is not None and 100 <= geometry.dpi <= 1200:
        return geometry.dpi * scale
    return max(geometry.width, geometry.height) * scale / _ASSUMED_LENGTH_IN


def _unstretched(page: Page) -> Geometry:
    """The page in square pixels: faxes have twice the resolution across."""
    stretch = getattr(page, "stretch", 1.0)
    geometry = page.geometry
    if 0.95 <= stretch <= 1.05:
        return geometry
    if stretch > 1:
        return replace(geometry, height=geometry.height * stretch)
    return replace(geometry, width=geometry.width / stretch)


def _ideographs(order: PageOrder) -> bool:
    return any(language[:2].lower() in _IDEOGRAPHIC for language in order.languages)


def _smallest(
    page: Page, layer: PageReading | None, grey: Grey, scale: float, *, ideographs: bool
) -> SmallestText | None:
    """What the text layer says of its type sizes; on pictures of text, what the probe measures."""
    scanned = page.geometry.unit is Unit.PIXEL or page.native_scale() is not None
    if layer is not None and not scanned:
        size = smallest_size((line.size, len(line.text)) for line in layer.lines)
        if size is not None:
            return SmallestText(size)
    height = probe.x_height(grey, ideographs=ideographs)
    if height is not None and height < _FINE_BELOW:
        geometry = page.geometry
        finer = min(scale * 2, math.sqrt(_FINE_PROBE_PIXELS / (geometry.width * geometry.height)))
        if geometry.unit is Unit.PIXEL:
            finer = min(finer, 1.0)
        if finer > scale * 1.2:
            again = probe.x_height(_grey(page, finer), ideographs=ideographs)
            height, scale = (again, finer) if again else (height, scale)
    return SmallestText(height / scale / X_HEIGHT_OF_SIZE, measured=True) if height else None
