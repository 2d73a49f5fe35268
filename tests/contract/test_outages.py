"""A database that goes away loses nothing: what was begun is undone, what was paid for is committed later."""

import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from pipeline.ledger import Queue
from schemas.errors import StoreUnavailable, Unsupported
from services.stores.engine import Database, GaveWay
from services.stores.tables import tenants
from tests.contract.store import Store, ended
from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer
from workers.commit import Commit


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that may be killed."""
    made = PostgresServer()
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def lost(server: PostgresServer) -> Iterator[Store]:
    """A store on it."""
    with Databases(server.url).migrated() as url:
        database = Database(url, pool_size=4)
        yield Store(database)
        database.close()


def _tenant(connection: sa.Connection, name: str) -> None:
    connection.execute(tenants.insert().values(id=name, name=name, created_at=1))


def _names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(sa.select(tenants.c.id).order_by(tenants.c.id)))


def test_a_transaction_cut_off_in_the_middle_is_undone(server: PostgresServer, lost: Store) -> None:
    def cut_off(connection: sa.Connection) -> None:
        _tenant(connection, "a")
        server.kill()
        server.start()
        _tenant(connection, "b")

    with pytest.raises(StoreUnavailable), lost.database.write() as connection:
        cut_off(connection)
    with lost.database.write() as connection:
        _tenant(connection, "c")
    assert _names(lost.database) == ["c"]


def test_connections_that_rested_through_a_restart_are_replaced_unnoticed(
    server: PostgresServer, lost: Store
) -> None:
    with lost.database.read() as first, lost.database.read() as second:
        assert first.connection.driver_connection is not second.connection.driver_connection
    server.stop()
    server.start()
    time.sleep(1.1)  # shorter, and they count as busy: then the first use would fail
    for _ in range(4):
        assert _names(lost.database) == []


def test_a_server_out_of_reach_is_told_as_such(server: PostgresServer, lost: Store) -> None:
    server.kill()
    try:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="store_unavailable"):
                _names(lost.database)
    finally:
        server.start()


def test_a_reply_already_paid_for_is_committed_after_the_outage(server: PostgresServer, lost: Store) -> None:
    run = lost.planned(1)
    claim = lost.claim(Queue.RASTER, lost.process())
    server.kill()
    commit = Commit(lost.ledger)

    def write() -> None:
        commit(claim, lambda unit: unit.end_page(ended(1)))

    paid = threading.Thread(target=write)
    paid.start()
    time.sleep(0.5)
    assert paid.is_alive()
    server.start()
    paid.join(60)
    assert lost.page_states(run) == {1: "read"}
    assert lost.event_types(run).count("page.finished") == 1


def test_of_two_that_wait_for_each_other_one_gives_way_and_does_it_again(lost: Store) -> None:
    database, both = lost.database, threading.Barrier(2)
    tries: list[str] = []
    with database.write() as connection:
        for name in ("a", "b"):
            _tenant(connection, name)

    def rename(first: str, second: str) -> None:
        def body(connection: sa.Connection) -> None:
            tries.append(first)
            for name in (first, second):
                connection.execute(sa.update(tenants).where(tenants.c.id == name).values(name=first))
                if len(tries) <= 2 and name == first:
                    both.wait()

        database.settle(body)

    threads = [threading.Thread(target=rename, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tries) >= 3
    with database.read() as connection:
        assert len(set(connection.scalars(sa.select(tenants.c.name)))) == 1


def test_giving_way_can_be_told_from_being_out_of_reach(lost: Store) -> None:
    def impatient(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        _tenant(connection, "a")

    with lost.database.write() as holder:
        _tenant(holder, "a")
        with pytest.raises(GaveWay), lost.database.write() as connection:
            impatient(connection)


def test_threads_share_few_connections(lost: Store) -> None:
    def work() -> None:
        for _ in range(5):
            _names(lost.database)

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    with lost.database.read() as connection:
        query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        open_now = connection.execute(query).scalar_one()
    for thread in threads:
        thread.join()
    assert open_now <= 4


def test_other_databases_are_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="mysql"):
        Database("mysql://localhost/quire")
