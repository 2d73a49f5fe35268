"""Finds the schema that a reference names: a tenant's own, else one that comes with Quire."""

import re

import sqlalchemy as sa

from schemas.ids import TenantId
from services.builtin_schemas import Builtins, NamedSchema
from services.stores import schema_rows

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}")
_NUMBER = re.compile(r"[1-9]\d{0,8}")


def find(
    connection: sa.Connection, tenant: TenantId, builtins: Builtins, reference: str
) -> NamedSchema | None:
    """``invoice`` is the newest version, ``invoice@3`` exactly that one."""
    name, at, text = reference.partition("@")
    if not NAME.fullmatch(name) or (at and not _NUMBER.fullmatch(text)):
        return None
    row = schema_rows.find(connection, tenant, name, int(text) if at else None)
    return named(row) if row is not None else builtins.find(reference)


def named(row: schema_rows.Row) -> NamedSchema:
    return NamedSchema(row.name, row.version, row.schema, builtin=False, created_at=row.created_at)
