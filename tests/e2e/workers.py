"""Embedded workers on a folder, with steps that do what the lines of a file say."""

import hashlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from model_runtime.scripted import ScriptedReader
from pipeline.ledger import Queue
from pipeline.ports import PageReader
from schemas.ids import DEFAULT_TENANT, Digest, DocumentId, RunId
from schemas.result import RunState
from services.folder_lock import FolderLock
from services.stores import blob_rows, commands, migrate
from services.stores.blobs_local import LocalBlobs
from services.stores.engine import Database
from services.stores.ledger import SqlLedger
from services.stores.tables import events, page_contents, pages, runs
from services.stores.work_tables import attempts, jobs
from services.worker import Terms, Workers
from tests.e2e import hostile
from workers.cage import ProcessCage
from workers.context import Context, Engines
from workers.document import StandardDocument
from workers.pulse import LEASE_S
from workers.steps import Steps

SLOTS = {Queue.PLAN: 1, Queue.RASTER: 2, Queue.READ: 4, Queue.FINISH: 1}
STEPS = Steps(hostile.inspect, hostile.prepare, hostile.arrange)


class Nobody:
    """A waker nobody listens to."""

    def wake(self, queue: str) -> None:
        """Lost."""


class House:
    """A data folder with its store, and whoever works on it: one process on SQLite, many on ``shared``."""

    def __init__(self, folder: Path, shared: str | None = None) -> None:
        self.folder = folder
        self.shared = shared
        self.lock = FolderLock(folder)
        self.database = Database(shared or f"sqlite:///{folder}/quire.db")
        self.blobs = LocalBlobs(folder / "blobs")
        self.scratch = folder / "scratch"
        self.scratch.mkdir(exist_ok=True)
        migrate.upgrade(self.database)

    @contextmanager
    def workers(
        self,
        reader: PageReader | None = None,
        slots: dict[Queue, int] | None = None,
        deadline_s: float = 60.0,
    ) -> Iterator[Workers]:
        if not self.shared:
            self.lock.take()
        cage = ProcessCage(2, deadline_s=deadline_s, memory_bytes=256 << 20, preload=["tests.e2e.hostile"])
        context = Context(
            ledger=SqlLedger(self.database),
            blobs=self.blobs,
            cage=cage,
            engines=Engines("scripted", {"scripted": reader or ScriptedReader()}),
            steps=STEPS,
            recipe=StandardDocument(cage),
            waker=Nobody(),
            scratch=self.scratch,
            chunk=4,
        )
        terms = Terms(grace_s=0.2, sole=not self.shared, lease_s=2 if self.shared else LEASE_S)
        workers = Workers(context, slots or SLOTS, terms)
        workers.start()
        try:
            yield workers
        finally:
            workers.stop()
            cage.close()
            self.lock.release()

    def post(self, lines: list[str]) -> tuple[DocumentId, RunId]:
        """A document of one page per line; nobody is woken."""
        source = self.folder / "posted"
        source.write_text("\n".join(lines), encoding="utf-8")
        digest = Digest(hashlib.sha256(source.read_bytes()).hexdigest())
        with self.database.write() as connection:
            key, needed = blob_rows.touch(connection, DEFAULT_TENANT, digest, source.stat().st_size)
        if needed:
            self.blobs.put(key, source)
        with self.database.write() as connection:
            blob_rows.mark_live(connection, key)
            new = commands.NewDocument(DEFAULT_TENANT, key, "text/plain", source.stat().st_size)
            return commands.create_document(connection, new, commands.NewRun({}))

    def finished(self, run: RunId) -> Any:
        """The run once it has ended."""
        while True:
            row = self.run(run)
            if RunState(row.state).terminal:
                return row
            time.sleep(0.02)

    def run(self, run: RunId) -> Any:
        with self.database.read() as connection:
            return connection.execute(sa.select(runs).where(runs.c.id == run)).one()

    def pages(self, run: RunId) -> dict[int, Any]:
        return {row.number: row for row in self._rows(pages, pages.c.run_id == run, pages.c.number)}

    def contents(self, run: RunId) -> dict[int, bytes]:
        rows = self._rows(page_contents, page_contents.c.run_id == run, page_contents.c.number)
        return {row.number: row.content for row in rows}

    def attempts(self, run: RunId) -> list[Any]:
        return self._rows(attempts, attempts.c.run_id == run, attempts.c.seq)

    def jobs(self, run: RunId) -> list[Any]:
        return self._rows(jobs, jobs.c.run_id == run, jobs.c.id)

    def finished_pages(self, run: RunId) -> list[int]:
        """Page numbers of the events that told of a page's end, in their order."""
        told = sa.and_(events.c.run_id == run, events.c.type == "page.finished")
        return [row.data["number"] for row in self._rows(events, told, events.c.seq)]

    def _rows(self, table: sa.Table, where: sa.ColumnElement[bool], order: sa.Column[Any]) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(table).where(where).order_by(order)))


def serve(folder: str, shared: str | None = None) -> None:
    """Work on a folder until killed; what tests that kill start."""
    house = House(Path(folder), shared)
    with house.workers(ScriptedReader(delay_s=0.05)):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            time.sleep(60)
