"""The schemas a tenant can name: its own in their versions, and those that come with Quire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.user_schema import check_schema
from schemas.errors import Conflict, NotFound
from schemas.ids import TenantId
from services.builtin_schemas import Builtins, NamedSchema
from services.faults import fault
from services.stores import audit_rows, named_schemas, schema_rows
from services.stores.audit_rows import Action
from services.stores.engine import Database
from services.stores.named_schemas import NAME, named

MAX_VERSIONS = 1000
"""Of one name: a client that puts the time into its schema would fill the store."""


class VersionMismatch(Conflict):
    code = "version_mismatch"
    status = 412


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the caller demands of the newest version: this one (If-Match), or that there is none."""

    version: int | None = None
    absent: bool = False


class Schemas:
    """A built-in schema is version 1 of its name; a tenant that puts its own goes on from there."""

    def __init__(self, database: Database, builtins: Builtins) -> None:
        self._database = database
        self._builtins = builtins

    def find(self, tenant: TenantId, reference: str) -> NamedSchema | None:
        """``invoice`` is the newest version, ``invoice@3`` exactly that one."""
        with self._database.read() as connection:
            return named_schemas.find(connection, tenant, self._builtins, reference)

    def get(self, tenant: TenantId, reference: str) -> NamedSchema:
        found = self.find(tenant, reference)
        if found is None:
            raise NotFound("schema_not_found", "there is no such schema")
        return found

    def names(self, tenant: TenantId) -> Sequence[str]:
        """For people to choose from; not more than they would read."""
        return [schema.name for schema in self.all(tenant, "", 50)]

    def all(self, tenant: TenantId, after: str, limit: int) -> Sequence[NamedSchema]:
        """The newest version of each name behind ``after``."""
        with self._database.read() as connection:
            rows = schema_rows.names(connection, tenant, after, limit)
        found = {schema.name: schema for schema in self._builtins.all() if schema.name > after}
        found |= {row.name: named(row) for row in rows}
        return [found[name] for name in sorted(found)][:limit]

    def versions(self, tenant: TenantId, name: str) -> Sequence[tuple[int, int | None]]:
        """Number and time of every version of a name, newest first."""
        with self._database.read() as connection:
            rows = schema_rows.numbers(connection, tenant, name)
        builtin = self._builtins.find(name)
        found: list[tuple[int, int | None]] = [(row.version, row.created_at) for row in rows]
        if builtin is not None:
            found.append((builtin.version, None))
        if not found:
            raise NotFound("schema_not_found", "there is no such schema")
        return found

    def put(
        self, tenant: TenantId, name: str, schema: dict[str, Any], wanted: Precondition
    ) -> tuple[NamedSchema, bool]:
        """The version that holds this content now, and whether it was made by this call."""
        if not NAME.fullmatch(name):
            detail = "a name has 1 to 64 letters, digits, _ . - and begins with a letter or digit"
            raise fault("/path/name", "schema_name", detail, whole="schema_name")
        check_schema(schema, "")
        builtin = self._builtins.find(name)
        with self._database.write() as connection:
            held = schema_rows.hold(connection, tenant, name, builtin.version if builtin else 0)
            row = schema_rows.find(connection, tenant, name, None)
            newest = named(row) if row is not None else builtin
            _require(newest, wanted)
            if newest is not None and schema_rows.digest(newest.schema) == schema_rows.digest(schema):
                return newest, False
            if held.newest >= MAX_VERSIONS:
                raise Conflict("too_many_versions", f"a schema has at most {MAX_VERSIONS} versions")
            number = schema_rows.add(connection, held, schema)
            made = schema_rows.find(connection, tenant, name, number)
            audit_rows.note(connection, tenant, Action.SCHEMA_PUT, f"{name}@{number}")
        assert made is not None
        return named(made), True

    def delete(self, tenant: TenantId, name: str, wanted: Precondition) -> None:
        """All versions of a tenant's own schema. Runs keep what their schema was."""
        builtin = self._builtins.find(name) if NAME.fullmatch(name) else None
        with self._database.write() as connection:
            row = schema_rows.find(connection, tenant, name, None)
            if row is None:
                if builtin is not None:
                    raise Conflict("schema_builtin", "a schema that comes with Quire cannot be deleted")
                raise NotFound("schema_not_found", "there is no such schema")
            _require(named(row), wanted)
            schema_rows.forget(connection, schema_rows.hold(connection, tenant, name, 0))
            audit_rows.note(connection, tenant, Action.SCHEMA_DELETED, name)


def _require(newest: NamedSchema | None, wanted: Precondition) -> None:
    if wanted.absent and newest is not None:
        raise VersionMismatch(detail=f"there is a schema of this name: {newest.ref}")
    if wanted.version is not None and (newest is None or newest.version != wanted.version):
        have = f"the newest version is {newest.version}" if newest else "there is no such schema"
        raise VersionMismatch(detail=f"{have}, not {wanted.version}")
