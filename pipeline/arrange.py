"""Arranges what stands on a page: pieces, tables and pictures become drafts of blocks in reading order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline import margins
from pipeline.blocks import Draft, confidence_of, draft, drafts_of, gather_headings, gather_lists, set_levels
from pipeline.cutting import pieces_of
from pipeline.frame import Frame, frame_of
from pipeline.grids import with_rows_joined
from pipeline.grouping import Group, assign_regions, group
from pipeline.initials import with_initials
from pipeline.joining import Lexicon
from pipeline.kinds import Setting, setting
from pipeline.markdown_tables import table_text
from pipeline.marks import counted
from pipeline.order import MOST_BOXES
from pipeline.panels import order_within, sort_pictures
from pipeline.pieces import Piece, rows_of, typical_size
from schemas.geometry import Box, area, intersection, union
from schemas.page import BlockKind
from schemas.reading import PageReading, ReadLine, ReadTable, ReadWord
from schemas.table import Table

# Pictures below this share of the page are logos: they have no captions.
_SMALL = 0.04


@dataclass(slots=True)
class _Item:
    """One thing to be put in order: lines, or a block that is one already."""

    at: Box
    group: Group | None = None
    draft: Draft | None = None


def arrange(reading: PageReading, found: Sequence[ReadTable], tables: Sequence[Table]) -> list[Draft]:
    """Blocks in reading order; ``tables`` are ``found`` in their published shape."""
    frame = frame_of(reading)
    page = (0.0, 0.0, *frame.size)
    outside, inside = parted(reading, found)
    pieces = with_initials(pieces_of(outside, frame), frame.box)
    upright = [piece for piece in pieces if piece.upright]
    floats = [frame.box(table.bbox) for table in found]
    figures = [region for region in reading.regions if region.kind is BlockKind.FIGURE]
    pictures = sort_pictures([frame.box(figure.bbox) for figure in figures], upright, floats, page)
    labels = {id(piece) for labels in pictures.illustrations.values() for piece in labels}
    main = [piece for piece in upright if id(piece) not in labels]
    body = typical_size(main or pieces)
    shown = [frame.box(figures[index].bbox) for index in pictures.illustrations]
    shown = floats + [box for box in shown if area(box) > _SMALL * area(page)]
    rules = [frame.box(rule.bbox) for rule in reading.rules]
    _mark(main, reading, frame, margins.Sheet(page, rules, reading.regions, body, shown))
    items = [
        _Item(box, draft=_table_draft(box, found[i], tables[i], i, inside[i])) for i, box in enumerate(floats)
    ]
    for index, texts in pictures.illustrations.items():
        at, figure = frame.box(figures[index].bbox), figures[index]
        items.append(_Item(at, draft=_figure_draft(at, figure.bbox, figure.confidence, texts)))
    for place in reading.unread:
        at = frame.box(place.bbox)
        items.append(_Item(at, draft=Draft(BlockKind.OTHER, at, place.bbox)))

    text = with_rows_joined([piece for piece in main if piece.margin is None])
    groups = group(text, reading.regions)
    scene = setting(groups, body, [item.at for item in items], frame.size[1])
    lexicon = Lexicon(piece.text for piece in pieces)
    items += [_Item(one.at, group=one) for one in groups]
    _measure_room(items)
    drafts: list[Draft] = []
    for index in order_within(_spread(items, body), pictures.panels, 0.3 * body):
        drafts += _drafts(items[index], scene, lexicon)
    drafts = gather_headings(gather_lists(drafts))
    set_levels(drafts, body)
    return _with_margins(drafts, pieces, page, lexicon)


def _spread(items: Sequence[_Item], body: float) -> list[Box]:
    """Where things stand for reading order: a title with its row to itself is as wide as the page's text."""
    boxes = [item.at for item in items]
    if not 3 <= len(items) <= MOST_BOXES:
        return boxes
    left, _, right, _ = union(boxes)
    spread = list(boxes)
    for index, item in enumerate(items):
        x0, y0, x1, y1 = item.at
        if item.group is None or not _is_title(item.group, body, (x0 + x1 - left - right) / (right - left)):
            continue
        if not any(min(y1, box[3]) - max(y0, box[1]) > 0 for k, box in enumerate(boxes) if k != index):
            spread[index] = (left, y0, right, y1)
    return spread


def _measure_room(items: Sequence[_Item]) -> None:
    if len(items) > MOST_BOXES:
        return
    edge = max((item.at[2] for item in items), default=0.0)
    for item in items:
        if item.group is not None:
            _, top, right, bottom = item.at
            beside = [o.at[0] for o in items if o.at[0] >= right and o.at[1] < bottom and o.at[3] > top]
            item.group.room = min(beside, default=edge)


def _is_title(found: Group, body: float, off_centre: float) -> bool:
    """Larger than the text, or in the middle and set off by weight or capitals; a few lines at most."""
    if len(found.pieces) > 4:
        return False
    size = max(piece.size for piece in found.pieces)
    loud = all(piece.bold or piece.text.isupper() for piece in found.pieces)
    return size > 1.3 * body or (abs(off_centre) < 0.1 and (loud or size > 1.1 * body))


def _drafts(item: _Item, scene: Setting, lexicon: Lexicon) -> list[Draft]:
    if item.group is not None:
        return drafts_of(item.group, scene, lexicon)
    return [item.draft] if item.draft is not None else []


def _mark(pieces: Sequence[Piece], reading: PageReading, frame: Frame, sheet: margins.Sheet) -> None:
    """What is known of each piece before they are grouped: its layout region, its number, its margin."""
    regions = reading.regions
    assign_regions(pieces, regions, [frame.box(region.bbox) for region in regions])
    marked = counted([p.text for p in pieces], [p.at[0] for p in pieces], 1.5 * sheet.body)
    for piece, counts in zip(pieces, marked, strict=True):
        piece.item = counts
    margins.find(pieces, sheet)


def parted(reading: PageReading, found: Sequence[ReadTable]) -> tuple[PageReading, list[list[ReadWord]]]:
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


def _table_draft(at: Box, read: ReadTable, table: Table, index: int, words: Sequence[ReadWord]) -> Draft:
    # The words of a table are its block's, also where no cell took them.
    piece = Piece(at=at, text="", size=1.0, words=tuple(words))
    return Draft(
        kind=BlockKind.TABLE,
        at=at,
        box=read.bbox,
        pieces=[piece] if words else [],
        text=table_text(table),
        confidence=confidence_of(words),
        table=index,
    )


def _figure_draft(at: Box, box: Box, confidence: float | None, labels: list[Piece]) -> Draft:
    """An illustration; its labels row by row are its text."""
    rows = rows_of(labels)
    return Draft(
        kind=BlockKind.FIGURE,
        at=at,
        box=box,
        pieces=[piece for row in rows for piece in row],
        text="\n".join("  ".join(piece.text for piece in row) for row in rows),
        confidence=confidence,
    )


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
