"""Servers that tests share: each is started by the first test that asks for it, and removed at the end."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from services.stores.s3_url import parse_s3_url
from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.rgw import RgwServer
from tests.servers.s3 import Bucket, RcloneServer, bucket_on, rclone

# How long an example takes depends on who else uses the machine, and says nothing about the code.
settings.register_profile("quire", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):  # there Hypothesis has a profile of its own, which also repeats its examples
    settings.load_profile("quire")


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


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    """A bucket on the server of QUIRE_TEST_S3_URL, or on one started here (QUIRE_TEST_S3: rclone, rgw)."""
    if given := os.environ.get("QUIRE_TEST_S3_URL"):
        yield Bucket(parse_s3_url(given, os.environ, "QUIRE_TEST_S3_URL"))
        return
    server = RgwServer() if os.environ.get("QUIRE_TEST_S3") == "rgw" or rclone() is None else RcloneServer()
    try:
        server.start()
        yield bucket_on(server.port)
    finally:
        server.close()


@pytest.fixture
def blobs_url(bucket: Bucket) -> str:
    """An own prefix in the bucket, as `QUIRE_BLOBS_URL` has it."""
    return bucket.url(f"test/{uuid4().hex}")


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
