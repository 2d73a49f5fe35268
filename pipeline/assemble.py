"""Arranges what a reader saw on a page into blocks in reading order, with tables, text and Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline import margins
from pipeline.blocks import Draft, confidence_of, draft, drafts_of, gather_lists, set_levels
from pipeline.frame import frame_of
from pipeline.grouping import Group, assign_regions, group
from pipeline.joining import Lexicon
from pipeline.kinds import setting
from pipeline.markdown import page_markdown
from pipeline.markdown_tables import table_text
from pipeline.marks import counted
from pipeline.order import reading_order
from pipeline.orders import Geometry
from pipeline.pieces import Piece, pieces_of, typical_size
from pipeline.scripts import clean
from pipeline.tables import build, find_tables
from schemas.errors import ResultWarning
from schemas.geometry import Box, area, intersection, union
from schemas.page import (
    Block,
    BlockKind,
    BudgetUsed,
    EngineUsed,
    PageContent,
    PageResult,
    PageSource,
    PageState,
    Word,
)
from schemas.reading import PageReading, ReadLine, ReadTable, ReadWord, Region
from schemas.table import Table

_PAGE_EDGE = frozenset((BlockKind.HEADER, BlockKind.FOOTER, BlockKind.PAGE_NUMBER))


def assemble(  # noqa: PLR0917  # each is a different type; callers pass them in this order
    reading: PageReading,
    number: int,
    geometry: Geometry,
    source: PageSource,
    engine: EngineUsed | None = None,
    budget: BudgetUsed | None = None,
) -> PageContent:
    """The page as it is stored: in the page's unit, also where ``reading`` is in pixels of an image."""
    if (reading.width, reading.height) != (geometry.width, geometry.height):
        reading = reading.scaled_to(geometry.width, geometry.height)
    found = find_tables(reading)
    tables = [build(table, reading.lines, number, f"t{index}") for index, table in enumerate(found, 1)]
    drafts = _drafts(reading, found, tables)
    blocks = [_block(item, index, tables) for index, item in enumerate(drafts, 1)]
    unread = [_warning(place.reason, number) for place in reading.unread]
    page = PageResult(
        number=number,
        unit=geometry.unit,
        width=geometry.width,
        height=geometry.height,
        dpi=geometry.dpi,
        rotation=geometry.rotation,
        content_rotation=reading.content_rotation,
        skew=reading.skew,
        language=reading.language,
        state=PageState.READ,
        source=source,
        engine=engine,
        attempts=1,
        budget=budget,
        text="\n".join(block.text for block in blocks if block.text),
        markdown=page_markdown(blocks, tables),
        blocks=blocks,
        words=_words(drafts),
    )
    return PageContent(page=page, tables=tables, warnings=[*reading.warnings, *unread])


def _drafts(reading: PageReading, found: Sequence[ReadTable], tables: Sequence[Table]) -> list[Draft]:
    frame = frame_of(reading)
    outside, inside = _parted(reading, found)
    pieces = pieces_of(outside, frame)
    body = typical_size(pieces) if pieces else 1.0
    upright = [piece for piece in pieces if piece.upright]
    regions = [frame.box(region.bbox) for region in reading.regions]
    assign_regions(upright, reading.regions, regions)
    marked = counted([p.text for p in upright], [p.at[0] for p in upright], 1.5 * body)
    for piece, counts in zip(upright, marked, strict=True):
        piece.item = counts
    page_box = (0.0, 0.0, *frame.size)
    floats = [frame.box(table.bbox) for table in found]
    rules = [frame.box(rule.bbox) for rule in reading.rules]
    margins.find(upright, margins.Sheet(page_box, rules, reading.regions, body))
    main = [piece for piece in upright if piece.margin is None]
    figures = _figures(reading.regions, regions, page_box)
    scene = setting(main, body, floats + [regions[i] for i in figures], frame.size[1])
    lexicon = Lexicon(piece.text for piece in pieces)

    items = [_Item(one.at, group=one) for one in group(main, reading.regions)]
    items += [_Item(box, table=index) for index, box in enumerate(floats)]
    items += [_Item(regions[i], figure=reading.regions[i]) for i in figures]
    items += [_Item(frame.box(place.bbox), unread=place.bbox) for place in reading.unread]
    drafts: list[Draft] = []
    for index in reading_order([item.at for item in items], 0.3 * body):
        item = items[index]
        if item.group is not None:
            drafts += drafts_of(item.group.pieces, item.group.hint, scene, lexicon)
        elif item.table is not None:
            drafts.append(_table_draft(item, found, tables, inside[item.table]))
        else:
            drafts.append(_place_draft(item))
    drafts = gather_lists(drafts)
    set_levels(drafts, body)
    return _with_margins(drafts, pieces, page_box, lexicon)


@dataclass(slots=True)
class _Item:
    """One thing to be put in order."""

    at: Box
    group: Group | None = None
    table: int | None = None
    figure: Region | None = None
    unread: Box | None = None


