"""Brings a database to the revision this code was written for, or says that it is on another."""

from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from schemas.errors import StoreUnavailable
from services.stores.engine import Database


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def wanted() -> str | None:
    """The newest revision in this installation."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(database: Database) -> str | None:
    """The revision the database is on; None for an empty one."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database, revision: str = "head") -> None:
    """One transaction for all steps; nothing is written when the database is there already."""
    if revision == "head" and current(database) == wanted():
        return
    with database.write() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(database: Database, revision: str) -> None:
    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def require(database: Database) -> None:
    """Refuse a database on another revision: running on would corrupt or lose rows."""
    have, want = current(database), wanted()
    if have != want:
        raise StoreUnavailable(
            "wrong_revision",
            f"the database is on revision {have or 'none'}, this installation needs {want}: quire migrate",
            retryable=False,
        )
