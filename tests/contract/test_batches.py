"""Batches step by step on both databases: found, admitted, counted, cancelled, tried again; nothing twice."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.batches import BatchClaim, BatchKind, NewMember, Progress, StoredFile, Task
from pipeline.ledger import Fenced, Outcome, Queue
from schemas.errors import Conflict, ErrorInfo, NotFound, StoreUnavailable
from schemas.ids import DEFAULT_TENANT, BatchId, Digest, DocumentId, RunId
from schemas.result import RunState
from services.admission import Admission
from services.stores import batch_log, batch_rows, blob_rows, commands
from services.stores.batch_log import fold
from services.stores.batch_tables import batch_log as log_rows
from services.stores.batch_tables import batch_members, batches
from services.stores.batch_work import SqlBatches
from services.stores.tables import blobs, documents
from tests.contract.store import PLAN as PLAN_FACTS
from tests.contract.store import Store

REFUSED = ErrorInfo(code="unsupported_media_type", detail="no")


class Batch:
    """One batch of an archive, taken step by step."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.work = SqlBatches(store.database)
        self.process = store.process()
        self.archive = store.blob(content=b"archive")
        new = batch_rows.NewBatch(
            DEFAULT_TENANT,
            BatchKind.ARCHIVE,
            commands.NewRun({}, priority=commands.BULK),
            self.archive,
            "application/zip",
        )
        with store.database.write() as connection:
            self.id: BatchId = batch_rows.create(connection, new)

    def claim(self) -> BatchClaim:
        claim = self.work.claim(self.process)
        assert claim is not None
        return claim

    def find(self, claim: BatchClaim, numbers: range, *, done: bool = True, refused: int = 0) -> None:
        """Write down members; the last ``refused`` of them are."""
        members = [NewMember(n, f"{n}.pdf", 5, self.file(n)) for n in numbers]
        bad = range(numbers.stop, numbers.stop + refused)
        members += [NewMember(n, f"{n}.txt", 5, REFUSED) for n in bad]
        with self.work.holding(claim) as unit:
            unit.add(members, Progress(bad.stop - 1, 5 * len(members), {"junk": 1}, done=done))

    def file(self, number: int) -> StoredFile:
        return StoredFile(self.store.blob(content=b"%d" % number), 5, "application/pdf")

    def admit(self, claim: BatchClaim) -> None:
        waiting = self.work.waiting(self.id, 500)
        with self.work.holding(claim) as unit:
            unit.admit([(m.number, m.stored) for m in waiting if m.stored is not None])
            unit.rest()

    def row(self) -> Any:
        with self.store.database.read() as connection:
            return connection.execute(sa.select(batches).where(batches.c.id == self.id)).one()

    def documents(self) -> list[DocumentId]:
        """Those of the members, in their order: ids made within a millisecond are in none."""
        query = (
            sa.select(documents.c.id)
            .join(batch_members, batch_members.c.document_id == documents.c.id)
            .where(documents.c.batch_id == self.id)
            .order_by(batch_members.c.number)
        )
        with self.store.database.read() as connection:
            return [DocumentId(found) for found in connection.scalars(query)]

    def end(self, state: RunState, most: int = 1000) -> list[RunId]:
        """End the runs that wait to be planned."""
        runs: list[RunId] = []
        while len(runs) < most and (claim := self.store.ledger.claim(Queue.PLAN, self.process)) is not None:
            with self.store.ledger.holding(claim) as unit:
                unit.plan([1], 1, PLAN_FACTS)
                unit.done()
            self.store.end_pages(self.process)  # none where a retry found it read
            finish = self.store.claim(Queue.FINISH, self.process)
            with self.store.ledger.holding(finish) as unit:
                unit.end_run(Outcome(state, None, {"warnings": []}))
            runs.append(claim.run)
        return runs

    def end_all(self, numbers: range, state: RunState) -> None:
        """Find these members, make documents of them, and end them."""
        claim = self.claim()
        self.find(claim, numbers)
        self.admit(claim)
        self.end(state)
        fold(self.store.database)

    def sequences(self) -> list[int]:
        query = (
            sa.select(log_rows.c.sequence)
            .where(log_rows.c.batch_id == self.id, log_rows.c.sequence.is_not(None))
            .order_by(log_rows.c.sequence)
        )
        with self.store.database.read() as connection:
            return list(connection.scalars(query))


@pytest.fixture
def batch(store: Store) -> Batch:
    return Batch(store)


