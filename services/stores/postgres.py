"""Postgres as the store uses it: connections that notice when they are dead, and waits that end."""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

DRIVERS = ("postgresql", "postgresql+psycopg", "postgres")

# A network that swallows packets must not hold a thread for the two hours of the kernel's defaults.
_CONNECT = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "40000",
    "application_name": "quire",
}

# No transaction of ours waits for anything but the database. One that rests belongs to a process that was
# frozen, and what it has locked must come free; the leases of such a process run out after 30 s, too.
_SETTINGS = (
    "SET statement_timeout = '120s'",
    "SET lock_timeout = '15s'",
    "SET idle_in_transaction_session_timeout = '30s'",
)

_REST_S = 1.0
"""A connection that rested for longer is tried before it is used."""

# deadlock_detected, serialization_failure, lock_not_available
_GAVE_WAY = frozenset({"40P01", "40001", "55P03"})
_PROGRAM_LIMIT = "54"


def create(url: sa.URL, pool_size: int, common: dict[str, Any]) -> sa.Engine:
    """``pool_size`` connections at most: a thread waits for one rather than ask the server for more."""
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # what is not needed rests, and is closed by the server or a pooler first
        connect_args={name: text for name, text in _CONNECT.items() if name not in url.query},
        **common,
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "checkin", _rest)
    sa.event.listen(engine, "checkout", _Try(engine))
    return engine


def gave_way(error: sa.exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _GAVE_WAY


def at_a_limit(error: sa.exc.DBAPIError) -> bool:
    """What was to be stored is larger than the database can hold: it will be the next time."""
    return str(getattr(error.orig, "sqlstate", "")).startswith(_PROGRAM_LIMIT)


def _prepare(connection: Any, _record: ConnectionPoolEntry) -> None:
    connection.autocommit = True
    for setting in _SETTINGS:
        connection.execute(setting)
    connection.autocommit = False


def _rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


class _Try:
    """Tries a connection that rested; asking the busy ones would cost a trip per transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._dialect = engine.dialect

    def __call__(self, connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < _REST_S:
            return
        try:
            self._dialect.do_ping(connection)
        except self._dialect.loaded_dbapi.Error as error:
            # The server was restarted: the others are dead as well.
            raise sa.exc.InvalidatePoolError from error
