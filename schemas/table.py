"""Tables: cells with spans, where each stands, and the pages a table runs over."""

from enum import StrEnum

from pydantic import BaseModel

from schemas.geometry import PublicBox


class CellRole(StrEnum):
    COLUMN_HEADER = "column_header"
    ROW_HEADER = "row_header"
    BODY = "body"


class TablePart(BaseModel):
    """The stretch of a table that stands on one page; ``rows`` is first and last row, both included."""

    page: int
    bbox: PublicBox | None = None
    rows: tuple[int, int]


class Cell(BaseModel):
    row: int
    col: int
    row_span: int = 1
    col_span: int = 1
    role: CellRole = CellRole.BODY
    page: int
    text: str = ""
    bbox: PublicBox | None = None
    confidence: float | None = None


class Table(BaseModel):
    """A table of the document. On a single page's content the id is local to that page."""

    id: str
    parts: list[TablePart]
    caption: str | None = None
    rows: int
    cols: int
    html: str = ""
    cells: list[Cell] = []
