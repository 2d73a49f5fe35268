"""`Ledger` on SQL: claims, commits behind the fence, leases."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Claim, EndedPage, Origin, Queue, RunFacts, StoredImage
from pipeline.ports import BlobKey
from schemas.errors import ErrorInfo, StoreUnavailable
from schemas.ids import Digest, DocumentId, JobId, ProcessId, RunId, TenantId
from schemas.page import PageState
from services.stores import blob_rows, jobs, leases
from services.stores.engine import Database, now_us
from services.stores.tables import documents, page_contents, pages, runs
from services.stores.unit import SqlUnit
from services.stores.work_tables import jobs as job_rows
from workers.meter import Meter, Unmeasured

_COUNT_UP_TO = 256

# Built once: building a statement takes SQLAlchemy longer than SQLite takes to run it.
_BASE = runs.alias("base")
_FACTS = (
    sa.select(
        runs,
        documents.c.digest,
        documents.c.generation,
        documents.c.media_type,
        documents.c.part_pages,
        jobs.SERVED,
        sa.exists()
        .where(_BASE.c.id == runs.c.based_on, _BASE.c.document_id != runs.c.document_id)
        .label("of_file"),
    )
    .join(documents, documents.c.id == runs.c.document_id)
    .where(runs.c.id == sa.bindparam("run"))
)
_UNREAD = (
    sa.select(sa.func.count())
    .select_from(job_rows)
    .where(job_rows.c.run_id == sa.bindparam("run"), job_rows.c.queue == str(Queue.READ))
)
_SECOND = 1_000_000


def _due(queue: Queue) -> sa.Select[str, int]:
    """How many of a queue; each is counted for itself, so that none hides behind a longer one."""
    some = (
        sa.select(sa.literal(1))
        .where(job_rows.c.queue == str(queue), jobs.READY, job_rows.c.run_after <= now_us())
        .limit(_COUNT_UP_TO)
        .subquery()
    )
    return sa.select(sa.literal(str(queue)).label("queue"), sa.func.count().label("jobs")).select_from(some)


_roused = (
    sa.select(sa.literal(1))
    .where(jobs.WAITING, job_rows.c.run_after <= now_us())
    .limit(_COUNT_UP_TO)
    .subquery()
)
_DUE = sa.union_all(
    *(_due(queue) for queue in Queue),
    sa.select(sa.literal(str(Queue.DELIVER)), sa.func.count()).select_from(_roused),
)


class SqlLedger:
    """`Ledger` for SQLite and Postgres."""

    def __init__(self, database: Database, meter: Meter | None = None) -> None:
        self._database = database
        self._meter = meter or Unmeasured()

    def claim(self, queue: Queue, process: ProcessId) -> Claim | None:
        with self._database.write() as connection:
            row = jobs.claim(connection, queue, process)
            if row is None:
                return None
            about = {"run": row.run_id, "of_queue": row.queue, "of_priority": row.priority}
            facts = connection.execute(_FACTS, about).one()
            jobs.serving(connection, row, facts.served)
        return _claim(row, facts)

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[SqlUnit]:
        with self._database.write() as connection:
            unit = SqlUnit(connection, claim, jobs.hold(connection, claim.job, claim.token))
            yield unit
        unit.tell(self._meter)

    def upload(self, tenant: TenantId, digest: str, size: int) -> tuple[BlobKey, bool]:
        with self._database.write() as connection:
            return blob_rows.touch(connection, tenant, Digest(digest), size)

    def ended_pages(self, run: RunId, chunk: int) -> Iterator[Sequence[EndedPage]]:
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    sa.select(
                        pages.c.number, pages.c.state, pages.c.error, pages.c.summary, page_contents.c.content
                    )
                    .outerjoin(
                        page_contents,
                        sa.and_(
                            page_contents.c.run_id == pages.c.run_id,
                            page_contents.c.number == pages.c.number,
                        ),
                    )
                    .where(pages.c.run_id == run, pages.c.number > last)
                    .order_by(pages.c.number)
                    .limit(chunk)
                ).all()
            if not rows:
                return
            yield [
                EndedPage(
                    row.number,
                    PageState(row.state),
                    ErrorInfo(**row.error) if row.error else None,
                    row.summary,
                    row.content,
                )
                for row in rows
            ]
            last = rows[-1].number

    def content(self, run: RunId, number: int) -> bytes | None:
        with self._database.read() as connection:
            return connection.scalar(
                sa.select(page_contents.c.content).where(
                    page_contents.c.run_id == run, page_contents.c.number == number
                )
            )

    def summaries(self, run: RunId, chunk: int) -> Iterator[tuple[int, dict[str, Any]]]:
        last = 0
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    sa.select(pages.c.number, pages.c.summary)
                    .where(pages.c.run_id == run, pages.c.number > last)
                    .order_by(pages.c.number)
                    .limit(chunk)
                ).all()
            if not rows:
                return
            yield from ((row.number, row.summary) for row in rows if row.summary is not None)
            last = rows[-1].number

    def unread(self, run: RunId) -> int:
        with self._database.read() as connection:
            return connection.execute(_UNREAD, {"run": run}).scalar_one()

    def runnable(self) -> dict[Queue, int]:
        due: Counter[Queue] = Counter()
        with self._database.read() as connection:
            for row in connection.execute(_DUE):
                due[Queue(row.queue)] += row.jobs
        return {queue: count for queue, count in due.items() if count}

    def enrol(self, process: ProcessId, host: str, pid: int) -> None:
        with self._database.write() as connection:
            leases.enrol(connection, process, host, pid)

    def beat(self, process: ProcessId) -> None:
        with self._database.write() as connection:
            known = leases.beat(connection, process)
        if not known:
            raise StoreUnavailable("given_up", "this process was silent for too long and was given up")

    def held(self, process: ProcessId) -> set[tuple[JobId, int]]:
        with self._database.read() as connection:
            return leases.held(connection, process)

    def resign(self, process: ProcessId) -> None:
        with self._database.write() as connection:
            leases.resign(connection, process)

    def bury(self, silent_s: float, deaths_allowed: int) -> int:
        with self._database.write() as connection:
            buried = leases.bury(connection, round(silent_s * _SECOND), deaths_allowed)
        self._meter.buried(buried.processes, buried.suspects)
        for _ in range(buried.pages_quarantined):
            self._meter.page_ended(PageState.QUARANTINED)
        return buried.processes


def _claim(row: sa.Row[Any], facts: sa.Row[Any]) -> Claim:
    tenant = TenantId(row.tenant_id)
    image = row.payload.get("image")
    return Claim(
        job=JobId(row.id),
        token=row.token,
        queue=Queue(row.queue),
        tenant=tenant,
        document=DocumentId(row.document_id),
        run=RunId(row.run_id),
        page=row.page,
        pages=tuple(row.payload.get("pages", ())),
        reuse="reuse" in row.payload,
        attempts=row.attempts,
        setbacks=row.setbacks,
        alone=row.solo != leases.SHARED,
        prepared=row.prepared,
        image=image and _image(tenant, image),
        facts=RunFacts(
            source=BlobKey(tenant, Digest(facts.digest), facts.generation),
            media_type=facts.media_type,
            request=facts.request,
            schema=facts.schema,
            password=facts.password,
            based_on=RunId(facts.based_on) if facts.based_on else None,
            of_file=bool(facts.of_file),
            part=facts.part_pages,
            warnings=tuple((facts.outcome or {}).get("warnings", ())),
            origin=Origin(facts.request_id, facts.traceparent),
        ),
    )


def _image(tenant: TenantId, image: dict[str, Any]) -> StoredImage:
    return StoredImage(
        BlobKey(tenant, Digest(image["digest"]), image["generation"]),
        image["media_type"],
        image["width"],
        image["height"],
    )
