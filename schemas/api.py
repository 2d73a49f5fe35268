"""Envelopes of the HTTP API: problems, lists, documents with links, runs."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Member

from schemas.errors import ErrorInfo, ErrorItem
from schemas.result import DocumentInfo, Progress, Result, RunState, Usage
from schemas.split import SplitPart

T = TypeVar("T")


class Problem(BaseModel):
    """RFC 9457 `application/problem+json`."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    retryable: bool = False
    request_id: str
    errors: list[ErrorItem] = []


class Listing(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None = None


class DocumentView(DocumentInfo):
    """`GET /v1/documents/{id}`; ``result`` only with `?expand=result` once finished.

    ``parts``: the documents that a file was split into, those there are now.
    """

    parts: list[SplitPart] | None = None
    result: Result | None = None


class UploadView(BaseModel):
    """Where to send the bytes of a large file."""

    upload_id: str
    url: str
    method: str = "PUT"
    headers: dict[str, str] = {}
    expires_at: str


class RunView(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    id: str
    document_id: str
    state: RunState
    error: ErrorInfo | None = None
    progress: Progress
    usage: Usage
    request: dict[str, Any]
    schema_: str | None = Member(default=None, alias="schema")
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
