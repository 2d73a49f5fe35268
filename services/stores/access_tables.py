"""The tables of who may call, how much, and what they did: keys, rates, months, the audit log."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, text

from services.stores.columns import CleanText, Key, Micros, Serial
from services.stores.tables import metadata

_ZERO = text("0")

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
    Column("rate_per_minute", Integer),  # none: the service's
    Index("uq_api_keys_digest", "digest", unique=True),
    Index("ix_api_keys_tenant_id_id", "tenant_id", "id"),
)

# What a key may still ask for, in millionths of a request, as of `at`; more flows in with time.
rate_buckets = Table(
    "rate_buckets",
    metadata,
    Column("key_id", Key, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("at", Micros, nullable=False),
)

# One row per tenant and month (2026-11, UTC). `admitted`: pages that were let in to be read; the others are
# what runs that ended in the month spent, also of documents that are deleted since.
usage_months = Table(
    "usage_months",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("month", Key, primary_key=True),
    Column("admitted", BigInteger, nullable=False, server_default=_ZERO),
    Column("runs", BigInteger, nullable=False, server_default=_ZERO),
    Column("pages", BigInteger, nullable=False, server_default=_ZERO),
    Column("reused_pages", BigInteger, nullable=False, server_default=_ZERO),
    Column("visual_tokens", BigInteger, nullable=False, server_default=_ZERO),
    Column("prompt_tokens", BigInteger, nullable=False, server_default=_ZERO),
    Column("completion_tokens", BigInteger, nullable=False, server_default=_ZERO),
)

# Who changed what, when. Names, ids and actions, never what documents hold or are called.
audit = Table(
    "audit",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", Key, nullable=False),
    Column("at", Micros, nullable=False),
    Column("actor", CleanText, nullable=False),
    Column("key_id", Key),
    Column("action", Key, nullable=False),
    Column("object_id", Key, nullable=False),
    Column("request_id", Key),
    Index("ix_audit_tenant_id_seq", "tenant_id", "seq"),
    Index("ix_audit_tenant_id_object_id", "tenant_id", "object_id"),
    Index("ix_audit_at", "at"),
    sqlite_autoincrement=True,  # places in listings must not be given twice
)
