"""What the steps of a run are asked for, derived from its request and the engine's limits."""

from pipeline.ledger import Claim
from pipeline.orders import PageOrder, SourceFile
from schemas.engine import EngineSpec
from schemas.request import Request, Task

# An engine that can do these has work on a page even when its text layer can be trusted; one that sees also
# looks for fields itself.
_NEED_THE_PICTURE = frozenset({Task.CHARTS, Task.QUESTIONS})


def request_of(claim: Claim) -> Request:
    return Request.model_validate(claim.facts.request)


def source_of(claim: Claim, path: str) -> SourceFile:
    return SourceFile(path, claim.facts.media_type, claim.facts.password)


def page_order(number: int, request: Request, spec: EngineSpec) -> PageOrder:
    tasks = frozenset(request.effective_tasks())
    needing = _NEED_THE_PICTURE | {Task.FIELDS} if spec.limits.counts_tokens else _NEED_THE_PICTURE
    return PageOrder(
        number=number,
        limits=spec.limits,
        pixels_per_x_height=spec.pixels_per_x_height,
        budget=request.budget,
        tasks=tasks,
        languages=tuple(request.languages),
        image_always=bool(tasks & spec.tasks & needing),
    )
