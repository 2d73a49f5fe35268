"""What a scan of several documents is split into: its parts with their classes, and the sheets between."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Member


class DocumentClass(StrEnum):
    """The classes that have a built-in schema, named as it is, and what is none of them."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    PURCHASE_ORDER = "purchase_order"
    BANK_STATEMENT = "bank_statement"
    ID_DOCUMENT = "id_document"
    CONTRACT = "contract"
    OTHER = "other"


SchemaName = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class SplitRequest(BaseModel):
    """How to split. ``schemas``: the named schema that parts of a class are read with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemas: dict[DocumentClass, SchemaName] = {}


class SeparatorKind(StrEnum):
    BLANK = "blank"
    BARCODE = "barcode"


class Separator(BaseModel):
    """A sheet between two documents, part of neither."""

    page: int
    kind: SeparatorKind


class Part(BaseModel):
    """Pages of a file that are one document; ``pages`` as in a request: `3-5`.

    ``confidence`` is null until a fit on real stacks of known contents calibrates it.
    """

    model_config = ConfigDict(populate_by_name=True)

    pages: str
    class_: DocumentClass = Member(alias="class")
    confidence: float | None = None


class SplitPart(Part):
    """``document_id``: the child that holds the part. ``signs``: why a document begins at its first page."""

    document_id: str | None = None
    signs: list[str] = []


class Split(BaseModel):
    """Every page that was asked for is in one part, or is a separator."""

    parts: list[SplitPart] = []
    separators: list[Separator] = []
