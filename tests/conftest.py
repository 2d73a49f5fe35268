"""Servers that tests share: each is started by the first test that asks for it, and removed at the end."""

import os
from collections.abc import Iterator

import pytest

from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Makes databases on the Postgres of QUIRE_TEST_POSTGRES_URL, or on one started here."""
    for url in _of(os.environ.get("QUIRE_TEST_POSTGRES_URL"), PostgresServer):
        made = Databases(url)
        yield made
        made.close()


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """An own migrated database."""
    with databases.migrated() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The Redis of QUIRE_TEST_REDIS_URL, or one started here; all tests share it."""
    yield from _of(os.environ.get("QUIRE_TEST_REDIS_URL"), RedisServer)


def _of(given: str | None, kind: type[PostgresServer] | type[RedisServer]) -> Iterator[str]:
    if given:
        yield given
        return
    server = kind()
    try:
        server.start()
        yield server.url
    finally:
        server.close()
