"""What the steps of a run are asked for, derived from its request and the engine's limits."""

import hashlib
from typing import Any

import orjson

from pipeline.ledger import Claim
from pipeline.orders import PageOrder, SourceFile
from schemas.engine import EngineSpec
from schemas.request import Request, Task

_READ_BY = {
    "name", "model", "version", "prompt", "calibration", "limits", "coordinates", "pixels_per_x_height",
}  # fmt: skip
"""Of an engine, what tells its readings from another's."""

# An engine that can do these has work on a page even when its text layer can be trusted; one that sees also
# looks for fields itself.
_NEED_THE_PICTURE = frozenset({Task.CHARTS, Task.QUESTIONS})


def request_of(claim: Claim) -> Request:
    return Request.model_validate(claim.facts.request)


def source_of(claim: Claim, path: str) -> SourceFile:
    return SourceFile(path, claim.facts.media_type, claim.facts.password)


def more_of(claim: Claim) -> Task:
    """What pages that were read before are asked: a part of a file its fields, others questions."""
    return Task.FIELDS if claim.facts.of_file else Task.QUESTIONS


def tasks_of(request: Request, more: Task | None = None) -> frozenset[Task]:
    """``more``: what is asked of a page that was read before."""
    return frozenset(request.effective_tasks() if more is None else {more})


def page_order(number: int, request: Request, spec: EngineSpec, more: Task | None = None) -> PageOrder:
    tasks = tasks_of(request, more)
    needing = _NEED_THE_PICTURE | {Task.FIELDS} if spec.limits.counts_tokens else _NEED_THE_PICTURE
    return PageOrder(
        number=number,
        limits=spec.limits,
        pixels_per_x_height=spec.pixels_per_x_height,
        budget=request.budget,
        tasks=tasks | spec.asked(tasks),
        languages=tuple(request.languages),
        image_always=bool(tasks & spec.tasks & needing),
    )


def reuse_base(claim: Claim, request: Request, spec: EngineSpec, version: str) -> str | None:
    """The same for two documents exactly when their pages of the same number would be read alike.

    What is done with pages after they were read (fields by most engines) makes no difference to that.
    """
    if not request.reuse:
        return None
    order = page_order(0, request, spec)
    tasks = order.tasks & spec.reads_for
    asked: dict[str, Any] = {
        "bytes": claim.facts.source.digest,
        "media_type": claim.facts.media_type,
        "budget": order.budget.model_dump(mode="json"),
        "languages": order.languages,
        "image_always": order.image_always,
        "tasks": sorted(tasks),
        "schema": claim.facts.schema if Task.FIELDS in tasks else None,
        "questions": request.questions if Task.QUESTIONS in tasks else None,
        "engine": spec.model_dump(mode="json", include=_READ_BY),
        "engine_tasks": sorted(spec.tasks),
        "version": version,
    }
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
