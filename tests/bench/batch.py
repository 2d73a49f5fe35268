"""A batch of very many small documents, from POST to its last result: `make bench-batch [MEMBERS=10000]`.

`python -m tests.bench.batch [--members N] [--cluster] [--found-only]`: on one embedded service, or on
Postgres, Redis, S3 and a process for each kind of work. ``--found-only``: the members are found, stored and
counted, but next to none are read; then the batch is cancelled and deleted.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from services.stores.engine import Database
from tests.bench.batch_archive import Made, packed
from tests.bench.client import TERMINAL
from tests.bench.cluster import Calls, Cluster, Servers
from tests.bench.figures import Figures
from tests.bench.gauge import Memory, Work
from tests.bench.process import QuireProcess
from tests.bench.service import Service

_LOOK_S = 0.25
_SETTINGS = {"QUIRE_ENGINE_URL": "scripted://"}
_NEXT_TO_NONE = {"QUIRE_MAX_BACKLOG_PAGES": "20"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the batch is read."""

    api: Service
    all: list[QuireProcess]
    database: str


@contextmanager
def _embedded(scratch: Path, settings: dict[str, str]) -> Iterator[Place]:
    service = Service(scratch / "data", **settings)
    service.start()
    try:
        yield Place(service, [service], f"sqlite:///{service.data_dir / 'quire.db'}")
    finally:
        service.stop()


@contextmanager
def _cluster(scratch: Path, settings: dict[str, str]) -> Iterator[Place]:
    with Servers() as servers, servers.settings() as urls:
        cluster = Cluster(scratch, urls, Calls(scratch / "calls"), **settings)
        cluster.worker("raster", "raster", QUIRE_CPU_PROCESSES="2")  # which finds the members too
        cluster.worker("finish", "read,finish")
        with cluster:
            yield Place(cluster.api, cluster.all, urls["QUIRE_DATABASE_URL"])


@dataclass(slots=True)
class Listener:
    """Follows the results as a client would that wants them as soon as they are there."""

    url: str
    begun: float
    first_s: float | None = None
    sequences: list[int] = field(default_factory=list)
    documents: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    wrong: int = 0

    def run(self) -> None:
        with httpx.stream(
            "GET", self.url, params={"follow": True, "include": "fields"}, timeout=60
        ) as answer:
            for text in answer.iter_lines():
                if text:
                    self._line(json.loads(text))

    def _line(self, line: dict[str, Any]) -> None:
        if line["state"] == "succeeded" and self.first_s is None:
            self.first_s = time.monotonic() - self.begun
        self.sequences.append(line["sequence"])
        self.numbers.add(line["number"])
        if line["document_id"] is not None:
            self.documents.add(line["document_id"])
        self.wrong += line["state"] != ("refused" if line["name"].endswith(".txt") else "succeeded")


