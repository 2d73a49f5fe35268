"""Finds tables in a page reading, and turns them into the published shape."""

from pipeline.tables.build import build
from pipeline.tables.find import find_tables

__all__ = ["build", "find_tables"]
