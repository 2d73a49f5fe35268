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
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = _definitions(connection) if database.sqlite else set()
    if database.sqlite:  # what comparing leaves out: partial indices, AUTOINCREMENT
        other = sa.create_engine("sqlite://")
        metadata.create_all(other)
        with other.connect() as connection:
            assert made == _definitions(connection)
        other.dispose()


def _definitions(connection: sa.Connection) -> set[tuple[str, ...]]:
    """Every statement as its parts, in no order: constraints have none, and columns are added at the end."""
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    statements = connection.exec_driver_sql(query).scalars()
    return {tuple(sorted(re.split(r"[\s,)]*[\n,][\s,]*", sql.rstrip(" )\n")))) for sql in statements}


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
