"""Turns what a reader saw on a page into the page as it is stored: blocks, words, tables, text, Markdown."""

from collections import Counter
from collections.abc import Sequence

from pipeline.arrange import arrange
from pipeline.blocks import Draft
from pipeline.captions import captioned
from pipeline.cleaning import cleaned
from pipeline.language import language_of
from pipeline.markdown import page_markdown
from pipeline.orders import Geometry
from pipeline.tables import build, find_tables
from schemas.errors import ResultWarning
from schemas.geometry import Box
from schemas.page import (
    Block,
    BudgetUsed,
    EngineUsed,
    PageContent,
    PageResult,
    PageSource,
    PageState,
    Word,
)
from schemas.reading import PageReading, Unread
from schemas.table import Table

_SLENDER = 1.5  # times as long as high, at least
_THICK = 0.15  # of the page, at most


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
    reading = cleaned(reading)
    found = find_tables(reading)
    tables = [build(table, reading.lines, number, f"t{index}") for index, table in enumerate(found, 1)]
    drafts = arrange(reading, found, tables)
    tables = captioned(tables, drafts)
    blocks = [_block(item, index, tables) for index, item in enumerate(drafts, 1)]
    text = "\n".join(block.text for block in blocks if block.text)
    page = PageResult(
        **geometry.head(number),
        content_rotation=reading.content_rotation,
        skew=reading.skew,
        language=reading.language or language_of(text),
        state=_state(reading),
        source=source,
        engine=engine,
        attempts=1,
        budget=budget,
        text=text,
        markdown=page_markdown(blocks, tables),
        blocks=blocks,
        words=_words(drafts),
    )
    return PageContent(
        page=page, tables=tables, warnings=[*reading.warnings, *_unread(reading.unread, number)]
    )


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
            text=word.text.replace("\u00ad", ""),
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


def _state(reading: PageReading) -> PageState:
    """Where lines of text stand and none of them could be read, the page is not read.

    What was detected in a photograph is as wide as high, or fills much of it: that is a picture, and read.
    """
    lines = [place.bbox for place in reading.unread if _like_a_line(place.bbox, reading)]
    return PageState.UNREADABLE if lines and not reading.lines else PageState.READ


def _like_a_line(box: Box, reading: PageReading) -> bool:
    short, long = sorted((box[2] - box[0], box[3] - box[1]))
    return long >= _SLENDER * short and short <= _THICK * min(reading.width, reading.height)


def _unread(places: Sequence[Unread], number: int) -> list[ResultWarning]:
    """One warning a reason, however many places; blocks without text say where they are."""
    return [
        ResultWarning(
            code="unread_place",
            detail=f"{count} place{'s' * (count > 1)} of the page could not be read: {reason}",
            page=number,
        )
        for reason, count in Counter(place.reason for place in places).items()
    ]
