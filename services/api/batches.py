"""Routes of batches: post, list, show, cancel, retry, delete."""

import time
from typing import Annotated, Any

import anyio
import orjson
import sqlalchemy as sa
from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from schemas.api import Listing
from schemas.batch import BatchView
from schemas.ids import BatchId, TenantId
from schemas.request import Priority
from schemas.result import RunState
from services import idempotency
from services.api import batch_examples, examples
from services.api.answers import JSON
from services.api.batch_bodies import PostedBatch, posted_sources, received_batch
from services.api.creation import Once, once, replayed
from services.api.cursors import Cursor, cursor_of, next_cursor
from services.api.deps import Reader, Served, Submitter, Wait, Writer
from services.asks import Ask
from services.batches import Also
from services.container import Parts
from services.idempotency import Answer

router = APIRouter(prefix="/v1/batches", tags=["batches"])

_LOOK_S = 0.5


@router.post(
    "",
    status_code=202,
    response_model=BatchView,
    responses=batch_examples.made() | examples.problems(400, 404, 409, 410, 413, 415, 422, 429),
    openapi_extra=batch_examples.POST_BATCH,
)
async def post_batch(
    request: Request,
    parts: Served,
    who: Submitter,
    wait: Wait,
    idempotency_key: Annotated[
        str | None,
        Header(description="same key and body: same answer, for 24 h", json_schema_extra=examples.KEY_SHAPE),
    ] = None,
) -> Response:
    """Post many documents at once: an archive, a bucket prefix, or a list of sources.

    An archive (zip, tar, tar.gz, tar.zst, 7z) comes as multipart with a part `file`, as the body itself, or
    from a `source`. `request` holds for all members; its `priority` is `bulk` unless it says otherwise.
    """
    tenant = who.tenant
    async with (
        once(request, parts, tenant, idempotency_key) as post,
        received_batch(request, parts, tenant) as got,
    ):
        got.request.setdefault("priority", str(Priority.BULK))
        ask = await to_thread.run_sync(parts.asks.check, tenant, got.request)
        fingerprint = await to_thread.run_sync(post.fingerprint, got.origin, got.shown())
        earlier = post.replay(fingerprint)
        if earlier is not None:
            return replayed(earlier)
        also = _answer(parts, post, fingerprint, got)
        batch = await _made(parts, tenant, got, ask, also)
    return await _shown(parts, tenant, batch, wait, accepted=True)


async def _made(parts: Parts, tenant: TenantId, got: PostedBatch, ask: Ask, also: Also) -> BatchId:
    if got.prefix is not None:
        parts.sources.buckets.check(tenant, got.prefix)
        return await to_thread.run_sync(parts.batches.of_prefix, tenant, got.prefix, ask, also)
    if got.archive is None:

        def check(members: dict[str, Any], at: str) -> Ask:
            return parts.asks.check(tenant, members, at)

        sources = await to_thread.run_sync(posted_sources, parts, tenant, got, check)
        return await to_thread.run_sync(parts.batches.of_sources, tenant, sources, ask, also)
    staged = await got.archive.stage(parts, tenant)
    batch = await to_thread.run_sync(parts.batches.of_archive, tenant, staged, ask, also)
    if got.archive.upload is not None:
        await to_thread.run_sync(parts.sources.presigned.discard, tenant, got.archive.upload)
    return batch


def _answer(parts: Parts, post: Once, fingerprint: str, got: PostedBatch) -> Also:
    """What is written in the transaction that makes the batch: the answer, and that an upload was used."""
    upload = got.archive.upload if got.archive is not None else None

    def also(connection: sa.Connection, batch: BatchId) -> None:
        if upload is not None:
            parts.sources.presigned.use(connection, post.tenant, upload)
        if post.held is not None:
            body = parts.batches.view_json(connection, post.tenant, batch)
            headers = {"Location": _location(batch)}
            idempotency.settle(connection, post.held, fingerprint, Answer(202, headers, body), batch)

    return also


@router.get("", responses=examples.problems(422))
def list_batches(
    parts: Served,
    who: Reader,
    state: RunState | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Listing[BatchView]:
    """Batches, newest first."""
    before = cursor_of("batches", cursor)
    found = parts.batches.views(who.tenant, state, before, limit + 1)
    items = found[:limit]
    return Listing(
        items=items, next_cursor=next_cursor("batches", items[-1].id) if len(found) > limit else None
    )


@router.get("/{batch_id}", response_model=BatchView, responses=examples.problems(404))
async def get_batch(batch_id: str, parts: Served, who: Reader, wait: Wait) -> Response:
    """A batch: how its members stand, what was refused and why, what was skipped."""
    return await _shown(parts, who.tenant, batch_id, wait)


@router.post(
    "/{batch_id}/cancel",
    status_code=202,
    response_model=BatchView,
    responses=batch_examples.made() | examples.problems(404, 409),
)
async def cancel_batch(batch_id: str, parts: Served, who: Writer, wait: Wait) -> Response:
    """Find no more members, cancel the documents that have not ended; what was read can be had."""
    await to_thread.run_sync(parts.batches.cancel, who.tenant, batch_id)
    return await _shown(parts, who.tenant, batch_id, wait, accepted=True)


@router.post(
    "/{batch_id}/retry",
    status_code=202,
    response_model=BatchView,
    responses=batch_examples.made() | examples.problems(404, 409),
)
async def retry_batch(batch_id: str, parts: Served, who: Submitter, wait: Wait) -> Response:
    """Try again what failed, was cancelled, or could not be fetched; only failed pages are read again.

    Each adds a line with a higher sequence to `results.ndjson` when it ends.
    """
    await to_thread.run_sync(parts.batches.retry, who.tenant, batch_id)
    return await _shown(parts, who.tenant, batch_id, wait, accepted=True)


@router.delete("/{batch_id}", status_code=204, responses=examples.problems(404, 422))
def delete_batch(
    batch_id: str,
    parts: Served,
    who: Writer,
    documents: Annotated[bool, Query(description="delete its documents, too: within a minute")] = False,
) -> None:
    """Delete a batch with the names of its members, its archive and what has not become a document yet.

    One that is under way finds no more members. Its documents stay, or with `documents` expire at once.
    """
    parts.batches.delete(who.tenant, batch_id, documents_too=documents)


async def _shown(
    parts: Parts, tenant: TenantId, batch: str, wait: int | None, *, accepted: bool = False
) -> Response:
    """The batch, once it has ended or the time is over; ``accepted``: 202 while it is under way."""
    until = time.monotonic() + (wait or 0)
    view = await to_thread.run_sync(parts.batches.view, tenant, batch)
    while wait and not view.state.terminal and time.monotonic() < until and not parts.watch.closed:
        await anyio.sleep(min(_LOOK_S, max(0.0, until - time.monotonic())))
        view = await to_thread.run_sync(parts.batches.view, tenant, batch)
    headers = {} if wait is None else {"Preference-Applied": f"wait={wait}"}
    if accepted:
        headers["Location"] = _location(batch)
    if not view.state.terminal:
        headers["Retry-After"] = "1"
    body = orjson.dumps(view.model_dump(mode="json", by_alias=True))
    status = 202 if accepted and not view.state.terminal else 200
    return Response(body, status_code=status, media_type=JSON, headers=headers)


def _location(batch: str) -> str:
    return f"/v1/batches/{batch}"
