"""Shapes of requests and answers, as types of the JSON itself: members added later are simply there."""

from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

T = TypeVar("T")

Box = list[float]
"""[x0, y0, x1, y1] in the unit of the page, from its top left corner."""

State = Literal["queued", "processing", "succeeded", "partial", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"succeeded", "partial", "failed", "cancelled"})


class Listing(TypedDict, Generic[T]):
    items: list[T]
    next_cursor: str | None


class Budget(TypedDict, total=False):
    profile: Literal["fast", "balanced", "accurate"]
    min_pixels: int
    max_pixels: int


DocumentClass = Literal[
    "invoice", "receipt", "purchase_order", "bank_statement", "id_document", "contract", "other"
]


class SplitRequest(TypedDict, total=False):
    """How to split: the named schema that parts of a class are read with."""

    schemas: dict[DocumentClass, str]


class Request(TypedDict, total=False):
    """What is asked of a document."""

    tasks: list[Literal["text", "tables", "charts", "fields", "questions"]]
    schema: dict[str, Any] | str
    questions: list[str]
    pages: str
    split: bool | SplitRequest
    languages: list[str]
    budget: Budget
    engine: str
    reuse: bool
    password: str
    priority: Literal["interactive", "bulk"]
    callback_url: str
    labels: dict[str, str]
    external_id: str
    retention_hours: int


class Error(TypedDict):
    code: str
    detail: str
    retryable: bool


class Warned(TypedDict):
    code: str
    detail: str
    page: int | None
    path: str | None


class Progress(TypedDict):
    pages_total: int | None
    pages_done: int
    pages_failed: int


class Usage(TypedDict):
    pages: int
    reused_pages: int
    visual_tokens: int
    prompt_tokens: int
    completion_tokens: int


Part = TypedDict("Part", {"pages": str, "class": DocumentClass, "confidence": float | None})
"""Pages of a file that are one document."""

SplitPart = TypedDict(
    "SplitPart",
    {
        "pages": str,
        "class": DocumentClass,
        "confidence": float | None,
        "document_id": str | None,
        "signs": list[str],
    },
)


class Separator(TypedDict):
    page: int
    kind: Literal["blank", "barcode"]


class Split(TypedDict):
    """Every page that was asked for is in one part, or is a separator."""

    parts: list[SplitPart]
    separators: list[Separator]


class Document(TypedDict):
    """A document in the state of its newest run.

    ``parts``: of a file that was split, when it is looked at by itself.
    """

    id: str
    run_id: str
    batch_id: str | None
    parent_id: str | None
    part: Part | None
    parts: NotRequired[list[SplitPart] | None]
    external_id: str | None
    state: State
    error: Error | None
    progress: Progress
    filename: str | None
    media_type: str
    bytes: int
    sha256: str
    schema: str | None
    labels: dict[str, str]
    created_at: str
    finished_at: str | None
    expires_at: str | None


class Run(TypedDict):
    id: str
    document_id: str
    state: State
    error: Error | None
    progress: Progress
    usage: Usage
    request: dict[str, Any]
    schema: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class Evidence(TypedDict):
    page: int
    quote: str
    boxes: list[Box] | None
    match: Literal["exact", "fuzzy", "model"]


class Correction(TypedDict):
    value: Any
    by: str
    at: str


class Field(TypedDict):
    path: str
    type: str
    state: Literal["found", "missing", "blank", "unreadable", "ambiguous", "invalid", "unsupported"]
    value: Any
    decimal: str | None
    currency: str | None
    raw: str | None
    confidence: float | None
    candidates: list[Any]
    correction: Correction | None
    evidence: list[Evidence]


class Answer(TypedDict):
    question: str
    state: Literal["answered", "not_found", "unsupported"]
    answer: str | None
    confidence: float | None
    evidence: list[Evidence]


class Block(TypedDict):
    id: str
    kind: str
    level: int | None
    table_id: str | None
    text: str
    bbox: Box | None
    confidence: float | None
    format: NotRequired[str | None]


class Word(TypedDict):
    text: str
    bbox: Box | None
    confidence: float | None
    block: str | None


class _PageAlways(TypedDict):
    number: int
    unit: Literal["pt", "px"]
    width: float
    height: float
    state: str
    source: str | None
    engine: dict[str, Any] | None
    attempts: int
    error: Error | None


class Page(_PageAlways, total=False):
    """Parts that ``include`` leaves out are absent."""

    dpi: float | None
    rotation: int
    content_rotation: int
    skew: float | None
    language: str | None
    budget: dict[str, Any] | None
    text: str
    markdown: str
    blocks: list[Block]
    words: list[Word]


class _ResultAlways(TypedDict):
    schema_version: str
    warnings: list[Warned]
    split: Split | None
    usage: Usage
    document: Document
    pages: list[Page]


class Result(_ResultAlways, total=False):
    """Parts that ``include`` leaves out are absent."""

    tables: list[dict[str, Any]]
    charts: list[dict[str, Any]]
    extraction: dict[str, Any] | None
    extraction_valid: bool | None
    fields: list[Field]
    answers: list[Answer]


class Change(TypedDict, total=False):
    """A correction to make: a value (None: it is not in the document), or `withdraw`."""

    path: str
    value: Any
    withdraw: bool


class Corrected(TypedDict):
    fields: list[Field]
    extraction: dict[str, Any] | None
    extraction_valid: bool | None


class Hit(TypedDict):
    """A page that holds the words; ``highlights``: where in the snippet, in characters."""

    document_id: str
    run_id: str
    filename: str | None
    page: int
    score: float
    snippet: str
    highlights: list[tuple[int, int]]


class SchemaInfo(TypedDict):
    name: str
    version: int
    builtin: bool
    title: str | None
    description: str | None
    created_at: str | None


class NamedSchema(SchemaInfo):
    schema: dict[str, Any]


class Proposal(TypedDict):
    """A schema proposed from a document; ``basis``: what is printed where."""

    schema: dict[str, Any]
    basis: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


class EventData(TypedDict):
    document_id: str | None
    run_id: str | None
    batch_id: str | None
    external_id: str | None
    state: str
    sequence: int


class Event(TypedDict):
    """What a webhook brings; ``sequence`` orders the events of a document."""

    type: str
    timestamp: str
    data: EventData
