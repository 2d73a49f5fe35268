"""Databases on a Postgres server: one is migrated, the others are copies of it, made in milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa

from services.stores import migrate
from services.stores.engine import Database


class Databases:
    """Makes and drops databases on the server of ``url``; ``close`` drops the one they are copies of."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url)
        self._template: str | None = None

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a database on the newest revision."""
        if self._template is None:
            self._template = self._create(None)
            database = Database(self._of(self._template))
            migrate.upgrade(database)
            database.close()  # a database with connections cannot be copied
        name = self._create(self._template)
        try:
            yield self._of(name)
        finally:
            self._drop(name)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database nobody has migrated."""
        name = self._create(None)
        try:
            yield self._of(name)
        finally:
            self._drop(name)

    def close(self) -> None:
        if self._template is not None:
            self._drop(self._template)

    def _create(self, template: str | None) -> str:
        name = f"quire_{uuid4().hex[:12]}"
        self._do(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def _drop(self, name: str) -> None:
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        server = sa.create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with server.connect() as connection:
            connection.exec_driver_sql(statement)

    def _of(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)
