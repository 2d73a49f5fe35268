"""The plain values that pass between the steps of field extraction; picklable, for steps run in children."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from schemas.errors import ResultWarning
from schemas.field import Evidence, Field, FieldType

EACH: Final = "[]"
"""Stands in a leaf's path for 'every element of this array'."""


class Kind(StrEnum):
    """What sort of thing a text leaf names, where that changes how it is read."""

    PLAIN = "plain"
    IDENTIFIER = "identifier"
    CURRENCY = "currency"
    ORGANISATION = "organisation"
    ADDRESS = "address"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    IBAN = "iban"
    VAT_ID = "vat_id"
    PERCENT = "percent"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Label:
    """A printed text that may announce a leaf; ``weight`` 0..1 says how clearly. ``colon``: only where one
    follows it."""

    text: str
    weight: float = 1.0
    colon: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value the schema asks for. ``path`` holds property names and `EACH` for array elements."""

    path: tuple[str, ...]
    type: FieldType
    kind: Kind = Kind.PLAIN
    labels: tuple[Label, ...] = ()
    concept: str | None = None
    enum: tuple[Any, ...] = ()
    pattern: str | None = None
    json_types: frozenset[str] = frozenset()
    required: bool = False
    scalars: bool = False
    """The leaf is the element of an array of plain values (``tags[]``)."""

    @property
    def name(self) -> str:
        return path_text(self.path)

    @property
    def in_array(self) -> bool:
        return EACH in self.path

    @property
    def array(self) -> tuple[str, ...]:
        """Path of the innermost array around this leaf; only asked when there is one."""
        last = len(self.path) - 1 - self.path[::-1].index(EACH)
        return self.path[:last]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a printed value. ``convention`` names the habit that this way presumes.

    ``currency`` may name several codes a sign can stand for, parted by ``|``.
    ``dmy`` and ``mdy`` for dates, ``point`` and ``comma`` for the decimal mark; None: it presumes nothing.
    """

    value: Any
    decimal: str | None = None
    currency: str | None = None
    convention: str | None = None


class Outcome(StrEnum):
    VALUE = "value"
    BLANK = "blank"  # the label stands there with nothing beside it
    INVALID = "invalid"  # something stands there that is not of the type
    SHORTENED = "shortened"  # not a value: the page has more items than were given, as ``raw`` says
    CLUES = "clues"  # not a value: what the page says about conventions


@dataclass(frozen=True, slots=True)
class Clues:
    """Counts of what a page says about its country and habits; summed over the document."""

    date_orders: Mapping[str, int] = field(default_factory=dict)
    decimal_marks: Mapping[str, int] = field(default_factory=dict)
    currencies: Mapping[str, int] = field(default_factory=dict)
    countries: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldCandidate:
    """Something printed on a page that may be the value of a leaf. ``score`` ranks; it is no probability."""

    path: str
    outcome: Outcome
    score: float = 0.0
    readings: tuple[Reading, ...] = ()
    raw: str | None = None
    evidence: tuple[Evidence, ...] = ()
    page: int = 0
    row: int | None = None
    """Which line item of the page, counted from 0."""
    role: str | None = None
    """What the printed label says of an amount: total, net, tax, rounding, cash, change."""
    clues: Clues | None = None
    confidence: float | None = None
    asserted: bool = False
    """Somebody read the page and says that this is the value: whatever says otherwise is a rival."""


@dataclass(frozen=True, slots=True)
class FieldsOutcome:
    fields: list[Field]
    extraction: dict[str, Any]
    extraction_valid: bool
    warnings: list[ResultWarning]


def path_text(path: tuple[str, ...]) -> str:
    """``("items", "[]", "a.b")`` as ``items[]["a.b"]``; indices replace `EACH` in a resolved field."""
    text = ""
    for step in path:
        if step == EACH or (step.startswith("[") and step.endswith("]") and step[1:-1].isdigit()):
            text += step
        elif step.isidentifier() or step.replace("-", "_").isidentifier():
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text
