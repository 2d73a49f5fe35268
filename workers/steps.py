"""The steps as workers run them: in a child process, returning what is to be stored, already as bytes.

A page's content crosses the process border as JSON: pickling thousands of words costs more than reading them.
"""
# ruff: noqa: PLC0415  # the parent names these steps without loading what they need

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from pipeline import steps
from pipeline.ledger import PageEnd, PageToRead
from pipeline.orders import DocumentFacts, PageImage, PageOrder, PageWords, Picture, PreparedPage, SourceFile
from schemas.geometry import Box
from schemas.page import EngineUsed, PageContent, PageSource, PageState
from schemas.reading import PageReading, Spent
from schemas.request import Task

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from pipeline.fields.infer import Found, Proposal
    from pipeline.fields.shapes import FieldCandidate, FieldsOutcome
    from schemas.errors import ResultWarning

Inspect = Callable[[SourceFile], DocumentFacts]
Prepare = Callable[[SourceFile, PageOrder], PageEnd | PageToRead]
Arrange = Callable[[bytes, PageReading, EngineUsed, PageSource, PageImage], PageEnd]
Crop = Callable[[SourceFile, int, Box, tuple[int, int], int], PageImage]


@dataclass(frozen=True, slots=True)
class Steps:
    """The importable functions that run in the cage; other recipes than ours may stand here."""

    inspect: Inspect
    prepare: Prepare
    arrange: Arrange
    crop: Crop = steps.crop


def prepare(source: SourceFile, order: PageOrder) -> PageEnd | PageToRead:
    """Read a page as far as it goes without an engine."""
    prepared = steps.prepare_page(source, order)
    if prepared.content is not None:
        return ended(prepared.content, asdict(prepared.geometry))
    assert prepared.image is not None
    return PageToRead(prepared.number, _adapter().dump_json(replace(prepared, image=None)), prepared.image)


def arrange(
    prepared: bytes, reading: PageReading, engine: EngineUsed, source: PageSource, image: PageImage
) -> PageEnd:
    """Turn what an engine read into a page; ``prepared`` is the JSON of `PreparedPage` without its image."""
    page = replace(prepared_of(prepared), image=image)
    content = steps.assemble_page(page, reading, engine, source)
    budget = page.budget.model_dump(mode="json") if page.budget is not None else None
    return ended(content, asdict(page.geometry), budget, reading.spent)


def without_engine(prepared: bytes, why: str) -> PageEnd | None:
    """What is left of a page when the engine has failed on it for good; None where that is nothing."""
    page = prepared_of(prepared)
    content = steps.without_engine(page, why)
    return ended(content, asdict(page.geometry)) if content is not None else None


def with_more(base: bytes, end: PageEnd, asked: Task) -> PageEnd:
    """A page read before, with what it was asked now; ``base`` is its content, as JSON."""
    from pipeline.more import with_more as added

    assert end.content is not None
    content = added(
        PageContent.model_validate_json(base), PageContent.model_validate_json(end.content), asked
    )
    page = content.page
    return replace(
        end,
        state=page.state,
        error=page.error,
        content=content.model_dump_json().encode(),
        summary=_summary(content),
    )


def prepared_of(stored: bytes) -> PreparedPage:
    """A prepared page as it was stored, without its image."""
    return _adapter().validate_json(stored)


def candidates(schema: dict[str, Any], contents: Sequence[bytes]) -> "list[FieldCandidate]":
    """What on these pages may be a value that the schema asks for."""
    from pipeline.fields.candidates import candidates as of_page

    return [
        found for content in contents for found in of_page(schema, PageContent.model_validate_json(content))
    ]


def resolve(
    schema: dict[str, Any],
    found: "Sequence[FieldCandidate]",
    pages_read: Sequence[int],
    unread_pages: Sequence[int],
) -> "FieldsOutcome":
    """Choose among the candidates of all pages."""
    from pipeline.fields.resolve import resolve as choose

    return choose(schema, found, pages_read, unread_pages)


def printed(contents: Sequence[bytes]) -> "Found":
    """What these pages print that a schema may ask for."""
    from pipeline.fields.infer import look

    return look(PageContent.model_validate_json(content) for content in contents)


def propose(found: "Sequence[Found]", title: str | None) -> "Proposal":
    """The schema that asks for what the pages print."""
    from pipeline.fields.infer import propose as put_together

    return put_together(found, title)


def replaced(
    schema: dict[str, Any], extraction: dict[str, Any], values: Sequence[tuple[str, Any]]
) -> "tuple[dict[str, Any], bool, list[ResultWarning]]":
    """The extraction with corrected values, whether the schema accepts it, and its complaints."""
    from pipeline.fields.correcting import replaced as put

    return put(schema, extraction, values)


def choices(schema: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values that fields with `enum` may have, by path."""
    from pipeline.fields.correcting import choices as of_schema

    return of_schema(schema)


def begin_pdf(source: SourceFile, target: str, numbers: Sequence[int] | None) -> None:
    """A copy of a PDF for words to be laid over."""
    from pipeline.raster_searchable import begin

    begin(source, target, numbers)


def add_words(target: str, pages: Sequence[PageWords]) -> None:
    """Lay words over pages."""
    from pipeline import raster_searchable

    raster_searchable.add_words(target, pages)


def add_pictures(target: str, pictures: Sequence[Picture]) -> None:
    """Pages of pictures in a PDF."""
    from pipeline import raster_searchable

    raster_searchable.add_pictures(target, pictures)


def ended(
    content: PageContent,
    geometry: dict[str, Any],
    budget: dict[str, Any] | None = None,
    spent: Spent | None = None,
) -> PageEnd:
    """A page that was read, blank or unreadable, with what later passes over the document need of it."""
    state = content.page.state
    if not state.terminal:
        state = PageState.READ
    return PageEnd(
        content.page.number,
        state,
        content.page.error,
        content.model_dump_json().encode(),
        geometry,
        budget,
        _summary(content),
        spent or Spent(),
    )


def _summary(content: PageContent) -> dict[str, Any]:
    from pipeline.document import summarise

    return summarise(content)


@cache
def _adapter() -> "TypeAdapter[PreparedPage]":
    from pydantic import TypeAdapter

    return TypeAdapter(PreparedPage)


def standard() -> Steps:
    """Quire's own recipe."""
    return Steps(steps.inspect, prepare, arrange)
