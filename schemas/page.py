"""One page of a result: geometry, how it was read, blocks and words."""

from enum import StrEnum

from pydantic import BaseModel

from schemas.chart import Chart
from schemas.errors import ErrorInfo, ResultWarning
from schemas.finding import Finding, PageAnswer
from schemas.geometry import PublicBox
from schemas.request import Task
from schemas.table import Table


class PageState(StrEnum):
    """Public states are the terminal ones minus quarantine, which shows as ``failed``."""

    PENDING = "pending"
    READING = "reading"
    READ = "read"
    BLANK = "blank"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self not in (PageState.PENDING, PageState.READING)

    @property
    def failed(self) -> bool:
        """True when the page counts into ``progress.pages_failed``."""
        return self in (PageState.FAILED, PageState.QUARANTINED)


class PageSource(StrEnum):
    TEXT_LAYER = "text_layer"
    OCR = "ocr"
    MODEL = "model"


class Unit(StrEnum):
    POINT = "pt"
    PIXEL = "px"


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    FIGURE = "figure"
    FORMULA = "formula"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    HEADER = "header"
    FOOTER = "footer"
    PAGE_NUMBER = "page_number"
    CHECKBOX = "checkbox"
    SIGNATURE = "signature"
    BARCODE = "barcode"
    OTHER = "other"


class Block(BaseModel):
    """``format``: of a barcode that was decoded, such as `qr_code` or `ean_13`; ``text`` is its value."""

    id: str
    kind: BlockKind
    level: int | None = None
    table_id: str | None = None
    text: str = ""
    bbox: PublicBox | None = None
    confidence: float | None = None
    format: str | None = None


class Word(BaseModel):
    text: str
    bbox: PublicBox | None = None
    confidence: float | None = None
    block: str | None = None


class EngineUsed(BaseModel):
    """Which reader produced the page: ``{"name": "cpu", "model": "pp-ocrv6+tesseract", "prompt": null}``."""

    name: str
    model: str
    prompt: str | None = None
    calibration: str | None = None


class BudgetUsed(BaseModel):
    """The pixel budget the page was really read at; width and height in pixels of the image sent."""

    width: int
    height: int
    visual_tokens: int
    dpi: float | None
    reason: str


class Try(BaseModel):
    """A try at a page that went wrong; ``counted``: against the page, not so what was not its fault."""

    at: str
    code: str
    detail: str
    counted: bool
    ms: int | None = None


class PageResult(BaseModel):
    """A page as users see it. Sizes and boxes are in ``unit``, origin top left of the visible page."""

    number: int
    unit: Unit = Unit.POINT
    width: float = 0
    height: float = 0
    dpi: float | None = None
    rotation: int = 0
    content_rotation: int = 0
    skew: float | None = None
    language: str | None = None
    state: PageState
    source: PageSource | None = None
    engine: EngineUsed | None = None
    attempts: int = 0
    tries: list[Try] = []
    error: ErrorInfo | None = None
    budget: BudgetUsed | None = None
    text: str = ""
    markdown: str = ""
    blocks: list[Block] = []
    words: list[Word] = []


class PageContent(BaseModel):
    """What is stored of a page that was read: its result, its own tables and charts, its warnings.

    Table ids are local to the page (``t1``) and boxes are in the page's unit; the document-level pass
    renames them. Kept exactly as read: what the whole document says about a page is a separate overlay.
    """

    page: PageResult
    tables: list[Table] = []
    charts: list[Chart] = []
    warnings: list[ResultWarning] = []
    findings: list[Finding] | None = None
    """Values that a model found for the run's schema; None where none was asked."""

    answers: list[PageAnswer] | None = None
    unanswered: list[Task] = []
    """What was asked of the page and failed, though its text was read."""
