"""The metadata once every module of tables has been seen: what revisions and comparisons start from."""

from services.stores import schema_tables, work_tables
from services.stores.tables import metadata

__all__ = ["metadata", "schema_tables", "work_tables"]
