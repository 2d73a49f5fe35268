"""`BatchStore` on SQL: steps of batches claimed, and what they found written down behind the fence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pipeline.batches import (
    BatchClaim,
    NewMember,
    Progress,
    StoredFile,
    Task,
    WaitingMember,
)
from pipeline.ledger import Later, Queue
from pipeline.ports import BlobKey
from schemas.errors import ErrorInfo
from schemas.ids import BatchId, Digest, DocumentId, ProcessId, TenantId
from schemas.result import RunState
from services.stores import batch_log, batch_rows, blob_rows, commands, jobs
from services.stores.batch_shapes import claim_of, document_of, row_of, stored_of
from services.stores.batch_tables import batch_members, batches
from services.stores.engine import Database, now_us
from services.stores.tables import documents
from services.stores.work_tables import jobs as job_rows

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class SqlBatches:
    """For SQLite and Postgres."""

    database: Database

    def claim(self, process: ProcessId) -> BatchClaim | None:
        with self.database.write() as connection:
            row = jobs.claim(connection, Queue.BATCH, process)
            if row is None:
                return None
            about = {"of_queue": row.queue, "of_priority": row.priority}
            jobs.serving(connection, row, connection.scalar(sa.select(jobs.SERVED), about))
            batch = connection.execute(
                sa.select(batches).where(batches.c.id == row.payload["batch"])
            ).one_or_none()
            if batch is None:
                connection.execute(sa.delete(job_rows).where(job_rows.c.id == row.id))
                return None
        return claim_of(row, batch)

    @contextmanager
    def holding(self, claim: BatchClaim) -> Iterator["SqlBatchUnit"]:
        with self.database.write() as connection:
            priority = jobs.hold(connection, claim.job, claim.token)
            yield SqlBatchUnit(connection, claim, priority)

    def announce(self, tenant: TenantId, files: Sequence[tuple[Digest, int]]) -> list[tuple[BlobKey, bool]]:
        with self.database.write() as connection:
            return [blob_rows.touch(connection, tenant, digest, size) for digest, size in sorted(files)]

    def stored(self, keys: Sequence[BlobKey]) -> None:
        with self.database.write() as connection:
            for key in sorted(keys):
                blob_rows.mark_live(connection, key)

    def fold(self) -> int:
        return batch_log.fold(self.database)

    def waiting(self, batch: BatchId, most: int) -> list[WaitingMember]:
        query = (
            sa.select(batch_members)
            .where(batch_members.c.batch_id == batch, _WAITING)
            .order_by(batch_members.c.number)
            .limit(most)
        )
        with self.database.read() as connection:
            return [
                WaitingMember(row.number, stored_of(row), row.source) for row in connection.execute(query)
            ]

    def documents(self, claim: BatchClaim, states: Sequence[str], most: int) -> list[DocumentId]:
        query = (
            sa.select(documents.c.id)
            .where(
                documents.c.tenant_id == claim.tenant,
                documents.c.batch_id == claim.batch,
                documents.c.id > (claim.at or ""),
                documents.c.state.in_(states),
                documents.c.deleted_at.is_(None),
            )
            .order_by(documents.c.id)
            .limit(most)
        )
        with self.database.read() as connection:
            return [DocumentId(found) for found in connection.scalars(query)]

    def cancel(self, tenant: TenantId, document: DocumentId) -> None:
        self.database.settle(lambda connection: commands.cancel_run(connection, tenant, document))

    def retry(self, tenant: TenantId, document: DocumentId) -> None:
        self.database.settle(lambda connection: commands.retry_run(connection, tenant, document))


@dataclass(frozen=True, slots=True)
class SqlBatchUnit:
    """`BatchUnit` on an open write transaction in which the fence was checked and the job is locked."""

    connection: sa.Connection
    claim: BatchClaim
    priority: int

    def add(self, members: Sequence[NewMember], progress: Progress) -> None:
        claim, connection = self.claim, self.connection
        # Stored bytes may have been deleted since: the step is tried again then, and stores them anew.
        stored = [member.what.blob for member in members if isinstance(member.what, StoredFile)]
        blob_rows.require_all_live(connection, stored)
        if members:
            rows = [row_of(claim, member) for member in members]
            connection.execute(batch_members.insert(), rows)
        refused = [member.number for member in members if isinstance(member.what, ErrorInfo)]
        batch_log.note_members(connection, claim.tenant, claim.batch, refused, (None, batch_log.REFUSED))
        skipped = connection.scalar(sa.select(batches.c.skipped).where(self._mine()).with_for_update())
        assert skipped is not None
        for reason, count in progress.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
        values: dict[str, Any] = {
            "position": progress.position,
            "unpacked": progress.unpacked,
            "skipped": skipped,
            "pending": batches.c.pending + len(members) - len(refused),
            "state": str(RunState.PROCESSING),
        }
        if progress.listed is not None:
            values["listed"] = progress.listed
        if progress.done:
            values |= {"expanded_at": now_us(), "generation": None}
        if progress.error is not None:
            values["error"] = progress.error.model_dump()
        connection.execute(sa.update(batches).where(self._mine()).values(values))

    def admit(self, members: Sequence[tuple[int, StoredFile | ErrorInfo]]) -> None:
        stored = [(number, what) for number, what in members if isinstance(what, StoredFile)]
        refused = [(number, what) for number, what in members if isinstance(what, ErrorInfo)]
        if refused:
            self._refuse(refused)
        if stored:
            self._make(stored)

    def _refuse(self, members: Sequence[tuple[int, ErrorInfo]]) -> None:
        claim = self.claim
        self.connection.execute(
            _REFUSE,
            [
                {"of_batch": claim.batch, "of_number": number, "why": error.model_dump()}
                for number, error in members
            ],
        )
        numbers = [number for number, _ in members]
        batch_log.note_members(
            self.connection, claim.tenant, claim.batch, numbers, (batch_log.PENDING, batch_log.REFUSED)
        )

    def _make(self, members: Sequence[tuple[int, StoredFile]]) -> None:
        claim, connection = self.claim, self.connection
        batch = connection.execute(sa.select(batches).where(self._mine())).one()
        numbers = [number for number, _ in members]
        rows = {
            row.number: row
            for row in connection.execute(
                sa.select(batch_members).where(
                    batch_members.c.batch_id == claim.batch, batch_members.c.number.in_(numbers), _WAITING
                )
            )
        }
        now = connection.scalar(sa.select(now_us())) or 0
        new = [document_of(batch, rows[number], what, now) for number, what in members if number in rows]
        made = commands.create_documents(connection, claim.tenant, new, batch.priority)
        connection.execute(
            _BECOME,
            [
                {
                    "of_batch": claim.batch,
                    "of_number": number,
                    "document": document,
                    "bytes": what.size,
                    "media_type": what.media_type,
                    "digest": what.blob.digest,
                }
                for (number, what), (document, _) in zip(
                    [pair for pair in members if pair[0] in rows], made, strict=True
                )
            ],
        )

    def drop_waiting(self, most: int) -> int:
        claim = self.claim
        some = (
            sa.select(batch_members.c.number)
            .where(batch_members.c.batch_id == claim.batch, _WAITING)
            .order_by(batch_members.c.number)
            .limit(most)
        )
        dropped = self.connection.scalars(
            sa.update(batch_members)
            .where(batch_members.c.batch_id == claim.batch, batch_members.c.number.in_(some))
            .values(state="cancelled")
            .returning(batch_members.c.number)
        ).all()
        batch_log.note_members(
            self.connection, claim.tenant, claim.batch, sorted(dropped), (batch_log.PENDING, "cancelled")
        )
        return len(dropped)

    def again(self, *, delay_s: float = 0.0, task: Task | None = None, at: DocumentId | None = None) -> None:
        self._drop()
        values: dict[str, Any] = {"at": at}
        if task is not None:
            values["task"] = str(task)
        batch_rows.next_step(
            self.connection,
            self.claim.tenant,
            self.claim.batch,
            self.priority,
            delay_us=round(delay_s * _SECOND),
            **values,
        )

    def rest(self) -> None:
        self._drop()
        values = {"job_id": None, "task": str(Task.IDLE), "at": None}
        self.connection.execute(sa.update(batches).where(self._mine()).values(values))

    def later(self, later: Later) -> None:
        tries = job_rows.c.attempts if later.counted else job_rows.c.setbacks
        self.connection.execute(
            sa.update(job_rows)
            .where(job_rows.c.id == self.claim.job)
            .values(
                state="ready",
                process_id=None,
                run_after=now_us() + round(later.delay_s * _SECOND),
                **{tries.name: tries + 1},
            )
        )

    def fail(self, error: ErrorInfo) -> None:
        """Members that wait already still become documents."""
        batch_rows.give_up(self.connection, self.claim.batch, error)
        self.again(task=Task.EXPAND)

    def _drop(self) -> None:
        self.connection.execute(sa.delete(job_rows).where(job_rows.c.id == self.claim.job))

    def _mine(self) -> sa.ColumnElement[bool]:
        return batches.c.id == self.claim.batch


# Written out as in the partial index, or the databases would not use it.
_WAITING = batch_members.c.state == sa.literal_column("'waiting'")
_OF = sa.and_(
    batch_members.c.batch_id == sa.bindparam("of_batch"), batch_members.c.number == sa.bindparam("of_number")
)
_REFUSE = (
    sa.update(batch_members)
    .where(_OF)
    .values(state="refused", error=sa.bindparam("why", type_=batch_members.c.error.type))
)
_BECOME = (
    sa.update(batch_members)
    .where(_OF)
    .values(
        state="document",
        password=None,
        document_id=sa.bindparam("document"),
        bytes=sa.bindparam("bytes"),
        media_type=sa.bindparam("media_type"),
        digest=sa.bindparam("digest"),
    )
)