def test_members_become_documents_and_the_batch_ends_with_the_last(batch: Batch) -> None:
    claim = batch.claim()
    assert (claim.task, claim.expanded, claim.archive) == (Task.EXPAND, False, batch.archive)
    batch.find(claim, range(1, 4), refused=2)
    batch.admit(claim)
    assert len(batch.documents()) == 3
    assert fold(batch.store.database) == 0
    row = batch.row()
    assert (row.state, row.pending, row.refused, row.skipped) == ("processing", 3, 2, {"junk": 1})
    batch.end(RunState.SUCCEEDED, 2)
    fold(batch.store.database)
    assert (batch.row().pending, batch.row().succeeded, batch.row().state) == (1, 2, "processing")
    batch.end(RunState.PARTIAL)
    assert fold(batch.store.database) == 1
    row = batch.row()
    assert (row.state, row.pending, row.succeeded, row.partial, row.refused) == ("partial", 0, 2, 1, 2)
    assert row.finished_at is not None
    assert batch.sequences() == [1, 2, 3, 4, 5]
    assert fold(batch.store.database) == 0


def test_the_archive_is_kept_until_it_was_read_and_members_until_they_are_documents(batch: Batch) -> None:
    def kept() -> set[Digest]:
        with batch.store.database.write() as connection:
            gone = {key.digest for key in blob_rows.collect(connection, -1_000_000)}
            connection.rollback()
        return names - gone

    claim = batch.claim()
    names = {batch.archive.digest, batch.file(1).blob.digest}
    assert kept() == {batch.archive.digest}
    batch.find(claim, range(1, 2))
    assert kept() == {batch.file(1).blob.digest}
    batch.admit(claim)
    assert kept() == {batch.file(1).blob.digest}


def test_a_step_that_was_given_to_another_writes_nothing(batch: Batch) -> None:
    claim = batch.claim()
    batch.store.ledger.bury(-1, 6)
    second = replace(claim, token=claim.token + 1)
    batch.process = batch.store.process()
    again = batch.claim()
    assert (again.token, again.position) == (second.token, 0)
    with pytest.raises(Fenced):
        batch.find(claim, range(1, 3))
    batch.find(again, range(1, 3), done=False)
    with pytest.raises(Fenced):
        batch.find(claim, range(1, 3))
    assert batch.row().pending == 2


def test_a_step_that_kills_every_process_is_given_up(batch: Batch) -> None:
    for _ in range(6):
        with batch.store.database.write() as connection:
            connection.execute(sa.text("UPDATE jobs SET run_after = 0"))
        batch.claim()
        batch.store.ledger.bury(-1, 6)
        batch.process = batch.store.process()
    assert batch.row().error["code"] == "quarantined"
    claim = batch.claim()
    assert claim.expanded
    batch.admit(claim)
    fold(batch.store.database)
    assert batch.row().state == "failed"


def test_cancelling_takes_the_step_away_and_what_waits(batch: Batch) -> None:
    claim = batch.claim()
    batch.find(claim, range(1, 4))
    with batch.store.database.write() as connection:
        batch_rows.cancel(connection, DEFAULT_TENANT, batch.id)
    with pytest.raises(Fenced):
        batch.admit(claim)
    cancelling = batch.claim()
    assert cancelling.task is Task.CANCEL
    with batch.work.holding(cancelling) as unit:
        assert unit.drop_waiting(10) == 3
        unit.rest()
    assert fold(batch.store.database) == 1
    assert (batch.row().state, batch.row().cancelled, batch.row().pending) == ("cancelled", 3, 0)
    with batch.store.database.write() as connection:
        batch_rows.retry(connection, DEFAULT_TENANT, batch.id)
    fold(batch.store.database)
    assert (batch.row().state, batch.row().cancelled, batch.row().pending) == ("processing", 0, 3)
    batch.admit(batch.claim())
    batch.end(RunState.SUCCEEDED)
    fold(batch.store.database)
    assert (batch.row().state, batch.row().succeeded) == ("succeeded", 3)


@pytest.mark.parametrize("documents_too", [False, True])
def test_deleting_leaves_documents_or_ends_their_time_and_lets_go_of_all_bytes(
    batch: Batch, documents_too: bool
) -> None:
    claim = batch.claim()
    batch.find(claim, range(1, 4), done=False, refused=1)
    first, stored = batch.file(1), {batch.file(n).blob for n in (1, 2, 3)}
    with batch.work.holding(claim) as unit:
        unit.admit([(1, first)])
    with batch.store.database.write() as connection:
        free = batch_rows.delete(connection, DEFAULT_TENANT, batch.id, documents_too=documents_too)
    assert free == (stored - {first.blob}) | {batch.archive}
    with pytest.raises(Fenced):
        batch.find(claim, range(5, 7))
    assert batch.work.claim(batch.process) is None
    with batch.store.database.read() as connection:
        for table in (batches, batch_members, log_rows):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        over = connection.scalar(sa.select(documents.c.expires_at).where(documents.c.batch_id == batch.id))
        assert (over is not None) == documents_too
    batch.end(RunState.SUCCEEDED)  # its document goes on, and what that notes of the batch is thrown away
    assert fold(batch.store.database) == 0
    with pytest.raises(NotFound), batch.store.database.write() as connection:
        batch_rows.delete(connection, DEFAULT_TENANT, batch.id, documents_too=False)


