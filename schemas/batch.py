"""Batches and their members as the API shows them."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Member

from schemas.errors import ErrorInfo
from schemas.result import RunState


class BatchCounts(BaseModel):
    """Members by how they stand; `pending` is everything that has not ended, read or not."""

    pending: int = 0
    succeeded: int = 0
    partial: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    deleted: int = 0


class BatchProgress(BaseModel):
    """``members_total`` grows until `expanded` is true."""

    members_total: int
    members_done: int


class BatchView(BaseModel):
    """`GET /v1/batches/{id}`."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    state: RunState
    error: ErrorInfo | None = None
    kind: str
    filename: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    prefix: str | None = None
    schema_: str | None = Member(default=None, alias="schema")
    request: dict[str, Any]
    expanded: bool
    progress: BatchProgress
    counts: BatchCounts
    refused: dict[str, int] = {}
    """Refused members by the code of the reason."""

    skipped: dict[str, int] = {}
    """What was passed over without a word: `junk`, `empty`, `directory`, and inner archives (`archive`)."""

    sequence: int
    """Of the newest line of `results.ndjson`."""

    created_at: str
    finished_at: str | None = None


class MemberView(BaseModel):
    """`GET /v1/batches/{id}/documents`: one member, whether or not it became a document."""

    number: int
    """Its place in the archive, the list or the bucket, counted from 1; what was skipped leaves a gap."""

    name: str | None
    external_id: str | None = None
    state: str
    """`waiting`, `refused`, or the state of the document."""

    error: ErrorInfo | None = None
    document_id: str | None = None
    run_id: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    sha256: str | None = None
