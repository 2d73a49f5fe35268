"""Whatever is found to start works, survives being killed, and leaves nothing behind."""

from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from tests.servers.postgres import PostgresServer
from tests.servers.programs import postgres_folders, redis_programs
from tests.servers.redis import RedisServer


@pytest.mark.parametrize("programs", postgres_folders(), ids=str)
def test_postgres_keeps_what_was_committed_when_it_is_killed(programs: Path) -> None:
    server = PostgresServer(programs)
    try:
        server.start()
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (number integer)")
        for end in (server.kill, server.stop):
            with psycopg.connect(server.url) as connection:
                connection.execute("INSERT INTO kept VALUES (1)")
            end()
            server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (2,)
        pid = server.pid
    finally:
        server.close()
    assert not psutil.pid_exists(pid)
    assert not server.folder.exists()


@pytest.mark.parametrize("program", redis_programs(), ids=str)
def test_redis_comes_back_empty(program: Path) -> None:
    server = RedisServer(program)
    try:
        server.start()
        with Redis.from_url(server.url) as client:
            client.set("a", "b")
        server.kill()
        server.start()
        with Redis.from_url(server.url) as client:
            assert client.get("a") is None
        pid = server.pid
    finally:
        server.close()
    assert not psutil.pid_exists(pid)
    assert not server.folder.exists()


def test_programs_come_in_wheels_too() -> None:
    assert any("site-packages" in str(folder) for folder in postgres_folders())
    assert any("site-packages" in str(program) for program in redis_programs())


def test_programs_that_another_user_may_not_reach_are_copied(tmp_path: Path) -> None:
    """A wheel in the home of root."""
    tmp_path.chmod(0o700)
    wheel = next(folder for folder in postgres_folders() if "site-packages" in str(folder))
    package = wheel.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        (tmp_path / part.name).symlink_to(part)
    server = PostgresServer(tmp_path / wheel.relative_to(package.parent))
    try:
        server.start()
    finally:
        server.close()
