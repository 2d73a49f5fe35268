"""Routes of a batch's members and results."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import anyio
from anyio import to_thread
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from schemas.api import Listing
from schemas.batch import MemberView
from schemas.ids import TenantId
from services.api import examples
from services.api.cursors import Cursor, next_cursor, number_of
from services.api.deps import Reader, Served
from services.api.results import Included, include_of
from services.container import Parts
from services.results import Wanted

router = APIRouter(prefix="/v1/batches/{batch_id}", tags=["batches"])

_LOOK_S = 0.5
_SIGN_OF_LIFE_S = 15.0

State = Annotated[
    str | None,
    Query(
        description="only these: `waiting`, `refused`, or a state of documents",
        pattern="^(waiting|refused|queued|processing|succeeded|partial|failed|cancelled)$",
    ),
]


def _streamed(*types: str) -> dict[int | str, dict[str, object]]:
    return {200: {"content": {name: {} for name in types}}}


@router.get("/documents", responses=examples.problems(404, 422))
def list_members(
    batch_id: str,
    parts: Served,
    who: Reader,
    state: State = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Listing[MemberView]:
    """Every member in order, refused ones with their reason."""
    after = number_of("members", cursor)
    found = parts.batches.members(who.tenant, batch_id, state, after, limit + 1)
    items = found[:limit]
    more = len(found) > limit
    return Listing(items=items, next_cursor=next_cursor("members", str(items[-1].number)) if more else None)


@router.get(
    "/results.ndjson",
    response_class=StreamingResponse,
    responses=examples.problems(404, 422) | _streamed("application/x-ndjson"),
)
async def get_lines(
    batch_id: str,
    parts: Served,
    who: Reader,
    cursor: Annotated[int, Query(ge=0, le=2**53, description="`sequence` of the last line you have")] = 0,
    follow: Annotated[bool, Query(description="go on until the batch has ended")] = False,
    include: Included = None,
) -> StreamingResponse:
    """A line for each member that has ended, in the order of their ends; a retry adds a line.

    Lines never change, and are numbered by `sequence`: to go on, give the last number as `cursor`.
    """
    wanted = Wanted(include_of(include))
    await to_thread.run_sync(parts.batches.row, who.tenant, batch_id)
    lines = _lines(parts, who.tenant, batch_id, cursor, wanted, follow=follow)
    return StreamingResponse(lines, media_type="application/x-ndjson")


async def _lines(
    parts: Parts, tenant: TenantId, batch: str, after: int, wanted: Wanted, *, follow: bool
) -> AsyncIterator[bytes]:
    heard = time.monotonic()
    while True:
        # Looked at first: a batch that ended after its last line was read would be taken for one without it.
        row = await to_thread.run_sync(parts.batches.row, tenant, batch) if follow else None
        before = after
        async for sequence, pieces in iterate_in_threadpool(
            parts.batch_results.lines(tenant, batch, after, wanted)
        ):
            async for piece in iterate_in_threadpool(pieces):
                yield piece
            after = sequence
        if after > before:
            heard = time.monotonic()
            continue
        if row is None or row.finished_at is not None or parts.watch.closed:
            return
        if time.monotonic() - heard > _SIGN_OF_LIFE_S:
            heard = time.monotonic()
            yield b"\n"  # so that a client that has gone is noticed, and one that is there does not give up
        await anyio.sleep(_LOOK_S)


@router.get(
    "/results.csv",
    response_class=StreamingResponse,
    responses=examples.problems(404) | _streamed("text/csv"),
)
def get_table(batch_id: str, parts: Served, who: Reader) -> StreamingResponse:
    """A row for each member as it stands now, with a column for each single value that `schema` asks for."""
    pieces = parts.batch_results.table(who.tenant, batch_id)
    return _attachment(pieces, "text/csv; charset=utf-8", f"{batch_id}.csv")


@router.get(
    "/results.zip",
    response_class=StreamingResponse,
    responses=examples.problems(404) | _streamed("application/zip"),
)
def get_archive(batch_id: str, parts: Served, who: Reader) -> StreamingResponse:
    """`members.csv` and the results there are now, each in a file named by the member's number."""
    parts.batches.row(who.tenant, batch_id)
    pieces = parts.batch_results.archive(who.tenant, batch_id)
    return _attachment(pieces, "application/zip", f"{batch_id}.zip")


def _attachment(pieces: Iterator[bytes], media_type: str, name: str) -> StreamingResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)
