"""Routes of runs: read again, retry, ask more, cancel, show."""

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from schemas.api import DocumentView, Listing, RunView
from schemas.ids import DocumentId, RunId
from schemas.request import Question, Task
from services.api import examples
from services.api.answers import document_answer, location_of, run_answer
from services.api.bodies import json_members
from services.api.creation import ids_of, once, replayed
from services.api.cursors import Cursor, next_cursor, number_of
from services.api.deps import Reader, Served, Submitter, Wait, Writer
from services.faults import invalid

router = APIRouter(prefix="/v1/documents/{document_id}", tags=["runs"])
Key = Annotated[str | None, Header(alias="Idempotency-Key", json_schema_extra=examples.KEY_SHAPE)]


class Questions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    questions: list[Question] = Field(min_length=1, max_length=50)
    password: SecretStr | None = Field(default=None, max_length=512)


class Retry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: SecretStr | None = Field(default=None, max_length=512)


@router.post(
    "/runs",
    status_code=202,
    response_model=RunView,
    responses=examples.runs_made() | examples.problems(400, 404, 409, 410, 413, 415, 422, 429),
    openapi_extra=examples.POST_RUN,
)
async def post_run(
    request: Request, document_id: str, parts: Served, who: Submitter, wait: Wait, idempotency_key: Key = None
) -> Response:
    """Read the document again. The body is `{"request": {...}}`, or the members of the request itself."""
    async with once(request, parts, who.tenant, idempotency_key) as post:
        body = await json_members(request, parts)
        members = body["request"] if set(body) == {"request"} else body
        ask = await to_thread.run_sync(parts.asks.check, who.tenant, members)
        fingerprint = await to_thread.run_sync(post.fingerprint, "", members)
        earlier = post.replay(fingerprint)
        if earlier is not None and wait is None:
            return replayed(earlier)
        if earlier is not None:
            run = ids_of(earlier)
        else:
            also = post.commit(fingerprint, parts.lookup.run_json, location_of)
            made = await to_thread.run_sync(
                parts.ingest.read_again, who.tenant, DocumentId(document_id), ask, also
            )
            run = made.document_id, made.run_id
    return await run_answer(parts, who.tenant, run, wait, accepted=True)


@router.get("/runs", responses=examples.problems(404, 410, 422))
def list_runs(
    document_id: str,
    parts: Served,
    who: Reader,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Listing[RunView]:
    """All runs of a document, newest first."""
    before = number_of("runs", cursor)
    found = parts.lookup.runs(who.tenant, document_id, before, limit + 1)
    items = [parts.lookup.show_run(row) for row in found[:limit]]
    more = next_cursor("runs", str(found[limit - 1].number)) if len(found) > limit else None
    return Listing(items=items, next_cursor=more)


@router.get("/runs/{run_id}", response_model=RunView, responses=examples.problems(404, 410))
async def get_run(document_id: str, run_id: str, parts: Served, who: Reader, wait: Wait) -> Response:
    return await run_answer(parts, who.tenant, (document_id, run_id), wait)


@router.post(
    "/retry",
    status_code=202,
    response_model=RunView,
    responses=examples.runs_made() | examples.problems(400, 404, 409, 410, 413, 415, 422, 429),
    openapi_extra=examples.POST_RETRY,
)
async def retry(request: Request, document_id: str, parts: Served, who: Submitter, wait: Wait) -> Response:
    """A new run that redoes only what failed or was cancelled in the newest one."""
    try:
        body = Retry.model_validate(await json_members(request, parts))
    except ValidationError as error:
        raise invalid(error) from None
    password = body.password.get_secret_value() if body.password is not None else None
    await to_thread.run_sync(parts.admission.admit, who.tenant)
    made = await to_thread.run_sync(parts.ingest.retry, who.tenant, DocumentId(document_id), password)
    return await run_answer(parts, who.tenant, (made.document_id, made.run_id), wait, accepted=True)


@router.post(
    "/questions",
    status_code=202,
    response_model=RunView,
    responses=examples.runs_made() | examples.problems(400, 404, 409, 410, 413, 415, 422, 429),
    openapi_extra=examples.POST_QUESTIONS,
)
async def ask(request: Request, document_id: str, parts: Served, who: Submitter, wait: Wait) -> Response:
    """A run that asks more of the pages already read."""
    try:
        body = Questions.model_validate(await json_members(request, parts))
    except ValidationError as error:
        raise invalid(error) from None
    await to_thread.run_sync(parts.admission.admit, who.tenant)
    base = await to_thread.run_sync(parts.lookup.finished_run, who.tenant, document_id, None)
    members: dict[str, Any] = {**base.request, "questions": body.questions}
    if base.request.get("tasks") is not None:
        members["tasks"] = sorted({*base.request["tasks"], str(Task.QUESTIONS)})
    if body.password is not None:
        members["password"] = body.password
    checked = await to_thread.run_sync(parts.asks.check, who.tenant, members)
    made = await to_thread.run_sync(
        parts.ingest.ask_more, who.tenant, DocumentId(document_id), RunId(base.id), checked
    )
    return await run_answer(parts, who.tenant, (made.document_id, made.run_id), wait, accepted=True)


@router.post("/cancel", response_model=DocumentView, responses=examples.problems(404, 409, 410))
async def cancel(document_id: str, parts: Served, who: Writer) -> Response:
    """Stop the newest run; what was read so far stays."""
    run_id = await to_thread.run_sync(parts.ingest.cancel, who.tenant, DocumentId(document_id))
    return await document_answer(parts, who.tenant, (document_id, run_id))
