"""Route of events: what happens to a document, page by page, as Server-Sent Events."""

from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from anyio import to_thread
from fastapi import APIRouter, Header
from fastapi.responses import Response, StreamingResponse

from schemas.ids import TenantId
from schemas.result import RunState
from services.api import examples
from services.api.deps import Reader, Served
from services.container import Parts
from services.views import Row, rfc3339

router = APIRouter(prefix="/v1/documents/{document_id}", tags=["documents"])

_HEARTBEAT_S = 15.0
_BATCH = 200
_ENDS = frozenset(f"document.{state}" for state in RunState if state.terminal)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses=examples.problems(404, 410, 422)
    | {
        200: {
            "content": {"text/event-stream": {}},
            "description": "events until the newest run has finished",
        },
        204: {"description": "the newest run has finished and there is nothing after Last-Event-ID"},
    },
)
async def get_events(
    document_id: str,
    parts: Served,
    who: Reader,
    last_event_id: Annotated[
        str | None, Header(pattern=r"^[0-9]{1,18}$", description="resume after it")
    ] = None,
) -> Response:
    """`page.finished` and `document.STATE` events; the stream ends when the newest run has."""
    after = int(last_event_id or 0)
    view = await to_thread.run_sync(parts.lookup.document, who.tenant, document_id)
    if last_event_id is not None and view.state.terminal:
        waiting = await to_thread.run_sync(parts.lookup.events, who.tenant, document_id, after, 1)
        if not waiting:
            return Response(status_code=204)  # tells an EventSource to stop reconnecting
    stream = _stream(parts, who.tenant, document_id, after)
    return StreamingResponse(stream, media_type="text/event-stream")


async def _stream(parts: Parts, tenant: TenantId, document_id: str, after: int) -> AsyncIterator[bytes]:
    async with parts.watch.waiting(document_id) as waiter:
        sent = after
        yield b"retry: 1000\n\n"
        while True:
            # What is stored already, or was missed by a slow client.
            waiter.lost = False
            while rows := await to_thread.run_sync(parts.lookup.events, tenant, document_id, sent, _BATCH):
                yield b"".join(frame(row) for row in rows)
                sent = rows[-1].seq
            if parts.watch.closed or await _over(parts, tenant, document_id, sent):
                return
            while not waiter.lost:
                row = await waiter.next(_HEARTBEAT_S)
                if row is None:
                    yield b": waiting\n\n"
                    break
                if row.seq > sent:
                    yield frame(row)
                    sent = row.seq
                if row.type in _ENDS:
                    break


async def _over(parts: Parts, tenant: TenantId, document_id: str, sent: int) -> bool:
    """Whether the newest run has ended and all is sent; a document that is gone is over too."""
    view = await to_thread.run_sync(parts.lookup.find, tenant, document_id)
    if view is None:
        return True
    if not view.state.terminal:
        return False
    return not await to_thread.run_sync(parts.lookup.events, tenant, document_id, sent, 1)


def frame(row: Row) -> bytes:
    """One event on the wire."""
    data = {
        "type": row.type,
        "document_id": row.document_id,
        "run_id": row.run_id,
        "timestamp": rfc3339(row.created_at),
        **row.data,
    }
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (row.seq, row.type.encode(), orjson.dumps(data))
