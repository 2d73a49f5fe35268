"""The result of a run as JSON: the published shape, version 1."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Member

from schemas.chart import Chart
from schemas.errors import ErrorInfo, ResultWarning
from schemas.field import Answer, Field
from schemas.page import PageResult
from schemas.split import Part, Split
from schemas.table import Table

SCHEMA_VERSION = "1"


class RunState(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self not in (RunState.QUEUED, RunState.PROCESSING)


class Progress(BaseModel):
    pages_total: int | None = None
    pages_done: int = 0
    pages_failed: int = 0


class Usage(BaseModel):
    pages: int = 0
    reused_pages: int = 0
    visual_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class DocumentInfo(BaseModel):
    """A document with the state of one of its runs (the newest unless another was asked for).

    ``parent_id`` and ``part``: of a document that is part of a file which was split.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: str
    run_id: str
    batch_id: str | None = None
    parent_id: str | None = None
    part: Part | None = None
    external_id: str | None = None
    state: RunState
    error: ErrorInfo | None = None
    progress: Progress
    filename: str | None = None
    media_type: str
    bytes: int
    sha256: str
    schema_: str | None = Member(default=None, alias="schema")
    labels: dict[str, str] = {}
    created_at: str
    finished_at: str | None = None
    expires_at: str | None = None


class DocumentOutcome(BaseModel):
    """What the whole document yielded beyond its pages; written once when the run finishes."""

    warnings: list[ResultWarning] = []
    split: Split | None = None
    tables: list[Table] = []
    charts: list[Chart] = []
    extraction: dict[str, Any] | None = None
    extraction_valid: bool | None = None
    fields: list[Field] = []
    answers: list[Answer] = []


class Result(DocumentOutcome):
    """`GET .../result`. Parts that `include` leaves out are absent."""

    schema_version: str = SCHEMA_VERSION
    usage: Usage
    document: DocumentInfo
    pages: list[PageResult] = []
