"""The chain of revisions makes exactly the tables that the code speaks of, and can be undone."""

import re

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from schemas.errors import StoreUnavailable
from services.stores import migrate
from services.stores.all_tables import metadata
from services.stores.engine import Database


def test_the_newest_revision_has_the_tables_of_the_code(database: Database) -> None:
    with database.read() as connection:
        opts = {"compare_type": True, "include_name": _of_both}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
        made = _definitions(connection) if database.sqlite else set()
    if database.sqlite:  # what comparing leaves out: partial indices, AUTOINCREMENT
        other = sa.create_engine("sqlite://")
        metadata.create_all(other)
        with other.connect() as connection:
            assert made == _definitions(connection)
        other.dispose()


def _of_both(name: str | None, kind: str, _parents: object) -> bool:
    """Whether both databases have it: full-text search is FTS5's tables on one, an index on the other."""
    return not (name or "").startswith("page_search") and (kind, name) != ("index", "ix_page_words_words")


def _definitions(connection: sa.Connection) -> set[tuple[str, ...]]:
    """Every statement as its parts, in no order: columns added later stand behind the others."""
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    query += " AND name NOT LIKE 'page_search%' AND type <> 'trigger'"
    statements = connection.exec_driver_sql(query).scalars()
    return {tuple(sorted(_parts(sql))) for sql in statements}


def _parts(sql: str) -> list[str]:
    """What commas and brackets part, without quotes; SQLite takes FLOAT(53) for FLOAT."""
    sql = sql.replace('"', "").replace("FLOAT(53)", "FLOAT")
    return [part for part in re.split(r"\s*[,()]\s*", " ".join(sql.split())) if part]


def test_every_revision_can_be_undone_and_done_again(database: Database) -> None:
    migrate.downgrade(database, "base")
    with database.read() as connection:
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    migrate.upgrade(database)
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.wanted()


def test_a_database_on_another_revision_is_refused(database: Database) -> None:
    migrate.require(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreUnavailable, match="wrong_revision") as caught:
        migrate.require(database)
    assert "quire migrate" in caught.value.detail
