"""A store with documents in it, for tests that speak of jobs and pages."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Claim, PageEnd, PlanFacts, Queue
from pipeline.ports import BlobKey
from schemas.ids import DEFAULT_TENANT, Digest, DocumentId, ProcessId, RunId, TenantId, process_id
from schemas.page import PageState
from services.stores import blob_rows, commands
from services.stores.engine import Database
from services.stores.ledger import SqlLedger
from services.stores.tables import events, pages, runs
from services.stores.work_tables import jobs

PLAN = PlanFacts({"name": "none"})


class Store:
    """Steps in the life of documents, taken one by one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.ledger = SqlLedger(database)

    def blob(self, tenant: TenantId = DEFAULT_TENANT, content: bytes = b"bytes") -> BlobKey:
        digest = Digest(hashlib.sha256(content).hexdigest())
        with self.database.write() as connection:
            key, needed = blob_rows.touch(connection, tenant, digest, len(content))
            if needed:
                blob_rows.mark_live(connection, key)
        return key

    def document(
        self, tenant: TenantId = DEFAULT_TENANT, *, priority: int = 0, password: str | None = None
    ) -> tuple[DocumentId, RunId]:
        key = self.blob(tenant)
        with self.database.write() as connection:
            return commands.create_document(
                connection,
                commands.NewDocument(tenant, key, "application/pdf", 5),
                commands.NewRun({}, password=password, priority=priority),
            )

    def process(self) -> ProcessId:
        name = process_id()
        self.ledger.enrol(name, "host", 1)
        return name

    def claim(self, queue: Queue, process: ProcessId) -> Claim:
        claim = self.ledger.claim(queue, process)
        assert claim is not None
        return claim

    def alone(self, claim: Claim) -> None:
        """The suspect runs, with nothing beside it."""
        with self.ledger.holding(claim) as unit:
            unit.alone()

    def planned(
        self,
        page_count: int,
        *,
        chunk: int = 1,
        tenant: TenantId = DEFAULT_TENANT,
        reuse: str | None = None,
        priority: int = 0,
    ) -> RunId:
        """A document whose pages wait to be rastered."""
        _, run = self.document(tenant, priority=priority)
        self.plan(range(1, page_count + 1), chunk=chunk, reuse=reuse)
        return run

    def plan(self, pages: Sequence[int], *, chunk: int = 1, reuse: str | None = None) -> RunId:
        """Plan the next document."""
        claim = self.claim(Queue.PLAN, self.process())
        with self.ledger.holding(claim) as unit:
            unit.plan(pages, chunk, replace(PLAN, reuse=reuse))
            unit.done()
        return claim.run

    def end_pages(self, process: ProcessId, state: PageState = PageState.READ) -> None:
        """Bring all pages that wait to be rastered to an end."""
        while (claim := self.ledger.claim(Queue.RASTER, process)) is not None:
            with self.ledger.holding(claim) as unit:
                for number in claim.pages:
                    unit.end_page(ended(number, state))
                unit.done()

    def run(self, run: RunId) -> Any:
        with self.database.read() as connection:
            return connection.execute(sa.select(runs).where(runs.c.id == run)).one()

    def page_states(self, run: RunId) -> dict[int, str]:
        with self.database.read() as connection:
            rows = connection.execute(
                sa.select(pages.c.number, pages.c.state).where(pages.c.run_id == run).order_by(pages.c.number)
            )
            return {row.number: row.state for row in rows}

    def event_types(self, run: RunId) -> list[str]:
        with self.database.read() as connection:
            return list(
                connection.scalars(
                    sa.select(events.c.type).where(events.c.run_id == run).order_by(events.c.seq)
                )
            )

    def jobs(self, run: RunId) -> list[Any]:
        with self.database.read() as connection:
            rows = connection.execute(sa.select(jobs).where(jobs.c.run_id == run).order_by(jobs.c.id))
            return list(rows)


def ended(number: int, state: PageState = PageState.READ) -> PageEnd:
    return PageEnd(number, state, content=b'{"page":{"number":%d,"state":"read"}}' % number, summary={})
