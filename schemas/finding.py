"""Values and answers that a model found on one page; the last job of a run merges those of all pages."""

from typing import Any

from pydantic import BaseModel

from schemas.field import Evidence


class Finding(BaseModel):
    """A value for a leaf of the schema: ``items[].amount`` in ``row`` 2 of this page's list.

    ``quote`` is what the model says is printed there; without a place in ``evidence`` nobody has seen it but
    the model. ``confidence`` is a probability or null, never a score.
    """

    path: str
    row: int | None = None
    value: Any = None
    quote: str | None = None
    confidence: float | None = None
    evidence: list[Evidence] = []
    signs: dict[str, float] | None = None
    """What spoke for it, as `pipeline.confidence` weighs it; a fit needs that beside the truth."""


class PageAnswer(BaseModel):
    """What one page says to a question."""

    question: str
    answer: str
    confidence: float | None = None
    evidence: list[Evidence] = []
