"""Answers about documents and runs that several routes give: after waiting, with the result inlined."""

from collections.abc import Iterator
from enum import StrEnum

import orjson
from anyio import to_thread
from fastapi.responses import Response, StreamingResponse

from schemas.api import DocumentView, RunView
from schemas.errors import Conflict
from schemas.ids import TenantId
from schemas.result import DocumentInfo
from services.container import Parts
from services.results import Wanted
from services.waits import until_finished

JSON = "application/json"


class Expand(StrEnum):
    RESULT = "result"


def info_json(view: DocumentInfo) -> bytes:
    return orjson.dumps(view.model_dump(mode="json", by_alias=True, exclude={"result"}))


def location_of(document_id: str, run_id: str | None = None) -> str:
    return f"/v1/documents/{document_id}" + (f"/runs/{run_id}" if run_id else "")


async def waited(parts: Parts, tenant: TenantId, run: tuple[str, str], seconds: int | None) -> dict[str, str]:
    """Wait as far as was asked; the header that says so."""
    if seconds is None:
        return {}
    await until_finished(parts.lookup, parts.watch, tenant, run, seconds)
    return {"Preference-Applied": f"wait={seconds}"}


async def document_answer(
    parts: Parts,
    tenant: TenantId,
    run: tuple[str, str],
    *,
    expand: Expand | None = None,
    headers: dict[str, str] | None = None,
    accepted: bool = False,
) -> Response:
    """The document in the light of one run; ``accepted``: 202 while that run is unfinished."""
    document_id, run_id = run
    view = await to_thread.run_sync(parts.lookup.document, tenant, document_id, run_id)
    status = 202 if accepted and not view.state.terminal else 200
    headers = dict(headers or {})
    if accepted:
        headers["Location"] = location_of(document_id)
    if not view.state.terminal:
        headers["Retry-After"] = "1"
    if expand is None or not view.state.terminal:
        return Response(info_json(view), status_code=status, media_type=JSON, headers=headers)
    pieces = await to_thread.run_sync(_expanded, parts, tenant, view)
    return StreamingResponse(pieces, status_code=status, media_type=JSON, headers=headers)


def _expanded(parts: Parts, tenant: TenantId, view: DocumentView) -> Iterator[bytes]:
    """The document with its result inlined; a failed run has none, and its error says why."""
    head = info_json(view)[:-1] + b',"result":'
    try:
        run = parts.lookup.finished_run(tenant, view.id, view.run_id)
    except Conflict:
        return iter((head + b"null}",))
    return _joined(head, parts.results.stream(tenant, view, run, Wanted()))


def _joined(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces
    yield b"}"


async def run_answer(
    parts: Parts, tenant: TenantId, run: tuple[str, str], wait: int | None, *, accepted: bool = False
) -> Response:
    """A run; ``accepted``: it was made by this request, 202 while it is unfinished."""
    headers = await waited(parts, tenant, run, wait)
    view: RunView = await to_thread.run_sync(parts.lookup.run, tenant, *run)
    if accepted:
        headers["Location"] = location_of(*run)
    if not view.state.terminal:
        headers["Retry-After"] = "1"
    status = 202 if accepted and not view.state.terminal else 200
    body = orjson.dumps(view.model_dump(mode="json", by_alias=True))
    return Response(body, status_code=status, media_type=JSON, headers=headers)
