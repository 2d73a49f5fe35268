"""The adapters under test: SQLite and a folder always, Postgres where one is named by the environment."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from pipeline.ports import Blobs
from services.stores import migrate
from services.stores.blobs_local import LocalBlobs
from services.stores.engine import Database
from tests.contract.store import Store

_POSTGRES = "QUIRE_TEST_POSTGRES_URL"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path}/quire.db")
        migrate.upgrade(made)
        yield made
        made.close()
        return
    url = os.environ.get(_POSTGRES)
    if url is None:
        pytest.skip(f"{_POSTGRES} names no server")
    yield from _postgres(sa.make_url(url))


def _postgres(url: sa.URL) -> Iterator[Database]:
    name = f"quire_{uuid4().hex[:12]}"
    server = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    made = Database(url.set(database=name).render_as_string(hide_password=False))
    migrate.upgrade(made)
    yield made
    made.close()
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture(params=["local"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    assert request.param == "local"
    return LocalBlobs(tmp_path / "blobs")
