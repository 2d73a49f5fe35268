"""How fast the store hands out and takes back work, with many claimers: `make bench-store`."""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Claim, Queue
from schemas.errors import StoreUnavailable
from schemas.ids import ProcessId, TenantId
from services.stores.engine import Database
from services.stores.jobs import BEST
from services.stores.ledger import SqlLedger
from services.stores.work_tables import jobs
from tests.bench.figures import Figures
from tests.contract.store import Store, ended
from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer

_DOCUMENTS, _PAGES = 100, 1000
_PROCESSES, _THREADS = 4, 16
_SECONDS = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", nargs=3, metavar=("URL", "PROCESS", "WHAT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        _worker(*given.worker)
        return
    figures = Figures()
    with _database() as url:
        store = Store(Database(url, pool_size=_THREADS))
        started = time.monotonic()
        for number in range(_DOCUMENTS):
            store.planned(_PAGES, tenant=TenantId(f"t{number % 4}"))
        figures.add("store.pages_planned_per_s", _DOCUMENTS * _PAGES / (time.monotonic() - started))
        figures.add("store.rows_read_by_a_claim", _rows_read(store))
        figures.add("store.claims_per_s", _measure(url, store, "claim"))
        figures.add("store.pages_per_s", _measure(url, store, "pages"))
        with store.database.write() as connection:
            connection.execute(sa.delete(jobs))
        store.planned(_DOCUMENTS * _PAGES)
        figures.add("store.pages_of_one_document_per_s", _measure(url, store, "pages"))
        store.database.close()


@contextmanager
def _database() -> Iterator[str]:
    """On a server that syncs: what a commit waits for is part of what is measured."""
    server = PostgresServer(durable=True)
    try:
        server.start()
        with Databases(server.url).migrated() as url:
            yield url
    finally:
        server.close()


def _rows_read(store: Store) -> int:
    """Rows that a claim looks at among all that wait, by the plan that Postgres says it ran."""
    values = {"in_queue": "raster", "by": store.process(), "param_1": 1}
    with store.database.write() as connection:
        connection.exec_driver_sql("ANALYZE jobs")
        query = str(BEST.compile(dialect=connection.dialect)).strip("()")
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}", values).scalar_one()
    return max(_scanned(plan[0]["Plan"]))


def _scanned(node: dict[str, Any]) -> Iterator[int]:
    yield node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)
    for inner in node.get("Plans", []):
        yield from _scanned(inner)


def _measure(url: str, store: Store, what: str) -> float:
    process = store.process()
    command = [sys.executable, "-m", "tests.bench.store", "--worker", url, process, what]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(_PROCESSES)]
    return sum(float(worker.communicate()[0]) for worker in workers)


def _worker(url: str, process: str, what: str) -> None:
    database = Database(url, pool_size=_THREADS)
    ledger = SqlLedger(database)
    step: Callable[[Claim], None] = _end_page(ledger) if what == "pages" else lambda claim: None
    done = [0] * _THREADS
    start = threading.Barrier(_THREADS + 1)
    over = threading.Event()

    def work(thread: int) -> None:
        start.wait()
        while not over.is_set():
            claim = ledger.claim(Queue.RASTER, ProcessId(process))
            if claim is None:
                return
            step(claim)
            done[thread] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    start.wait()
    started = time.monotonic()
    over.wait(_SECONDS)
    over.set()
    for thread in threads:
        thread.join()
    print(sum(done) / (time.monotonic() - started))


def _end_page(ledger: SqlLedger) -> Callable[[Claim], None]:
    def step(claim: Claim) -> None:
        try:
            with ledger.holding(claim) as unit:
                unit.done()
                unit.end_page(ended(claim.pages[0]))
        except StoreUnavailable as error:
            print(error.code, file=sys.stderr)

    return step


if __name__ == "__main__":
    main()
