"""Routes of documents: post, list, show, delete."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from schemas.api import DocumentView, Listing
from schemas.ids import DocumentId
from schemas.result import DocumentInfo, RunState
from schemas.split import DocumentClass
from services.access import Scope
from services.api import examples
from services.api.answers import Expand, document_answer, location_of, waited
from services.api.bodies import received
from services.api.creation import ids_of, once, replayed, together
from services.api.cursors import Cursor, cursor_of, next_cursor
from services.api.deps import Reader, Served, Submitter, Wait, Writer
from services.faults import fault
from services.lookup import DocumentFilter
from services.views import parse_time

router = APIRouter(prefix="/v1/documents", tags=["documents"])


@router.post(
    "",
    status_code=202,
    response_model=DocumentView,
    responses=examples.created(200, 202) | examples.problems(400, 404, 409, 410, 413, 415, 422, 429),
    openapi_extra=examples.POST_DOCUMENT,
)
async def post_document(
    request: Request,
    parts: Served,
    who: Submitter,
    wait: Wait,
    expand: Expand | None = None,
    idempotency_key: Annotated[
        str | None,
        Header(description="same key and body: same answer, for 24 h", json_schema_extra=examples.KEY_SHAPE),
    ] = None,
) -> Response:
    """Post a document and start its first run.

    Multipart with a part `file` and a JSON part `request` or plain form fields; or JSON with a `source`.
    202 with `Location`; with `Prefer: wait=N` 200 if the run finishes in time.
    """
    tenant = who.tenant
    if expand is not None:
        who.require(Scope.READ)
    async with (
        once(request, parts, tenant, idempotency_key) as post,
        received(request, parts, tenant) as got,
    ):
        ask = await to_thread.run_sync(parts.asks.check, who.tenant, got.members)
        fingerprint = await to_thread.run_sync(post.fingerprint, got.origin, got.members)
        earlier = post.replay(fingerprint)
        if earlier is not None and wait is None:
            return replayed(earlier)
        if earlier is not None:
            run = ids_of(earlier)
        else:
            staged = await got.stage(parts, tenant)
            answer = post.commit(
                fingerprint, parts.lookup.document_json, lambda document, _: location_of(document)
            )
            also = together(parts.sources.presigned.using(tenant, got.upload), answer)
            made = await to_thread.run_sync(parts.ingest.create, tenant, staged, ask, also)
            run = made.document_id, made.run_id
            if got.upload is not None:
                await to_thread.run_sync(parts.sources.presigned.discard, tenant, got.upload)
    headers = await waited(parts, who.tenant, run, wait)
    if earlier is not None:
        headers["Idempotency-Replayed"] = "true"
    return await document_answer(parts, who.tenant, run, expand=expand, headers=headers, accepted=True)


@router.get("", responses=examples.problems(422))
def list_documents(
    request: Request,
    parts: Served,
    who: Reader,
    state: RunState | None = None,
    batch_id: str | None = None,
    parent_id: Annotated[str | None, Query(description="parts of this file")] = None,
    document_class: Annotated[
        DocumentClass | None, Query(alias="class", description="parts of this class")
    ] = None,
    external_id: str | None = None,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
    created_after: Annotated[
        str | None, Query(description="RFC 3339; later than this", json_schema_extra={"format": "date-time"})
    ] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Listing[DocumentInfo]:
    """Documents, newest first. Filter by label with `label.KEY=value`."""
    marks = tuple(
        (name.removeprefix("label."), value)
        for name, value in request.query_params.multi_items()
        if name.startswith("label.")
    )
    if len(marks) > 8:
        raise fault("/query/label", "too_many", "at most 8 labels")
    after = parse_time(created_after, "/query/created_after") if created_after is not None else None
    wanted = DocumentFilter(
        state=state,
        batch_id=batch_id,
        parent_id=parent_id,
        document_class=document_class,
        external_id=external_id,
        sha256=sha256,
        created_after=after,
        labels=marks,
    )
    before = cursor_of("documents", cursor)
    found = parts.lookup.documents(who.tenant, wanted, before, limit + 1)
    more = len(found) > limit
    items = [
        DocumentInfo(**view.model_dump(by_alias=True, exclude={"result", "parts"})) for view in found[:limit]
    ]
    return Listing(items=items, next_cursor=next_cursor("documents", items[-1].id) if more else None)


@router.get("/{document_id}", response_model=DocumentView, responses=examples.problems(404, 410, 422))
async def get_document(
    document_id: str, parts: Served, who: Reader, wait: Wait, expand: Expand | None = None
) -> Response:
    """A document in the state of its newest run."""
    run_id = await to_thread.run_sync(parts.lookup.newest_run_id, who.tenant, document_id)
    run = (document_id, run_id)
    headers = await waited(parts, who.tenant, run, wait)
    return await document_answer(parts, who.tenant, run, expand=expand, headers=headers)


@router.delete("/{document_id}", status_code=204, responses=examples.problems(404, 410))
def delete_document(document_id: str, parts: Served, who: Writer) -> None:
    """Delete a document with its runs, results and parts; its bytes go unless another has them too."""
    parts.ingest.delete(who.tenant, DocumentId(document_id))
    parts.watch.nudge(document_id)
