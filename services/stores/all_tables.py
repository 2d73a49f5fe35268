"""The metadata once every module of tables has been seen: what revisions and comparisons start from."""

from services.stores import query_tables, schema_tables, work_tables
from services.stores.tables import metadata

__all__ = ["metadata", "query_tables", "schema_tables", "work_tables"]
