"""Named schemas as rows: versions are added or forgotten with their name, never changed."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from schemas.ids import TenantId
from services.stores import jobs
from services.stores.columns import clean_json
from services.stores.engine import now_us
from services.stores.schema_tables import schema_names, schema_versions

Row = sa.Row[*tuple[Any, ...]]


def digest(schema: dict[str, Any]) -> str:
    """Over the schema as it will be stored, whatever the order of its members."""
    return hashlib.sha256(orjson.dumps(clean_json(schema), option=orjson.OPT_SORT_KEYS)).hexdigest()


def hold(connection: sa.Connection, tenant: TenantId, name: str, first: int) -> Row:
    """The row of a name, locked, so that two writers do not give out one number; made where there is none.

    ``first`` is the number before the first that may be given out.
    """
    fresh = {"tenant_id": tenant, "name": name, "newest": first, "deleted_at": now_us()}
    insert = jobs.insert(connection.dialect.name, schema_names).values(fresh)
    connection.execute(insert.on_conflict_do_nothing())
    query = sa.select(schema_names).where(_is(schema_names, tenant, name)).with_for_update()
    return connection.execute(query).one()


def add(connection: sa.Connection, held: Row, schema: dict[str, Any]) -> int:
    """A new version under a held name: its number."""
    number = int(held.newest) + 1
    connection.execute(
        schema_versions.insert().values(
            tenant_id=held.tenant_id,
            name=held.name,
            version=number,
            digest=digest(schema),
            schema=schema,
            created_at=now_us(),
        )
    )
    connection.execute(
        sa.update(schema_names)
        .where(_is(schema_names, held.tenant_id, held.name))
        .values(newest=number, deleted_at=None)
    )
    return number


def forget(connection: sa.Connection, held: Row) -> None:
    """Remove all versions of a held name; the number of the last stays."""
    connection.execute(sa.delete(schema_versions).where(_is(schema_versions, held.tenant_id, held.name)))
    connection.execute(
        sa.update(schema_names)
        .where(_is(schema_names, held.tenant_id, held.name))
        .values(deleted_at=now_us())
    )


def find(connection: sa.Connection, tenant: TenantId, name: str, version: int | None) -> Row | None:
    """One version, the newest for None."""
    query = sa.select(schema_versions).where(_is(schema_versions, tenant, name))
    if version is not None:
        query = query.where(schema_versions.c.version == version)
    return connection.execute(query.order_by(schema_versions.c.version.desc()).limit(1)).one_or_none()


def numbers(connection: sa.Connection, tenant: TenantId, name: str) -> Sequence[Row]:
    """Number and time of every version, newest first."""
    query = (
        sa.select(schema_versions.c.version, schema_versions.c.created_at)
        .where(_is(schema_versions, tenant, name))
        .order_by(schema_versions.c.version.desc())
    )
    return connection.execute(query).all()


def names(connection: sa.Connection, tenant: TenantId, after: str, limit: int) -> Sequence[Row]:
    """The newest version of each name behind ``after``, in order of names."""
    query = (
        sa.select(schema_versions)
        .join(
            schema_names,
            sa.and_(
                schema_names.c.tenant_id == schema_versions.c.tenant_id,
                schema_names.c.name == schema_versions.c.name,
                schema_names.c.newest == schema_versions.c.version,
            ),
        )
        .where(schema_versions.c.tenant_id == tenant, schema_versions.c.name > after)
        .order_by(schema_versions.c.name)
        .limit(limit)
    )
    return connection.execute(query).all()


def _is(table: sa.Table, tenant: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.tenant_id == tenant, table.c.name == name)
