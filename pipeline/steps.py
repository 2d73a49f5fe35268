"""The steps that run in child processes: importable by name, with plain picklable arguments and results.

Importing this module is cheap for the parent that only names the steps; the decoders load in the child.
"""
# ruff: noqa: PLC0415  # the imports inside are the point: MuPDF alone takes half a second and 140 MB

from pipeline.orders import DocumentFacts, PageImage, PageOrder, PreparedPage, SourceFile
from schemas.geometry import Box
from schemas.page import EngineUsed, PageContent, PageSource
from schemas.reading import PageReading

MAX_PAGES = 20_000


def inspect(source: SourceFile, max_pages: int = MAX_PAGES) -> DocumentFacts:
    """Open a document and count its pages.

    Raises `DocumentUnreadable`: document_corrupt, password_required, password_wrong, encryption_unsupported,
    no_pages, too_many_pages, image_too_large.
    """
    from pipeline import recipe

    return recipe.inspect(source, max_pages)


def prepare_page(source: SourceFile, order: PageOrder) -> PreparedPage:
    """Decide where a page's content comes from: text layer or blank (done), or an image for the engine.

    Raises `DocumentUnreadable`: those of opening, page_corrupt, page_out_of_range, page_aspect_ratio,
    image_too_large.
    """
    from pipeline import recipe

    return recipe.prepare_page(source, order)


def assemble_page(
    prepared: PreparedPage, reading: PageReading, engine: EngineUsed, source_kind: PageSource
) -> PageContent:
    """Arrange what an engine read (boxes in pixels of the image it was sent) into a page.

    With ``prepared.image`` at hand, rules, regions and tables are looked for on it; else words alone count.
    """
    from pipeline import recipe

    return recipe.assemble_page(prepared, reading, engine, source_kind)


def without_engine(prepared: PreparedPage, why: str) -> PageContent | None:
    """A page whose pictures could not be read, from its text layer; None where that cannot stand for it."""
    from pipeline import recipe

    return recipe.without_engine(prepared, why)


def crop(source: SourceFile, number: int, box: Box, size: tuple[int, int], turn: int) -> PageImage:
    """A box of a page (in its unit) as an image of exactly that size, then turned clockwise."""
    from pipeline import recipe

    return recipe.crop(source, number, box, size, turn)


def render(source: SourceFile, number: int, width: int) -> PageImage:
    """A page as a picture of that width, for people to look at."""
    from pipeline import recipe

    return recipe.render(source, number, width)
