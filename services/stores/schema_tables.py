"""The tables of named schemas: one row per name, one per version."""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, Table

from services.stores.columns import Json, Key, Micros
from services.stores.tables import metadata

# `newest` only grows, also over a deletion: a version number never comes to mean something else.
schema_names = Table(
    "schema_names",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("name", Key, primary_key=True),
    Column("newest", Integer, nullable=False),
    Column("deleted_at", Micros),
)

# What a version holds never changes. `digest` is over the canonical JSON: the same again is no new version.
schema_versions = Table(
    "schema_versions",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("name", Key, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", Key, nullable=False),
    Column("schema", Json, nullable=False),
    Column("created_at", Micros, nullable=False),
    ForeignKeyConstraint(
        ["tenant_id", "name"], ["schema_names.tenant_id", "schema_names.name"], ondelete="CASCADE"
    ),
)
