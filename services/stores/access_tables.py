"""The tables of who may call: API keys, each of one tenant."""

from sqlalchemy import Column, Index, Table

from services.stores.columns import CleanText, Key, Micros
from services.stores.tables import metadata

# `digest` is the SHA-256 of the key, which is random and nowhere else. `scopes`: names with commas between.
# `replaces`: the key that this one was made for when that was rotated.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("name", CleanText, nullable=False),
    Column("digest", Key, nullable=False),
    Column("scopes", Key, nullable=False),
    Column("replaces", Key),
    Column("created_at", Micros, nullable=False),
    Column("expires_at", Micros),
    Column("revoked_at", Micros),
    Column("last_used_at", Micros),
    Index("uq_api_keys_digest", "digest", unique=True),
    Index("ix_api_keys_tenant_id_id", "tenant_id", "id"),
)
