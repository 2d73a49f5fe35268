"""The adapters under test: SQLite and Postgres, blobs in a folder and in a bucket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.ports import Blobs
from services.settings import Settings
from services.stores import migrate
from services.stores.choose import blobs_of
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


@pytest.fixture(params=["local", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    url = request.getfixturevalue("blobs_url") if request.param == "s3" else None
    made = blobs_of(Settings(data_dir=tmp_path / "blobs", blobs_url=url), {})
    yield made
    made.close()
