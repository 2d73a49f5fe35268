"""What a synthetic page holds: lines made of pieces, and what some pieces say."""

from dataclasses import dataclass, field
from enum import StrEnum

from model_runtime.nano.canvas import Drawn, Run


class Kind(StrEnum):
    LINES = "lines"
    PARAGRAPH = "paragraph"
    RECEIPT = "receipt"
    INVOICE = "invoice"
    FORM = "form"
    TABLE = "table"
    CHART = "chart"
    BLANK = "blank"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Value:
    """What a piece says as text, and as a number where it is one (in JSON's spelling)."""

    text: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that is drawn in one go. ``key``: the field it is the value of; ``row``: of which line item."""

    text: str
    key: str | None = None
    value: Value | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    quote: str
    value: Value
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    number: str


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    bars: tuple[Bar, ...]
    runs: tuple[Run, ...]
    """What it is made of: its box is around them."""


@dataclass
class Page:
    """``plain``: its text, line by line; ``markdown``: the same as a transcription writes it. ``part``: it
    was cut out of a larger one."""

    kind: Kind
    drawn: Drawn
    language: str
    plain: list[str] = field(default_factory=list)
    markdown: list[str] = field(default_factory=list)
    lines: list[tuple[str, tuple[Run, ...]]] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    rows: list[dict[str, Fact]] = field(default_factory=list)
    chart: Chart | None = None
    part: bool = False
