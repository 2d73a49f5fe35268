"""Routes of results: the JSON of a run, streamed, and its Markdown."""

from collections.abc import Iterator
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from schemas.ids import TenantId
from schemas.request import PAGES_SHAPE
from schemas.result import Result
from services.api import examples
from services.api.answers import JSON, waited
from services.api.deps import Reader, Served, Wait
from services.container import Parts
from services.faults import fault
from services.results import Include, Wanted

router = APIRouter(prefix="/v1/documents/{document_id}", tags=["results"])

Included = Annotated[
    str | None,
    Query(
        max_length=100,
        json_schema_extra={"pattern": "^((fields|tables|charts|words|text)(,(?!$)|$))*$"},
        description="comma-separated: fields, tables, charts, words, text; the rest is left out",
        examples=["fields,tables"],
    ),
]
Pages = Annotated[
    str | None,
    Query(
        max_length=2000,
        json_schema_extra=PAGES_SHAPE,
        description="only these pages",
        examples=["1-20"],
    ),
]
Run = Annotated[str | None, Query(max_length=64, description="this run instead of the newest finished one")]


def include_of(text: str | None) -> frozenset[Include] | None:
    if text is None:
        return None
    try:
        return frozenset(Include(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        names = ", ".join(Include)
        raise fault("/query/include", "include_unknown", f"include is made of: {names}") from None


async def _answer(
    parts: Parts, tenant: TenantId, ids: tuple[str, str | None], wanted: Wanted, wait: int | None
) -> StreamingResponse:
    document_id, run_id = ids
    if run_id is None:
        run_id = await to_thread.run_sync(parts.lookup.newest_run_id, tenant, document_id)
    headers = await waited(parts, tenant, (document_id, run_id), wait)
    pieces = await to_thread.run_sync(_pieces, parts, tenant, ids, wanted)
    return StreamingResponse(pieces, media_type=JSON, headers=headers)


def _pieces(parts: Parts, tenant: TenantId, ids: tuple[str, str | None], wanted: Wanted) -> Iterator[bytes]:
    document_id, run_id = ids
    run = parts.lookup.finished_run(tenant, document_id, run_id)
    view = parts.lookup.document(tenant, document_id, run.id)
    return parts.results.stream(tenant, view, run, wanted)


@router.get("/result", response_model=Result, responses=examples.problems(404, 409, 410, 422))
async def get_result(
    document_id: str,
    parts: Served,
    who: Reader,
    wait: Wait,
    include: Included = None,
    pages: Pages = None,
    run: Run = None,
) -> StreamingResponse:
    """The result of the newest finished run, streamed page by page."""
    return await _answer(parts, who.tenant, (document_id, run), Wanted(include_of(include), pages), wait)


@router.get("/runs/{run_id}/result", response_model=Result, responses=examples.problems(404, 409, 410, 422))
async def get_run_result(
    document_id: str,
    run_id: str,
    parts: Served,
    who: Reader,
    wait: Wait,
    include: Included = None,
    pages: Pages = None,
) -> StreamingResponse:
    """The result of one run."""
    return await _answer(parts, who.tenant, (document_id, run_id), Wanted(include_of(include), pages), wait)


@router.get(
    "/result.md",
    response_class=StreamingResponse,
    responses=examples.problems(404, 409, 410, 422) | {200: {"content": {"text/markdown": {}}}},
)
def get_markdown(
    document_id: str, parts: Served, who: Reader, pages: Pages = None, run: Run = None
) -> StreamingResponse:
    """The document as Markdown: running headers, footers and page numbers left out, tables put together."""
    found = parts.lookup.finished_run(who.tenant, document_id, run)
    pieces = parts.results.markdown(who.tenant, found, pages)
    return StreamingResponse(pieces, media_type="text/markdown; charset=utf-8")
