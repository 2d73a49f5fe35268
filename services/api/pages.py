"""Routes of pages: readable while the rest of the document is still being processed."""

from typing import Annotated

import orjson
from anyio import to_thread
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from pipeline import steps
from pipeline.orders import PageImage, SourceFile
from pipeline.ports import BlobKey
from schemas.api import Listing
from schemas.ids import Digest, TenantId
from schemas.numbers import MOST
from schemas.page import PageResult
from services.api import examples
from services.api.answers import JSON
from services.api.cursors import Cursor, next_cursor, number_of
from services.api.deps import Reader, Served
from services.api.results import Included, Run, include_of
from services.container import Parts
from services.results import Include, Wanted, page_json

Number = Annotated[int, Path(ge=1, le=MOST)]
router = APIRouter(prefix="/v1/documents/{document_id}/pages", tags=["pages"])


def _run_id(parts: Parts, tenant: TenantId, document_id: str, run: str | None) -> str:
    if run is None:
        return parts.lookup.newest_run_id(tenant, document_id)
    return parts.lookup.run(tenant, document_id, run).id


@router.get("", response_model=Listing[PageResult], responses=examples.problems(404, 410, 422))
def list_pages(
    document_id: str,
    parts: Served,
    who: Reader,
    include: Included = "text",
    run: Run = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Pages of the newest run in order, finished or not; words only with `include=text,words`."""
    wanted = Wanted(include_of(include))
    run_id = _run_id(parts, who.tenant, document_id, run)
    after = number_of("pages", cursor) or 0
    found = parts.pages.after(who.tenant, run_id, after, limit + 1)
    items = [page_json(content, wanted) for content in found[:limit]]
    more = next_cursor("pages", str(found[limit - 1].page.number)) if len(found) > limit else None
    body = b'{"items":[%s],"next_cursor":%s}' % (b",".join(items), orjson.dumps(more))
    return Response(body, media_type=JSON)


@router.get("/{number}", response_model=PageResult, responses=examples.problems(404, 410, 422))
def get_page(
    document_id: str, number: Number, parts: Served, who: Reader, include: Included = None, run: Run = None
) -> Response:
    """One page of the newest run, with the tables, charts and warnings of that page."""
    content = parts.pages.one(who.tenant, _run_id(parts, who.tenant, document_id, run), number)
    wanted = Wanted(include_of(include))
    own = content.model_dump(mode="json", include={"tables", "charts", "warnings"})
    left_out = {str(part) for part in (Include.TABLES, Include.CHARTS) if not wanted.has(part)}
    rest = orjson.dumps({name: value for name, value in own.items() if name not in left_out})
    return Response(page_json(content, wanted)[:-1] + b"," + rest[1:], media_type=JSON)


@router.get(
    "/{number}/image",
    response_class=Response,
    responses=examples.problems(404, 410, 422, 503) | {200: {"content": {"image/jpeg": {}, "image/png": {}}}},
)
async def get_image(
    document_id: str,
    number: Number,
    parts: Served,
    who: Reader,
    width: Annotated[int, Query(ge=16, le=4000, description="pixels")] = 1000,
) -> Response:
    """The page as a picture, rendered now."""
    image = await to_thread.run_sync(
        _rendered, parts, who.tenant, document_id, number, width, limiter=parts.drawing
    )
    return Response(image.data, media_type=image.media_type)


def _rendered(parts: Parts, tenant: TenantId, document_id: str, number: int, width: int) -> PageImage:
    row = parts.lookup.source(tenant, document_id)
    key = BlobKey(tenant, Digest(row.digest), row.generation)
    with parts.blobs.local(key) as path:
        return parts.cage.run(steps.render, SourceFile(str(path), row.media_type), number, width)
