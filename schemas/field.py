"""Extracted fields and answers, each with its evidence."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from schemas.geometry import PublicBox


class FieldState(StrEnum):
    FOUND = "found"
    MISSING = "missing"  # every selected page was read, and it is not there
    BLANK = "blank"  # its place is there and empty
    UNREADABLE = "unreadable"  # its place, or a page it may stand on, could not be read
    AMBIGUOUS = "ambiguous"  # several candidates; the first is taken
    INVALID = "invalid"  # found, but not a value of the type the schema asks for
    UNSUPPORTED = "unsupported"  # the configured engine cannot do this


class FieldType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    BOOLEAN = "boolean"
    ENUM = "enum"


class Match(StrEnum):
    EXACT = "exact"
    FUZZY = "fuzzy"
    MODEL = "model"


class Evidence(BaseModel):
    """Where a value was read: page number, the words there, their boxes (null: not located)."""

    page: int
    quote: str
    boxes: list[PublicBox] | None = None
    match: Match = Match.EXACT


class Candidate(BaseModel):
    """One of several possible values of an ambiguous field."""

    value: Any
    raw: str | None = None
    confidence: float | None = None
    evidence: list[Evidence] = []


class Correction(BaseModel):
    value: Any
    by: str
    at: str


class Field(BaseModel):
    """A leaf of the schema, e.g. ``line_items[2].amount``; odd keys as ``["a.b"]``."""

    path: str
    type: FieldType
    state: FieldState
    value: Any = None
    decimal: str | None = None
    currency: str | None = None
    raw: str | None = None
    confidence: float | None = None
    candidates: list[Candidate] = []
    correction: Correction | None = None
    evidence: list[Evidence] = []


class AnswerState(StrEnum):
    ANSWERED = "answered"
    NOT_FOUND = "not_found"
    UNSUPPORTED = "unsupported"


class Answer(BaseModel):
    question: str
    state: AnswerState
    answer: str | None = None
    confidence: float | None = None
    evidence: list[Evidence] = []
