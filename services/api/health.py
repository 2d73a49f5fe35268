"""Routes of the service itself: alive, ready, what was spent."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from schemas.errors import Refused
from schemas.ids import DEFAULT_TENANT
from schemas.result import Usage
from services.api import examples
from services.api.deps import Admin, Reader, Served
from services.metrics import CONTENT_TYPE
from services.views import parse_time

router = APIRouter(tags=["service"])
_MONTHS = 24


class Health(BaseModel):
    status: str = "ok"


class MonthView(Usage):
    """What runs that ended in a month spent, also of documents deleted since; ``admitted``: pages let in."""

    month: str
    runs: int
    admitted: int


class QuotaView(BaseModel):
    """Of this month; no limit: null. A page counts once, when it is let in to be read; copies do not."""

    pages_per_month: int | None
    pages_admitted: int
    pages_left: int | None


class UsageView(Usage):
    """What runs created in a span of time have spent so far, and how many of them are in which state.

    Runs of deleted documents are gone from it; ``months`` has them.
    """

    since: str | None = None
    until: str | None = None
    runs: dict[str, int]
    months: list[MonthView]
    quota: QuotaView


@router.get("/healthz")
async def alive() -> Health:
    """The process answers, also while all threads are at work."""
    return Health()


@router.get("/readyz", responses=examples.problems(503))
def ready(parts: Served) -> Health:
    """The database answers too, so documents are accepted."""
    parts.lookup.ping()
    return Health()


# Load balancers and monitors ask with HEAD.
router.add_api_route("/healthz", alive, methods=["HEAD"], include_in_schema=False)
router.add_api_route("/readyz", ready, methods=["HEAD"], include_in_schema=False)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def measured(parts: Served, who: Admin) -> Response:
    """Figures of this process for Prometheus: of all tenants together, so for the operator's own alone."""
    if who.tenant != DEFAULT_TENANT:
        raise Refused("operator_only", f"these figures are for keys of the tenant {DEFAULT_TENANT}")
    return Response(parts.metrics.page(), media_type=CONTENT_TYPE)


@router.get("/v1/usage", responses=examples.problems(422))
def usage(
    parts: Served,
    who: Reader,
    since: Annotated[
        str | None, Query(description="RFC 3339", json_schema_extra={"format": "date-time"})
    ] = None,
    until: Annotated[
        str | None, Query(description="RFC 3339", json_schema_extra={"format": "date-time"})
    ] = None,
) -> UsageView:
    first = parse_time(since, "/query/since") if since is not None else None
    last = parse_time(until, "/query/until") if until is not None else None
    spent, states = parts.lookup.usage(who.tenant, first, last)
    rows, quota = parts.lookup.months(who.tenant, _MONTHS)
    names = MonthView.model_fields
    return UsageView(
        **spent.model_dump(),
        since=since,
        until=until,
        runs=states,
        months=[MonthView(**{name: getattr(row, name) for name in names}) for row in rows],
        quota=QuotaView(pages_per_month=quota.pages, pages_admitted=quota.taken, pages_left=quota.left),
    )
