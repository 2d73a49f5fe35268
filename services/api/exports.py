"""Routes of exports: searchable PDF, hOCR, ALTO, chunks for retrieval, spreadsheets."""

from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, StreamingResponse

from services.api import examples
from services.api.answers import JSON
from services.api.deps import Reader, Served
from services.api.passing import Passing
from services.api.results import Pages, Run
from services.query.formats import Format

router = APIRouter(prefix="/v1/documents/{document_id}", tags=["exports"])
_FAULTS = examples.problems(404, 409, 410, 422)


def _of(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {}}}}


@router.get(
    "/searchable.pdf",
    response_class=FileResponse,
    responses=_FAULTS | examples.problems(503) | _of("application/pdf"),
)
async def get_searchable(document_id: str, parts: Served, who: Reader, run: Run = None) -> Passing:
    """The document as a PDF with the words that were read laid over it invisibly; its pages are untouched.

    Pages whose own text was trusted are left alone. Of a picture, a PDF with the picture.
    """

    def made() -> Path:
        found = parts.lookup.finished_run(who.tenant, document_id, run)
        document = parts.lookup.source(who.tenant, document_id)
        return parts.exports.searchable(who.tenant, document, found)

    path = await to_thread.run_sync(made, limiter=parts.drawing)
    return Passing(path, media_type="application/pdf", filename=f"{document_id}.pdf")


@router.get("/result.xlsx", response_class=FileResponse, responses=_FAULTS | _of(Format.XLSX))
async def get_workbook(document_id: str, parts: Served, who: Reader, run: Run = None) -> Passing:
    """A spreadsheet: fields, a sheet for each list and table; evidence stands in the notes of the cells."""

    def made() -> Path:
        found = parts.lookup.finished_run(who.tenant, document_id, run)
        document = parts.lookup.document(who.tenant, document_id, found.id)
        return parts.workbooks.of_run(who.tenant, document, found)

    path = await to_thread.run_sync(made, limiter=parts.drawing)
    return Passing(path, media_type=Format.XLSX, filename=f"{document_id}.xlsx")


@router.get("/hocr", response_class=StreamingResponse, responses=_FAULTS | _of("text/html"))
def get_hocr(
    document_id: str, parts: Served, who: Reader, pages: Pages = None, run: Run = None
) -> StreamingResponse:
    """hOCR: XHTML in which every line and word says where it stands, in pixels (points at 300 dpi)."""
    found = parts.lookup.finished_run(who.tenant, document_id, run)
    pieces = parts.exports.hocr(who.tenant, parts.lookup.source(who.tenant, document_id), found, pages)
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return StreamingResponse(pieces, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/alto", response_class=StreamingResponse, responses=_FAULTS | _of("application/xml"))
def get_alto(
    document_id: str, parts: Served, who: Reader, pages: Pages = None, run: Run = None
) -> StreamingResponse:
    """ALTO 4.2 XML: blocks, lines and words with their places, in pixels (points at 300 dpi)."""
    found = parts.lookup.finished_run(who.tenant, document_id, run)
    pieces = parts.exports.alto(who.tenant, parts.lookup.source(who.tenant, document_id), found, pages)
    return StreamingResponse(pieces, media_type="application/xml")


@router.get("/chunks.json", response_class=StreamingResponse, responses=_FAULTS | _of(JSON))
def get_chunks(
    document_id: str,
    parts: Served,
    who: Reader,
    pages: Pages = None,
    run: Run = None,
    max_chars: Annotated[int, Query(ge=200, le=20_000)] = 1200,
) -> StreamingResponse:
    """Chunks for retrieval: text of bounded size with the headings above it, its pages and boxes."""
    found = parts.lookup.finished_run(who.tenant, document_id, run)
    document = parts.lookup.source(who.tenant, document_id)
    pieces = parts.exports.chunks(who.tenant, document, found, pages, max_chars)
    return StreamingResponse(pieces, media_type=JSON)
