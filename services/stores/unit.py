"""The unit of work: what a worker may write in the name of a job it still holds."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Claim, Failure, Later, Outcome, PageEnd, PageToRead, PlanFacts, Queue
from pipeline.ports import BlobKey
from schemas.ids import RunId
from schemas.page import PageState
from services.stores import (
    blob_rows,
    field_rows,
    jobs,
    leases,
    parts,
    reuse,
    search_rows,
    transitions,
    usage_rows,
)
from services.stores.engine import now_us
from services.stores.tables import pages as page_rows
from services.stores.tables import run_parts, runs
from services.stores.work_tables import attempts
from services.stores.work_tables import jobs as job_rows
from workers.meter import Meter

_SECOND = 1_000_000


# Built once: building a statement takes SQLAlchemy longer than a database takes to run it.
_READING = (
    sa.update(page_rows)
    .where(
        page_rows.c.run_id == sa.bindparam("of_run"),
        page_rows.c.number == sa.bindparam("of_number"),
        # Not when it is with an engine already: a commit whose answer was lost is made again.
        page_rows.c.state == str(PageState.PENDING),
    )
    .values(
        state=str(PageState.READING),
        **{
            name: sa.bindparam(name, type_=page_rows.c[name].type)
            for name in ("image_digest", "image_generation", "image_type")
        },
    )
)
_WORK_ON = sa.update(job_rows).where(job_rows.c.id == sa.bindparam("job")).values(page=sa.bindparam("at"))
_DONE = sa.delete(job_rows).where(job_rows.c.id == sa.bindparam("job"))


class SqlUnit:
    """`UnitOfWork` on an open write transaction in which the fence was checked and the job is locked."""

    def __init__(self, connection: sa.Connection, claim: Claim, priority: int) -> None:
        self._connection = connection
        self._claim = claim
        self._priority = priority
        self._owner = (claim.tenant, claim.document, claim.run)
        self._told: list[Callable[[Meter], None]] = []

    def tell(self, meter: Meter) -> None:
        """What was written, once it is committed."""
        for told in self._told:
            told(meter)

    def alone(self) -> None:
        self._job(solo=leases.ALONE)

    def plan(self, pages: Sequence[int], chunk: int, facts: PlanFacts) -> None:
        claim, based_on = self._claim, self._claim.facts.based_on
        copied = self._copy(based_on, pages, facts) if based_on else {}
        failed = sum(state.failed for state in copied.values())
        todo = [number for number in pages if number not in copied]
        placed = reuse.place(self._connection, self._owner, todo, facts.reuse, self._priority)
        reused = len(copied) + len(placed.read)
        transitions.start_run(self._connection, claim.run, len(pages))
        self._connection.execute(
            sa.update(runs)
            .where(runs.c.id == claim.run)
            .values(
                engine=facts.engine,
                outcome={"warnings": list(facts.warnings)},
                pages_left=len(pages) - reused,
                pages_failed=failed,
                usage_pages=reused,
                usage_reused_pages=reused,
            )
        )
        if reused:
            states = transitions.tell_copied(self._connection, self._owner, len(pages))
            self._told += [partial(_page_ended, state) for state in states]
        chunks = [placed.ours[start : start + chunk] for start in range(0, len(placed.ours), chunk)]
        self._add(Queue.RASTER, [jobs.Work({"pages": part}, page=part[0], cost=len(part)) for part in chunks])
        if reused == len(pages):
            self._add(Queue.FINISH, [jobs.Work()])
        again = self._admitted_before(based_on, todo) if based_on else 0
        fresh = len(todo) - len(placed.read) - len(placed.waiting) - again
        usage_rows.admit(self._connection, claim.tenant, max(0, fresh))

    def _copy(self, base: RunId, numbers: Sequence[int], facts: PlanFacts) -> dict[int, PageState]:
        """Take over pages that ended well there, but for those that have new questions to answer.

        A part takes its file's pages as they ended: what failed there was tried often enough.
        """
        of_file = self._claim.facts.of_file
        states = {str(state) for state in PageState if state.terminal} if of_file else set(reuse.GOOD)
        asks = facts.asks and self._asked_of(base) != self._claim.facts.request.get("questions")
        if asks or (of_file and facts.looks):
            states.remove(PageState.READ)
        taken = sa.select(page_rows.c.number, page_rows.c.state).where(
            page_rows.c.run_id == base, page_rows.c.state.in_(states)
        )
        wanted = set(numbers)
        copied = {
            row.number: PageState(row.state)
            for row in self._connection.execute(taken.order_by(page_rows.c.number))
            if row.number in wanted
        }
        order = list(copied)
        for start in range(0, len(order), 500):
            reuse.copy_rows(self._connection, self._owner, base, order[start : start + 500])
        return copied

    def _asked_of(self, run: RunId) -> Any:
        request = self._connection.scalar(sa.select(runs.c.request).where(runs.c.id == run))
        return (request or {}).get("questions")

    def _admitted_before(self, base: RunId, numbers: Sequence[int]) -> int:
        """Pages that are tried again: they were counted when they were let in, and came to nothing."""
        tried = sa.select(sa.func.count()).where(
            page_rows.c.run_id == base,
            page_rows.c.number.between(min(numbers, default=0), max(numbers, default=0)),
            page_rows.c.state.not_in(reuse.GOOD),
        )
        return int(self._connection.execute(tried).scalar_one())

    def look_again(self) -> Sequence[int]:
        job = sa.select(job_rows.c.payload).where(job_rows.c.id == self._claim.job)
        payload = self._connection.execute(job).scalar_one()
        if "reuse" not in payload:  # looked already, and the answer to that commit was lost
            return list(payload["pages"])
        placed = reuse.look_again(self._connection, self._owner, payload["pages"], payload["reuse"])
        for number, holder in placed.read:
            state = transitions.reuse_page(
                self._connection, self._claim.tenant, self._claim.run, number, holder
            )
            self._told.append(partial(_page_ended, state))
        if placed.ours:
            self._job(payload={"pages": placed.ours}, page=placed.ours[0])
        else:
            self.done()
        return placed.ours

    def work_on(self, page: int) -> None:
        self._connection.execute(_WORK_ON, {"job": self._claim.job, "at": page})

    def remaining(self) -> Sequence[int]:
        row = self._connection.execute(
            sa.select(job_rows.c.page, job_rows.c.payload).where(job_rows.c.id == self._claim.job)
        ).one()
        pages = row.payload.get("pages") or ([] if row.page is None else [row.page])
        return [page for page in pages if row.page is None or page >= row.page]

    def end_page(self, end: PageEnd) -> int | None:
        left = transitions.end_page(self._connection, self._claim.tenant, self._claim.run, end)
        if left is not None:
            self._told.append(partial(_page_ended, end.state))
        return left

    def to_read(self, page: PageToRead, image: BlobKey) -> None:
        blob_rows.mark_live(self._connection, image)
        changed = self._connection.execute(
            _READING,
            {
                "of_run": self._claim.run,
                "of_number": page.number,
                "image_digest": image.digest,
                "image_generation": image.generation,
                "image_type": page.image.media_type,
            },
        ).rowcount
        if not changed:
            return
        stored = {
            "digest": image.digest,
            "generation": image.generation,
            "media_type": page.image.media_type,
            "width": page.image.width,
            "height": page.image.height,
        }
        work = jobs.Work({"image": stored}, page=page.number, prepared=page.prepared)
        self._add(Queue.READ, [work])

    def render_again(self) -> None:
        page = self._claim.page
        assert page is not None
        self._connection.execute(
            sa.update(page_rows)
            .where(
                page_rows.c.run_id == self._claim.run,
                page_rows.c.number == page,
                page_rows.c.state == str(PageState.READING),
            )
            .values(state=str(PageState.PENDING))
        )
        self._add(Queue.RASTER, [jobs.Work({"pages": [page]}, page=page, attempts=self._claim.attempts)])
        self.done()

    def hold_off(self, delay_s: float) -> None:
        self._job(state="ready", process_id=None)
        later = now_us() + round(delay_s * _SECOND)
        self._connection.execute(
            sa.update(job_rows)
            .where(
                job_rows.c.run_id == self._claim.run, job_rows.c.queue == str(self._claim.queue), jobs.READY
            )
            .values(run_after=later)
        )

    def split(self, page: int, later: Later) -> None:
        work = jobs.Work(
            {"pages": [page]},
            page=page,
            delay_us=round(later.delay_s * _SECOND),
            attempts=int(later.counted),
            setbacks=int(not later.counted),
        )
        self._add(Queue.RASTER, [work])

    def later(self, later: Later) -> None:
        tries = job_rows.c.attempts if later.counted else job_rows.c.setbacks
        self._job(
            state="ready",
            process_id=None,
            solo=leases.SUSPECT if later.alone else leases.NOT_NOW,
            run_after=now_us() + round(later.delay_s * _SECOND),
            **{tries.name: tries + 1},
        )

    def failed(self, failure: Failure) -> None:
        queue = self._claim.queue
        self._told.append(lambda meter: meter.try_failed(queue, failure.error.code, failure.counted))
        self._connection.execute(
            attempts.insert().values(
                tenant_id=self._claim.tenant,
                run_id=self._claim.run,
                page=failure.page,
                queue=str(self._claim.queue),
                at=now_us(),
                code=failure.error.code,
                detail=failure.error.detail,
                counted=failure.counted,
                ms=failure.ms,
            )
        )

    def done(self) -> None:
        self._connection.execute(_DONE, {"job": self._claim.job})

    def overlay(self, overlays: Iterable[tuple[int, dict[str, Any]]]) -> None:
        rows = [{"page_number": number, "said": overlay} for number, overlay in overlays]
        if rows:
            self._connection.execute(
                sa.update(page_rows)
                .where(
                    page_rows.c.run_id == self._claim.run, page_rows.c.number == sa.bindparam("page_number")
                )
                .values(overlay=sa.bindparam("said", type_=page_rows.c.overlay.type)),
                rows,
            )

    def parts(self, kind: str, start: int, contents: Sequence[bytes]) -> None:
        rows = [
            {
                "run_id": self._claim.run,
                "kind": kind,
                "ordinal": start + index,
                "tenant_id": self._claim.tenant,
                "content": content,
            }
            for index, content in enumerate(contents)
        ]
        if start == 0:  # what an earlier try of this job left
            self._connection.execute(
                sa.delete(run_parts).where(run_parts.c.run_id == self._claim.run, run_parts.c.kind == kind)
            )
        if rows:
            self._connection.execute(run_parts.insert(), rows)

    def texts(self, pages: Sequence[tuple[int, str]], *, first: bool) -> None:
        search_rows.write(self._connection, self._owner, pages, first=first)

    def end_run(self, outcome: Outcome) -> None:
        field_rows.write(self._connection, self._owner, outcome.fields)
        if transitions.end_run(
            self._connection, self._claim.run, outcome.state, error=outcome.error, outcome=outcome.summary
        ):
            self._told.append(lambda meter: meter.run_ended(outcome.state))
            if outcome.split is not None:
                parts.divide(self._connection, self._claim, outcome)

    def _add(self, queue: Queue, work: Sequence[jobs.Work]) -> None:
        jobs.add(self._connection, self._owner, queue, self._priority, work)

    def _job(self, **values: Any) -> None:
        self._connection.execute(sa.update(job_rows).where(job_rows.c.id == self._claim.job).values(**values))


def _page_ended(state: PageState, meter: Meter) -> None:
    meter.page_ended(state)