def _parted(reading: PageReading, found: Sequence[ReadTable]) -> tuple[PageReading, list[list[ReadWord]]]:
    """The page without the words of its tables, and those words by table."""
    inside: list[list[ReadWord]] = [[] for _ in found]
    if not found:
        return reading, inside
    lines: list[ReadLine] = []
    for line in reading.lines:
        if not any(intersection(line.bbox, table.bbox) > 0 for table in found):
            lines.append(line)
            continue
        homes = [_home(word, found) for word in line.words]
        for word, home in zip(line.words, homes, strict=True):
            if home is not None:
                inside[home].append(word)
        kept = tuple(word for word, home in zip(line.words, homes, strict=True) if home is None)
        if len(kept) == len(line.words):
            lines.append(line)
        elif kept:
            lines.append(replace(line, words=kept, bbox=union([word.bbox for word in kept]), text_=None))
    return replace(reading, lines=tuple(lines)), inside


def _home(word: ReadWord, found: Sequence[ReadTable]) -> int | None:
    x, y = (word.bbox[0] + word.bbox[2]) / 2, (word.bbox[1] + word.bbox[3]) / 2
    for index, table in enumerate(found):
        box = table.bbox
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            return index
    return None


def _figures(regions: Sequence[Region], boxes: Sequence[Box], page: Box) -> list[int]:
    """Pictures worth a block: not a scanned page's own image, not one inside another."""
    kept: list[int] = []
    for index in sorted(range(len(regions)), key=lambda i: -area(boxes[i])):
        if regions[index].kind is not BlockKind.FIGURE or not 0 < area(boxes[index]) < 0.8 * area(page):
            continue
        if any(intersection(boxes[index], boxes[k]) > 0.8 * area(boxes[index]) for k in kept):
            continue
        kept.append(index)
    return kept


def _table_draft(
    item: _Item, found: Sequence[ReadTable], tables: Sequence[Table], words: Sequence[ReadWord]
) -> Draft:
    assert item.table is not None
    # The words of a table are its block's, also where no cell took them.
    piece = Piece(at=item.at, text="", size=1.0, words=tuple(words))
    return Draft(
        kind=BlockKind.TABLE,
        at=item.at,
        box=found[item.table].bbox,
        pieces=[piece] if words else [],
        text=table_text(tables[item.table]),
        confidence=confidence_of(words),
        table=item.table,
    )


def _place_draft(item: _Item) -> Draft:
    if item.figure is not None:
        return Draft(BlockKind.FIGURE, item.at, item.figure.bbox, confidence=item.figure.confidence)
    assert item.unread is not None
    return Draft(BlockKind.OTHER, item.at, item.unread)


def _with_margins(drafts: list[Draft], pieces: Sequence[Piece], page: Box, lexicon: Lexicon) -> list[Draft]:
    """Headers before, footers after the body; text set on end comes last, at the page's edge as a footer."""
    edge = sorted((piece for piece in pieces if piece.margin), key=lambda p: (p.middle, p.at[0]))
    notes = [item for item in drafts if item.kind is BlockKind.FOOTNOTE]
    body = [item for item in drafts if item.kind is not BlockKind.FOOTNOTE]
    half = (page[1] + page[3]) / 2
    top = [draft(one.margin, [one], lexicon) for one in edge if one.margin and one.middle < half]
    bottom = [draft(one.margin, [one], lexicon) for one in edge if one.margin and one.middle >= half]
    turned = [
        draft(BlockKind.FOOTER if _at_edge(piece, page) else BlockKind.OTHER, [piece], lexicon)
        for piece in sorted((p for p in pieces if not p.upright), key=lambda p: p.at)
    ]
    return [*top, *body, *notes, *turned, *bottom]


def _at_edge(piece: Piece, page: Box) -> bool:
    width = page[2] - page[0]
    return piece.at[2] < page[0] + 0.08 * width or piece.at[0] > page[2] - 0.08 * width


def _block(item: Draft, index: int, tables: Sequence[Table]) -> Block:
    return Block(
        id=f"b{index}",
        kind=item.kind,
        level=item.level,
        table_id=tables[item.table].id if item.table is not None else None,
        text=item.text,
        bbox=item.box,
        confidence=_rounded(item.confidence),
    )


def _words(drafts: Sequence[Draft]) -> list[Word]:
    # model_construct: a dense page has thousands of words, and they were checked when they were read.
    return [
        Word.model_construct(
            text=clean(word.text).replace("\u00ad", ""),
            bbox=_round_box(word.bbox),
            confidence=_rounded(word.confidence),
            block=f"b{index}",
        )
        for index, item in enumerate(drafts, 1)
        for word in item.words
    ]


def _round_box(box: Box) -> Box:
    return (round(box[0], 2), round(box[1], 2), round(box[2], 2), round(box[3], 2))


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 4)


def _warning(reason: str, number: int) -> ResultWarning:
    detail = f"Something stands here that could not be read: {reason}"
    return ResultWarning(code="unread_place", detail=detail, page=number)
