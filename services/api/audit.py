"""The route of the audit log: who changed what, when."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from schemas.api import Listing
from services.api import examples
from services.api.cursors import Cursor, next_cursor, number_of
from services.api.deps import Admin, Served
from services.lookup import Row
from services.stores.audit_rows import Action, AuditFilter
from services.views import rfc3339

router = APIRouter(prefix="/v1", tags=["service"])
Ident = Annotated[str | None, Query(max_length=100)]


class AuditEntry(BaseModel):
    """One change. ``actor``: the name of the key, `local` without one, `command line`, `retention`."""

    at: str
    actor: str
    key_id: str | None
    action: str
    object_id: str
    request_id: str | None


@router.get("/audit", responses=examples.problems(422))
def list_acts(
    parts: Served,
    who: Admin,
    action: Action | None = None,
    object_id: Ident = None,
    key_id: Ident = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Listing[AuditEntry]:
    """What was changed in this tenant, newest first. It holds ids, never what documents say or are called."""
    wanted = AuditFilter(action, object_id, key_id)
    found = parts.lookup.audit(who.tenant, wanted, number_of("audit", cursor), limit + 1)
    more = next_cursor("audit", str(found[limit - 1].seq)) if len(found) > limit else None
    return Listing(items=[_entry(row) for row in found[:limit]], next_cursor=more)


def _entry(row: Row) -> AuditEntry:
    at = rfc3339(row.at)
    assert at is not None
    return AuditEntry(
        at=at,
        actor=row.actor,
        key_id=row.key_id,
        action=row.action,
        object_id=row.object_id,
        request_id=row.request_id,
    )
