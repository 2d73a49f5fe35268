"""What is known beside the values of a query's rows: the currency of amounts, and where they were read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from schemas.field import Field
from schemas.ids import TenantId
from services.field_cells import note_of
from services.stores.engine import Database
from services.stores.query_tables import fields

Place = tuple[str, str, int | None]
"""Run, path, item."""

Beside = Mapping[Place, tuple[str | None, str]]
"""Currency and note of fields."""

_ROWS_AT_ONCE = 50  # their evidence is held at once


class Notes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def beside(
        self, tenant: TenantId, rows: Sequence[dict[str, Any]], paths: Sequence[str]
    ) -> Iterator[tuple[dict[str, Any], Beside]]:
        """Each row, and of its fields (those of the paths) currency and note."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            found = self._read(tenant, some, paths)
            yield from ((row, found) for row in some)

    def _read(self, tenant: TenantId, rows: Sequence[dict[str, Any]], paths: Sequence[str]) -> Beside:
        runs = sorted({row["run_id"] for row in rows if row.get("run_id")})
        if not runs or not paths:
            return {}
        query = sa.select(
            fields.c.run_id, fields.c.path, fields.c.item_index, fields.c.currency, fields.c.content
        ).where(fields.c.tenant_id == tenant, fields.c.run_id.in_(runs), fields.c.path.in_(paths))
        items = {row.get("item_index") for row in rows} - {None}
        if items:
            some = fields.c.item_index.in_(sorted(items))
            query = query.where(sa.or_(fields.c.item_index.is_(None), some))
        else:
            query = query.where(fields.c.item_index.is_(None))
        with self._database.read() as connection:
            return {
                (row.run_id, row.path, row.item_index): (
                    row.currency,
                    note_of(Field.model_validate(row.content)),
                )
                for row in connection.execute(query)
            }
