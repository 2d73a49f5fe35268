"""How long documents are kept: as the request says, else the tenant, else the service."""

from dataclasses import dataclass

import sqlalchemy as sa

from schemas.ids import TenantId
from services.stores import tenant_rows

_HOUR_US = 3600 * 1_000_000
SERVER_HOURS = 30 * 24


@dataclass(frozen=True, slots=True)
class Retention:
    """``hours``: of the service; None keeps documents until they are deleted, and so does 0 anywhere."""

    hours: int | None = None

    def expires_at(
        self, connection: sa.Connection, tenant: TenantId, asked: int | None, now: int
    ) -> int | None:
        """When a document that comes in now expires, in microseconds."""
        hours = self.hours_of(connection, tenant, asked)
        return now + hours * _HOUR_US if hours is not None else None

    def hours_of(self, connection: sa.Connection, tenant: TenantId, asked: int | None) -> int | None:
        """How long a document is kept; None: until it is deleted."""
        hours = asked
        if hours is None:
            row = tenant_rows.get(connection, tenant)
            hours = row.retention_hours if row is not None else None
        if hours is None:
            hours = self.hours
        return hours or None
