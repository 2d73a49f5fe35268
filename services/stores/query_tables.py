"""The tables that queries and searches read: fields spread over typed columns, words of pages."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from services.stores.columns import CleanText, Json, Key, Serial
from services.stores.tables import metadata

# Leaves of the extraction (schemas.field.Field is `content`), spread out for queries. `list_path` and
# `item_index`: for `line_items[2].amount` they are `line_items` and 2, and `path` is `line_items[].amount`;
# `item_head` marks one row of each item. A correction replaces what is spread out, never the machine's value
# in `content`. `folded` is the value without case, its first 200 characters, `folded_rest` what follows.
fields = Table(
    "fields",
    metadata,
    Column("run_id", Key, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("tenant_id", Key, nullable=False),
    Column("document_id", Key, nullable=False),
    Column("path", CleanText, nullable=False),
    Column("list_path", CleanText),
    Column("item_index", Integer),
    Column("item_head", Boolean, nullable=False, server_default=text("false")),
    Column("type", Key, nullable=False),
    Column("state", Key, nullable=False),
    Column("value_text", CleanText),
    Column("folded", CleanText),
    Column("folded_rest", CleanText),
    Column("scaled", BigInteger),  # exact: value = scaled / 10**scale
    Column("scale", Integer),
    Column("number", Float(53)),
    Column("currency", Key),
    Column("date", Integer),  # days since 1970-01-01
    Column("bool", Boolean),
    Column("confidence", Float(53)),
    Column("content", Json, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)


def _values(name: str, column: str) -> Index:
    """Rows of a path in order of a value; ties in order of documents, as answers are paged."""
    filled = text(f"{column} IS NOT NULL")
    c = fields.c
    return Index(f"ix_fields_{name}", c.tenant_id, c.path, c[column], c.document_id,
                 sqlite_where=filled, postgresql_where=filled)  # fmt: skip


_values("number", "number")
_values("folded", "folded")
_values("date", "date")
_values("confidence", "confidence")
_HEADS = text("item_head")
Index("ix_fields_items", fields.c.tenant_id, fields.c.list_path, fields.c.document_id, fields.c.item_index,
      sqlite_where=_HEADS, postgresql_where=_HEADS)  # fmt: skip

# Without it, each document that another condition has found costs a look at all its fields.
Index("ix_fields_run_id_path", fields.c.run_id, fields.c.path)

# Which paths a tenant's fields have, and of which types: what a query is checked against.
field_paths = Table(
    "field_paths",
    metadata,
    Column("tenant_id", Key, primary_key=True),
    Column("path", CleanText, primary_key=True),
    Column("type", Key, primary_key=True),
    Column("list_path", CleanText),
)

# The words of each page of a run, segmented by us (pipeline.search_words): on Postgres as a vector with an
# index, on SQLite as text beside the FTS5 table `page_search` that triggers keep in step.
page_words = Table(
    "page_words",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("tenant_id", Key, nullable=False),
    Column("document_id", Key, nullable=False),
    Column("run_id", Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    Index("uq_page_words_run_id_number", "run_id", "number", unique=True),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)
