"""Database engines: SQLite in WAL mode, or Postgres, behind the same two kinds of transaction."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement

from schemas.errors import StoreUnavailable, Unsupported
from services.stores import postgres
from services.stores.columns import json_text

T = TypeVar("T")

_WRITES = "quire_writes"
_TRIES = 4


class now_us(FunctionElement[int]):  # noqa: N801  # reads as the SQL function it is
    """The database's own clock in microseconds: leases and delays never compare clocks of two machines."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(now_us, "sqlite")
def _now_sqlite(element: now_us, compiler: Any, **kw: Any) -> str:  # noqa: ARG001  # fixed by SQLAlchemy
    # unixepoch('subsec') needs SQLite 3.42; Debian 12 ships 3.40.
    return (
        "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000"
        " + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) * 1000)"
    )


@compiles(now_us, "postgresql")
def _now_postgres(element: now_us, compiler: Any, **kw: Any) -> str:  # noqa: ARG001  # fixed by SQLAlchemy
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


class _Turn:
    """A lock that knows whether this thread holds it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._holder: int | None = None

    def held_here(self) -> bool:
        return self._holder == get_ident()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = get_ident()

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()


class Database:
    """One database. ``write()`` is a transaction: committed on leaving, undone by an error.

    ``read()`` is one too on SQLite; on Postgres each of its statements sees what is committed by then, so
    what must fit together is read by one statement. ``pool_size``: connections of this process.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.engine = _create(url, pool_size)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._writers = self.engine.execution_options(**{_WRITES: True})
        # BEGIN and COMMIT around a single SELECT would treble its trips to the server.
        self._readers = (
            self.engine if self.sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        # SQLite takes one writer; its own busy handler sleeps in the dark, a lock hands over at once.
        self._turn = _Turn()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        with _translated(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        if self.sqlite:
            if self._turn.held_here():
                raise RuntimeError("a write inside a write of the same thread would wait for itself")
            with self._turn, _translated(), self._writers.begin() as connection:
                yield connection
        else:
            with _translated(), self._writers.begin() as connection:
                yield connection

    def settle(self, body: Callable[[sa.Connection], T]) -> T:
        """Run a write transaction, and once more if it was the one that had to give way to another.

        ``body`` does nothing that could not be undone.
        """
        for _ in range(_TRIES - 1):
            try:
                with self.write() as connection:
                    return body(connection)
            except GaveWay:
                time.sleep(random.uniform(0.05, 0.2))  # noqa: S311  # at once, it may be in the way again
        with self.write() as connection:
            return body(connection)

    def scrub(self) -> None:
        """Have SQLite empty its log, which holds what was deleted as it was written; later if readers are in
        the way. Postgres keeps its log to itself and reuses the room of dead rows (docs/security.md)."""
        if not self.sqlite:
            return
        with self._turn, _translated():
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                cursor.close()
            finally:
                connection.close()

    def close(self) -> None:
        self.engine.dispose()


class GaveWay(StoreUnavailable):
    """Two transactions waited for each other, and the database undid this one: the same again succeeds."""


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError) as error:
        if postgres.at_a_limit(error):
            raise
        if postgres.gave_way(error):
            raise GaveWay(detail="the database was busy with something in its way") from error
        raise StoreUnavailable(detail="the database did not answer") from error
    except sa.exc.TimeoutError as error:
        raise StoreUnavailable(detail="all connections to the database are in use") from error


def _create(url: str, pool_size: int) -> sa.Engine:
    parsed = sa.make_url(url)
    common: dict[str, Any] = {"json_serializer": json_text, "json_deserializer": orjson.loads}
    if parsed.drivername in postgres.DRIVERS:
        return postgres.create(parsed, pool_size, common)
    if parsed.drivername != "sqlite":
        raise Unsupported(
            "unsupported_setting",
            f"there is no adapter for {parsed.drivername[:20]} databases; use postgresql:// or sqlite://",
        )
    engine = sa.create_engine(
        parsed,
        connect_args={"timeout": 60, "check_same_thread": False},
        pool_size=pool_size,
        max_overflow=pool_size,
        **common,
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes too late and is never IMMEDIATE; we write ours (see _begin_sqlite).
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # an accepted document survives a power cut
        "foreign_keys = ON",
        "secure_delete = ON",  # what was deleted is overwritten, or it could be read in the file
        "busy_timeout = 60000",
        "temp_store = MEMORY",
        "cache_size = -8000",
        "journal_size_limit = 67108864",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A deferred transaction that turns writer later fails at once with "database is locked".
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
