"""Routes of what is asked across documents: queries, fields one by one, words on pages."""

from collections.abc import Iterator
from itertools import chain
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from schemas.api import Listing
from schemas.field import FieldState
from schemas.ids import TenantId
from services.api import examples, query_examples
from services.api.answers import JSON
from services.api.bodies import json_members
from services.api.cursors import cursor_of, next_cursor
from services.api.deps import Reader, Served
from services.api.passing import Passing
from services.container import Parts
from services.faults import fault
from services.query import formats
from services.query.ast import Op
from services.query.ast import Query as Asked
from services.query.engine import DEFAULT_LIMIT, MAX_LIMIT
from services.query.formats import Format
from services.query.parse import parse
from services.query.simple import simple

router = APIRouter(prefix="/v1", tags=["query"])
# OpenAPI has no parameter of this name: the types of the answer say what may be asked for.
Accept = Annotated[str | None, Header(include_in_schema=False)]
_CURSOR = Query(max_length=4000)
_ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "rows; streams hold all of them",
        "content": {kind: {} for kind in Format if kind is not Format.JSON},
    }
}


@router.post(
    "/query",
    response_model=Listing[dict[str, Any]],
    responses=examples.problems(400, 406, 413, 415, 422) | _ROWS,
    openapi_extra=query_examples.POST_QUERY,
)
async def post_query(request: Request, parts: Served, who: Reader, accept: Accept = None) -> Response:
    """Rows over the newest finished run of every document, or over the items of a list; or sums of them.

    JSON comes page by page (`limit` to 1000, `cursor`), other formats as a stream of all rows, or `limit`.
    """
    form = formats.wanted(accept)
    members = await json_members(request, parts)
    return await to_thread.run_sync(_answer, parts, who.tenant, parse(members), form)


@router.get(
    "/fields",
    response_model=Listing[dict[str, Any]],
    responses=examples.problems(406, 422) | _ROWS,
)
async def get_fields(
    request: Request,
    parts: Served,
    who: Reader,
    field: Annotated[str, Query(min_length=1, max_length=2000, examples=["total", "line_items[].sku"])],
    op: Annotated[str | None, Query(json_schema_extra={"enum": list(Op)}, examples=["gt"])] = None,
    value: Annotated[str | None, Query(max_length=2000, examples=["100"])] = None,
    state: Annotated[str | None, Query(json_schema_extra={"enum": list(FieldState)})] = None,
    confidence_below: Annotated[float | None, Query(ge=0, le=1)] = None,
    document_id: Annotated[str | None, Query(max_length=64)] = None,
    schema: Annotated[str | None, Query(max_length=100, examples=["invoice"])] = None,
    cursor: Annotated[str | None, _CURSOR] = None,
    limit: Annotated[int | None, Query(ge=1)] = None,
    accept: Accept = None,
) -> Response:
    """One field in all documents: value, state, confidence, currency. Labels as `label.KEY=value`."""
    marks = [(k[6:], v) for k, v in request.query_params.multi_items() if k.startswith("label.")]
    members = simple(
        field,
        op=op,
        value=value,
        state=state,
        confidence_below=confidence_below,
        document_id=document_id,
        schema=schema,
        marks=marks,
    )
    asked = parse(members | {"cursor": cursor, "limit": limit})
    form = formats.wanted(accept)
    return await to_thread.run_sync(_answer, parts, who.tenant, asked, form)


def _answer(parts: Parts, tenant: TenantId, asked: Asked, form: Format) -> Response:
    listing = f"query-{asked.fingerprint}"
    after = cursor_of(listing, asked.cursor)
    if form is Format.JSON:
        limit = asked.limit or DEFAULT_LIMIT
        if limit > MAX_LIMIT:
            raise fault("/limit", "less_than_equal", f"at most {MAX_LIMIT}; streams take more")
        answer = parts.queries.page(tenant, asked, after, limit)
        more = next_cursor(listing, answer.next_place) if answer.next_place is not None else None
        return Response(formats.page_json(answer, more), media_type=JSON)
    answers = parts.queries.pages(tenant, asked, after, asked.limit)
    if form is Format.XLSX:
        by_schema = asked.list_path is None and asked.select is None and not asked.aggregate
        path = parts.workbooks.of_query(tenant, answers, by_schema=by_schema)
        return Passing(path, media_type=form, filename="query.xlsx")
    # The first page is read before the answer begins: a fault of the query is a problem, not half a file.
    first = next(answers)
    pieces: Iterator[bytes] = formats.streamed(form, chain([first], answers))
    name = {Format.CSV: "query.csv", Format.PARQUET: "query.parquet"}.get(form)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} if name else None
    kind = f"{form}; charset=utf-8" if form is Format.CSV else str(form)
    return StreamingResponse(pieces, media_type=kind, headers=headers)
