"""The metadata once every module of tables has been seen: what revisions and comparisons start from."""

from services.stores import access_tables, batch_tables, hook_tables, query_tables, schema_tables, work_tables
from services.stores.tables import metadata

__all__ = [
    "access_tables",
    "batch_tables",
    "hook_tables",
    "metadata",
    "query_tables",
    "schema_tables",
    "work_tables",
]