class Drill:
    """One archive, posted and followed."""

    def __init__(self, place: Place, archive: Path, made: Made, figures: Figures) -> None:
        self.place, self.made, self.figures = place, made, figures
        self._http = httpx.Client(base_url=place.api.url, timeout=600)
        self.begun = time.monotonic()
        with archive.open("rb") as file:
            answer = self._http.post("/v1/batches", files={"file": (archive.name, file)})
        answer.raise_for_status()
        self.batch: str = answer.json()["id"]
        figures.add("batch.post_s", round(time.monotonic() - self.begun, 2))
        self.found_s = 0.0
        self.before_last = 0

    def close(self) -> None:
        self._http.close()

    def look(self) -> dict[str, Any]:
        return dict(self._http.get(f"/v1/batches/{self.batch}").raise_for_status().json())

    def wait(self, *, ended: bool) -> dict[str, Any]:
        """Until all members are known, or all have ended."""
        while True:
            batch = self.look()
            if batch["expanded"] and not self.found_s:
                self.found_s = time.monotonic() - self.begun
            if batch["state"] in TERMINAL or (batch["expanded"] and not ended):
                return batch
            time.sleep(_LOOK_S)

    def read_all(self) -> None:
        """Every member, its results followed."""
        listener = Listener(f"{self.place.api.url}/v1/batches/{self.batch}/results.ndjson", self.begun)
        following = threading.Thread(target=listener.run)
        following.start()
        batch = self.wait(ended=True)
        whole = time.monotonic() - self.begun
        following.join()
        self._found()
        add, made = self.figures.add, self.made
        add("batch.whole_s", round(whole, 1))
        add("batch.members_per_s", round(made.members / whole, 1))
        add("batch.first_result_s", round(listener.first_s or -1.0, 2))
        add("batch.first_result_share", round((listener.first_s or whole) / whole, 4))
        add("batch.lines", len(listener.sequences))
        add("batch.lines_out_of_order", int(listener.sequences != list(range(1, made.members + 1))))
        add("batch.members_missing", made.members - len(listener.numbers))
        add("batch.documents", len(listener.documents))
        add("batch.wrong", listener.wrong)
        add("batch.unfinished", batch["counts"]["pending"])
        pages = self._http.get("/v1/usage").raise_for_status().json()
        add("batch.different", made.different)
        add("batch.pages_read", pages["pages"] - pages["reused_pages"])

    def find_all(self) -> None:
        """Every member found and stored, then cancelled, then deleted."""
        batch = self.wait(ended=False)
        self._found()
        begun = time.monotonic()
        self._http.post(f"/v1/batches/{self.batch}/cancel").raise_for_status()
        batch = self.wait(ended=True)
        counts = batch["counts"]
        self.figures.add("batch.cancel_s", round(time.monotonic() - begun, 1))
        self.figures.add("batch.unfinished", counts["pending"])
        self.figures.add("batch.members_missing", self.made.members - batch["progress"]["members_total"])
        self.figures.add("batch.wrong", counts["failed"] + counts["refused"] - self.made.refused)
        begun = time.monotonic()
        self._http.delete(f"/v1/batches/{self.batch}").raise_for_status()
        self.figures.add("batch.delete_s", round(time.monotonic() - begun, 1))

    def _found(self) -> None:
        self.figures.add("batch.found_s", round(self.found_s, 1))
        self.figures.add("batch.found_ms_per_member", round(1000 * self.found_s / self.made.members, 2))


def _commits(database: Database) -> int:
    """Transactions so far, where the database counts them."""
    if database.sqlite:
        return 0
    with database.read() as connection:
        query = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
        return int(connection.execute(sa.text(query)).scalar_one())


def measure(scratch: Path, members: int, *, cluster: bool = False, found_only: bool = False) -> Figures:
    figures = Figures()
    archive = scratch / "many.zip"
    made = packed(archive, members)
    figures.add("batch.members", members)
    figures.add("batch.archive_mb", round(made.bytes / 1e6, 1))
    settings = _SETTINGS | (_NEXT_TO_NONE if found_only else {})
    with (_cluster if cluster else _embedded)(scratch, settings) as place:
        database = Database(place.database, pool_size=1)
        commits = _commits(database)
        with Memory(place) as memory, Work(place) as work:
            drill = Drill(place, archive, made, figures)
            (drill.find_all if found_only else drill.read_all)()
            drill.close()
        if commits:
            figures.add("batch.transactions_per_member", round((_commits(database) - commits) / members, 2))
        database.close()
    figures.add("batch.cpu_ms_per_member", round(1000 * work.total / members, 1))
    for name, first in memory.first().items():
        peak, child = memory.peaks()[name]
        figures.add(f"batch.memory_mb_{name}_before", round(first))
        figures.add(f"batch.memory_mb_{name}_peak", round(peak))
        figures.add(f"batch.memory_mb_{name}_after", round(memory.last()[name]))
        figures.add(f"batch.growth_mb_{name}", round(memory.growths()[name], 1))
        if child:
            figures.add(f"batch.memory_mb_{name}_child", round(child))
    return figures


FAULTS = ("members_missing", "wrong", "unfinished")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--found-only", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quire-batch-") as folder:
        figures = measure(
            Path(folder), options.members, cluster=options.cluster, found_only=options.found_only
        )
    if options.out:
        figures.write(options.out)
    return int(any(figures.values[f"batch.{name}"] for name in FAULTS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
