"""The adapters under test: SQLite and Postgres, blobs in a folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ports import Blobs
from services.stores import migrate
from services.stores.blobs_local import LocalBlobs
from services.stores.engine import Database
from tests.contract.store import Store


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        made = Database(f"sqlite:///{tmp_path}/quire.db")
        migrate.upgrade(made)
    else:
        made = Database(request.getfixturevalue("postgres_url"))
    yield made
    made.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.fixture(params=["local"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    assert request.param == "local"
    return LocalBlobs(tmp_path / "blobs")
