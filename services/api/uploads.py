"""Routes of uploads that go straight to the bucket."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.api import UploadView
from schemas.numbers import OF_JSON
from services.api import examples
from services.api.bodies import json_members
from services.api.deps import Served, Submitter
from services.faults import invalid
from services.stores.upload_rows import Announced
from services.uploads import clean_filename
from services.views import rfc3339

router = APIRouter(prefix="/v1", tags=["documents"])


class UploadAsk(BaseModel):
    model_config = ConfigDict(extra="forbid")

    filename: Annotated[str, Field(max_length=1024)] | None = None
    bytes: Annotated[int, Field(ge=1), OF_JSON]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


@router.post(
    "/uploads",
    status_code=201,
    responses=examples.problems(400, 413, 415, 422, 503),
    openapi_extra=examples.POST_UPLOAD,
)
async def post_upload(request: Request, parts: Served, who: Submitter) -> UploadView:
    """Announce a large file, then send it to `url` yourself, straight to the bucket.

    Send exactly the announced bytes with the method and headers given, before `expires_at`; then
    `POST /v1/documents` with `{"source": {"upload": upload_id}}`. An upload becomes one document.
    """
    members = await json_members(request, parts)
    try:
        ask = UploadAsk.model_validate(members)
    except ValidationError as error:
        raise invalid(error) from None
    what = Announced(clean_filename(ask.filename), ask.bytes, ask.sha256)
    ticket = await to_thread.run_sync(parts.sources.presigned.begin, who.tenant, what)
    expires_at = rfc3339(ticket.expires_at)
    assert expires_at is not None
    return UploadView(upload_id=ticket.upload_id, url=ticket.url, expires_at=expires_at)
