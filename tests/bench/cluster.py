"""Quire as it runs when one machine is too small: Postgres, Redis, S3 and processes that share them.

The servers are real and throw-away. The way to S3 leads through a proxy that can be cut.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil
import sqlalchemy as sa

from model_runtime.call_log import ANSWERED, BEGUN
from services.stores.engine import Database
from tests.bench.process import QuireProcess
from tests.bench.service import Service
from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer
from tests.servers.proxy import Proxy
from tests.servers.redis import RedisServer
from tests.servers.s3 import Bucket, RcloneServer, bucket_on


class Servers:
    """Postgres, Redis without persistence, and an S3 server behind a proxy."""

    def __init__(self) -> None:
        self.postgres, self.redis, self.s3 = PostgresServer(), RedisServer(), RcloneServer()
        self.databases = Databases(self.postgres.url)

    def __enter__(self) -> Self:
        for server in (self.postgres, self.redis, self.s3):
            server.start()
        self.proxy = Proxy(self.s3.port)
        return self

    def __exit__(self, *_: object) -> None:
        self.databases.close()
        self.proxy.close()
        for server in (self.postgres, self.redis, self.s3):
            server.close()

    @contextmanager
    def settings(self) -> Iterator[dict[str, str]]:
        """URLs of a new database and a new bucket."""
        bucket: Bucket = bucket_on(self.s3.port)
        with self.databases.migrated() as database:
            yield {
                "QUIRE_DATABASE_URL": database,
                "QUIRE_BROKER_URL": self.redis.url,
                "QUIRE_BLOBS_URL": bucket.url("files", host=self.proxy.address),
            }


class Calls:
    """The log of a scripted engine that several processes write (see `model_runtime.call_log`)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def url(self, delay_ms: int, in_flight: int, *, model: bool = False, fatal: str | None = None) -> str:
        """``model``: its readings are arranged as those of a vision language model, which costs less.

        ``fatal``: the digest of a page image that kills whoever reads it.
        """
        more = ("&model=1" if model else "") + (f"&fatal={fatal}" if fatal else "")
        return f"scripted://?delay_ms={delay_ms}&in_flight={in_flight}&log={self.path}{more}"

    def events(self) -> list[tuple[str, float, int]]:
        """Kind, time and process of each event."""
        lines = (line.split() for line in self.path.read_text().splitlines())
        return [(kind, float(at), int(pid)) for kind, at, pid in lines]

    @property
    def answered(self) -> int:
        return Counter(kind for kind, _, _ in self.events())[ANSWERED]

    @property
    def in_flight(self) -> int:
        """Calls begun and not ended, in processes that are alive."""
        balance: Counter[int] = Counter()
        for kind, _, pid in self.events():
            balance[pid] += 1 if kind == BEGUN else -1
        return sum(calls for pid, calls in balance.items() if psutil.pid_exists(pid))


class Cluster:
    """Processes on shared URLs. Names are those of their folders; the API is called ``api``."""

    def __init__(self, scratch: Path, urls: dict[str, str], calls: Calls, **settings: str) -> None:
        self.scratch = scratch
        self.calls = calls
        self._settings = {"QUIRE_CPU_PROCESSES": "1", "QUIRE_LEASE_S": "6", "QUIRE_REQUIRE_KEYS": "false"}
        self._settings |= {**urls, **settings}
        self.api = Service(scratch / "api", "api", **self._settings)
        self.others: dict[str, QuireProcess] = {}

    def worker(self, name: str, queues: str, **settings: str) -> QuireProcess:
        return self._add(name, ["worker", "--queue", queues], "Quire works on", settings)

    def sweep(self) -> QuireProcess:
        return self._add("sweep", ["sweep"], "Quire sweeps", {})

    def standard(self) -> None:
        """Two workers for pages that are rendered, two for pages that are read, one for whole documents."""
        for number in (1, 2):
            self.worker(f"raster{number}", "raster")
            self.worker(f"read{number}", "read")
        self.worker("finish", "finish")
        self.sweep()

    def __enter__(self) -> Self:
        for process in self.all:
            process.launch()
        try:
            until = time.monotonic() + 240
            while not all(process.ready() for process in self.all):
                for process in self.all:
                    if not process.alive or time.monotonic() > until:
                        raise RuntimeError(f"{process.data_dir.name} did not start:\n{process.last_words()}")
                time.sleep(0.1)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.all:
            process.stop()

    @property
    def all(self) -> list[QuireProcess]:
        return [self.api, *self.others.values()]

    def family(self) -> list[psutil.Process]:
        """All processes of Quire, children of the cage among them."""
        return [process for each in self.all for process in each.processes()]

    @contextmanager
    def database(self) -> Iterator[sa.Connection]:
        """A look behind the API."""
        database = Database(self._settings["QUIRE_DATABASE_URL"], pool_size=1)
        try:
            with database.read() as connection:
                yield connection
        finally:
            database.close()

    def _add(self, name: str, command: list[str], says: str, settings: dict[str, str]) -> QuireProcess:
        process = QuireProcess(self.scratch / name, command, says, **{**self._settings, **settings})
        self.others[name] = process
        return process


def quire(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command that ends by itself."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("QUIRE_")}
    command = [str(Path(sys.executable).parent / "quire"), *arguments]
    return subprocess.run(command, env={**clean, **settings}, capture_output=True, text=True, check=False)
