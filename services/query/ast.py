"""A query as it was asked, before anything is known of the fields it names."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias


class About(StrEnum):
    """What an operand speaks of: a field's value, something said of that field, a label, the document."""

    FIELD = "field"
    CONFIDENCE = "confidence"
    STATE = "state"
    CURRENCY = "currency"
    LABEL = "label"
    DOCUMENT = "document"


class Op(StrEnum):
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    EXISTS = "exists"


class AggregateOp(StrEnum):
    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVG = "avg"


@dataclass(frozen=True, slots=True)
class Operand:
    """``pointer`` leads to it in the request."""

    about: About
    name: str
    pointer: str

    @property
    def column(self) -> str:
        """What it is called in an answer that gives it no other name."""
        if self.about is About.FIELD:
            return self.name
        prefixed = self.about in (About.LABEL, About.DOCUMENT)
        return f"{self.about}.{self.name}" if prefixed else f"{self.name}.{self.about}"


@dataclass(frozen=True, slots=True)
class Test:
    """``value`` is JSON as it came; ``pointer`` leads to the condition."""

    operand: Operand
    op: Op
    value: Any
    pointer: str


@dataclass(frozen=True, slots=True)
class AnyItem:
    """One item of the list meets the condition."""

    list_path: str
    where: "Node"


@dataclass(frozen=True, slots=True)
class All:
    """And; of nothing it is true."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    """Or; of nothing it is false."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


Node: TypeAlias = Test | AnyItem | All | Some | Not


@dataclass(frozen=True, slots=True)
class Column:
    operand: Operand
    name: str


@dataclass(frozen=True, slots=True)
class Sort:
    """``by`` is an operand, or the name of an aggregate."""

    by: Operand
    descending: bool


@dataclass(frozen=True, slots=True)
class Aggregate:
    op: AggregateOp
    operand: Operand | None
    name: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Query:
    """``list_path`` None: rows are documents; otherwise they are the items of that list."""

    where: Node
    list_path: str | None = None
    select: tuple[Column, ...] | None = None
    order: tuple[Sort, ...] = ()
    aggregate: tuple[Aggregate, ...] = ()
    group_by: tuple[Column, ...] = ()
    limit: int | None = None
    cursor: str | None = None
    fingerprint: str = ""