def test_what_failed_is_counted_anew_when_it_is_tried_again(batch: Batch) -> None:
    batch.end_all(range(1, 3), RunState.FAILED)
    assert (batch.row().state, batch.row().failed) == ("failed", 2)
    first = batch.documents()[0]
    batch.work.retry(DEFAULT_TENANT, first)
    fold(batch.store.database)
    assert (batch.row().state, batch.row().failed, batch.row().pending) == ("processing", 1, 1)
    batch.end(RunState.SUCCEEDED)
    fold(batch.store.database)
    assert (batch.row().state, batch.row().succeeded, batch.row().failed) == ("partial", 1, 1)
    assert batch.sequences() == [1, 2, 3]
    with batch.store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, first)
    fold(batch.store.database)
    row = batch.row()
    assert (row.state, row.succeeded, row.failed, row.deleted) == ("partial", 0, 1, 1)
    with batch.store.database.read() as connection:
        names = connection.scalars(sa.select(batch_members.c.name).order_by(batch_members.c.number)).all()
    assert names == [None, "2.pdf"]


def test_a_batch_under_way_is_not_retried_and_one_that_went_well_neither(batch: Batch) -> None:
    with pytest.raises(Conflict, match="not_finished"), batch.store.database.write() as connection:
        batch_rows.retry(connection, DEFAULT_TENANT, batch.id)
    claim = batch.claim()
    batch.find(claim, range(1, 2))
    batch.admit(claim)
    batch.end(RunState.SUCCEEDED)
    fold(batch.store.database)
    for command, code in ((batch_rows.retry, "nothing_to_retry"), (batch_rows.cancel, "already_finished")):
        with pytest.raises(Conflict, match=code), batch.store.database.write() as connection:
            command(connection, DEFAULT_TENANT, batch.id)


def test_half_of_the_backlog_is_left_to_others(batch: Batch) -> None:
    admission = Admission(batch.store.database, 10)
    assert admission.room(DEFAULT_TENANT, 3) == 3
    assert admission.room(DEFAULT_TENANT, 500) == 2
    assert admission.room(DEFAULT_TENANT, 500) == 0
    admission.admit(DEFAULT_TENANT)
    assert batch_log.COUNTED[0] == "pending"


def test_a_document_that_is_deleted_twice_counts_once(batch: Batch) -> None:
    batch.end_all(range(1, 3), RunState.SUCCEEDED)
    [first, _] = batch.documents()
    for already in (False, True):
        with batch.store.database.write() as connection:
            assert commands.erase(connection, first) is not already
    fold(batch.store.database)
    row = batch.row()
    assert (row.pending, row.succeeded, row.deleted) == (0, 1, 1)


def test_all_news_are_counted_before_a_batch_is_judged(batch: Batch) -> None:
    many = range(1, 12_001)
    with batch.store.database.write() as connection:
        for change in ((None, batch_log.PENDING), (batch_log.PENDING, "succeeded")):
            batch_log.note_members(connection, DEFAULT_TENANT, batch.id, many, change)
    fold(batch.store.database)
    row = batch.row()
    assert (row.pending, row.succeeded, row.sequence) == (0, 12_000, 12_000)


def test_members_whose_bytes_were_deleted_meanwhile_are_found_anew(batch: Batch) -> None:
    claim = batch.claim()
    old = batch.file(1)
    with batch.store.database.write() as connection:
        connection.execute(sa.update(blobs).where(blobs.c.digest == old.blob.digest).values(state="deleting"))
    with pytest.raises(StoreUnavailable) as gone, batch.work.holding(claim) as unit:
        unit.add([NewMember(1, "1.pdf", 5, old)], Progress(1, 5, {}, done=True))
    assert gone.value.code == "blob_gone"
    assert batch.row().expanded_at is None, "the step is still to be done"
    batch.find(claim, range(1, 2))
    batch.admit(claim)
    assert len(batch.documents()) == 1
