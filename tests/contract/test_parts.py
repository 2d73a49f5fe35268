"""Parts of a file on both databases: made once, whatever dies; kept, read again or deleted by later runs."""

from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.ledger import Claim, Fenced, Outcome, PageEnd, Queue
from schemas.errors import Conflict, ErrorInfo
from schemas.ids import DEFAULT_TENANT, BatchId, DocumentId, ProcessId, RunId
from schemas.page import PageState
from schemas.result import RunState
from schemas.split import DocumentClass, Separator, SeparatorKind, Split, SplitPart
from services.stores import batch_log, blob_rows, commands
from services.stores.batch_tables import batches
from services.stores.tables import documents, runs
from tests.contract.store import PLAN, Store, ended
from tests.contract.test_batches import Batch

BROKEN = ErrorInfo(code="page_corrupt", detail="broken")
REQUEST: dict[str, Any] = {"split": True, "pages": None, "tasks": ["text", "fields"]}


class Died(Exception):
    """The process is gone before its commit."""


def split(*parts: tuple[str, DocumentClass]) -> Split:
    return Split(
        parts=[SplitPart(pages=pages, class_=kind) for pages, kind in parts],
        separators=[Separator(page=3, kind=SeparatorKind.BLANK)],
    )


TWO = split(("1-2", DocumentClass.INVOICE), ("4", DocumentClass.OTHER))


class File:
    """A file of four pages, the second of which fails."""

    def __init__(self, store: Store, *, batch: BatchId | None = None) -> None:
        self.store = store
        self.process: ProcessId = store.process()
        blob = store.blob(content=b"file")
        new = commands.NewDocument(
            DEFAULT_TENANT, blob, "application/pdf", 5, external_id="x", batch_id=batch, labels={"a": "b"}
        )
        with store.database.write() as connection:
            self.id, self.run = commands.create_document(
                connection, new, commands.NewRun(REQUEST, password="open", priority=commands.BULK)
            )

    def read(self, states: dict[int, PageState] | None = None) -> Claim:
        """Plan and read; the claim of what finishes it."""
        store = self.store
        store.plan([1, 2, 3, 4], chunk=4)
        self.end(states or {2: PageState.FAILED})
        return store.claim(Queue.FINISH, self.process)

    def end(self, states: dict[int, PageState]) -> None:
        while (claim := self.store.ledger.claim(Queue.RASTER, self.process)) is not None:
            with self.store.ledger.holding(claim) as unit:
                unit.done()
                for number in claim.pages:
                    state = states.get(number, PageState.READ)
                    end = PageEnd(number, state, BROKEN) if state.failed else ended(number, state)
                    unit.end_page(end)

    def finish(self, claim: Claim, found: Split = TWO, state: RunState = RunState.PARTIAL) -> None:
        with self.store.ledger.holding(claim) as unit:
            unit.end_run(Outcome(state, None, {"warnings": []}, split=found))

    def dies(self, claim: Claim) -> None:
        with self.store.ledger.holding(claim) as unit:
            unit.end_run(Outcome(RunState.PARTIAL, None, {"warnings": []}, split=TWO))
            raise Died

    def parts(self) -> list[Any]:
        with self.store.database.read() as connection:
            query = sa.select(documents).where(documents.c.parent_id == self.id)
            return list(connection.execute(query.order_by(documents.c.part_first)))

    def living(self) -> list[Any]:
        return [row for row in self.parts() if row.deleted_at is None]

    def again(self) -> Claim:
        """Retry what failed; the claim of what finishes that."""
        with self.store.database.write() as connection:
            commands.retry_run(connection, DEFAULT_TENANT, self.id)
        claim = self.store.claim(Queue.PLAN, self.process)
        assert claim.document == self.id
        with self.store.ledger.holding(claim) as unit:
            unit.plan([1, 2, 3, 4], 4, PLAN)
            unit.done()
        self.end({})
        return self.store.claim(Queue.FINISH, self.process)

    def finish_part(self) -> Claim:
        """Plan the next part, whose pages are all there, and end it."""
        plan = self.store.claim(Queue.PLAN, self.process)
        with self.store.ledger.holding(plan) as unit:
            unit.plan([1, 2] if plan.facts.part == "1-2" else [4], 4, PLAN)
            unit.done()
        finish = self.store.claim(Queue.FINISH, self.process)
        assert finish.run == plan.run
        failed = self.store.run(plan.run).pages_failed
        with self.store.ledger.holding(finish) as unit:
            unit.end_run(Outcome(RunState.PARTIAL if failed else RunState.SUCCEEDED, None, {}))
        return plan


@pytest.fixture
def file(store: Store) -> File:
    return File(store)


def test_parts_come_into_being_with_the_end_of_the_run_and_once(file: File) -> None:
    claim = file.read()
    with pytest.raises(Died):
        file.dies(claim)
    assert file.parts() == []
    assert file.store.run(file.run).state == "processing"
    file.finish(claim)
    with pytest.raises(Fenced):
        file.finish(claim)
    invoice, other = file.parts()
    assert (invoice.part_pages, invoice.part_first, invoice.part_class) == ("1-2", 1, "invoice")
    assert (other.part_pages, other.part_first, other.part_class) == ("4", 4, "other")
    assert {(row.external_id, row.digest, row.bytes) for row in (invoice, other)} == {
        ("x", invoice.digest, 5)
    }
    outcome = file.store.run(file.run).outcome
    assert [part["document_id"] for part in outcome["split"]["parts"]] == [invoice.id, other.id]
    assert outcome["split"]["separators"] == [{"page": 3, "kind": "blank"}]
    first = file.store.run(RunId(invoice.newest_run_id))
    assert (first.schema_ref, first.request["tasks"], first.request["split"]) == (
        "invoice@1",
        ["text", "fields"],
        False,
    )
    assert file.store.run(RunId(other.newest_run_id)).schema is None


def test_a_parts_pages_are_the_files_as_they_ended(file: File) -> None:
    file.finish(file.read())
    first, second = file.finish_part(), file.finish_part()
    assert file.store.page_states(first.run) == {1: "read", 2: "failed"}
    row = file.store.run(first.run)
    assert (row.pages_left, row.pages_failed, row.usage_reused_pages) == (0, 1, 2)
    assert file.store.page_states(second.run) == {4: "read"}
    assert [row.state for row in file.parts()] == ["partial", "succeeded"]
    told = [kind for kind in file.store.event_types(first.run) if kind.startswith("document.")]
    assert told[-1] == "document.partial"


def test_the_password_goes_on_to_the_parts_and_goes_with_them(file: File) -> None:
    file.finish(file.read())
    assert file.store.run(file.run).password is None
    plan = file.store.claim(Queue.PLAN, file.process)
    assert (plan.facts.password, plan.facts.based_on) == ("open", file.run)
    with file.store.ledger.holding(plan) as unit:
        unit.end_run(Outcome(RunState.FAILED, BROKEN, {}))
    assert file.store.run(plan.run).password is None


def test_a_part_outlives_the_pages_of_its_file(file: File) -> None:
    """The file's own run may be gone when a part is planned; then the part reads its pages itself."""
    file.finish(file.read())
    plan = file.store.claim(Queue.PLAN, file.process)
    with file.store.database.write() as connection:
        connection.execute(sa.delete(runs).where(runs.c.id == file.run))
    with file.store.ledger.holding(plan) as unit:
        unit.plan([1, 2], 4, PLAN)
        unit.done()
    assert file.store.page_states(plan.run) == {1: "pending", 2: "pending"}


def test_retrying_a_file_keeps_its_parts_and_reads_again_what_went_wrong(file: File) -> None:
    file.finish(file.read())
    first, second = file.finish_part(), file.finish_part()
    file.finish(file.again(), state=RunState.SUCCEEDED)
    invoice, other = file.living()
    assert [row.id for row in (invoice, other)] == [first.document, second.document]
    assert (invoice.state, other.state) == ("queued", "succeeded")
    again = file.finish_part()
    assert file.store.page_states(again.run) == {1: "read", 2: "read"}
    assert [row.state for row in file.living()] == ["succeeded", "succeeded"]


def test_another_division_replaces_what_it_does_not_find_any_more(file: File) -> None:
    file.finish(file.read())
    invoice, other = file.finish_part().document, file.finish_part().document
    three = split(("1", DocumentClass.INVOICE), ("2", DocumentClass.RECEIPT), ("4", DocumentClass.OTHER))
    file.finish(file.again(), three, RunState.SUCCEEDED)
    living = file.living()
    assert [row.part_pages for row in living] == ["1", "2", "4"]
    assert living[2].id == other
    (gone,) = [row for row in file.parts() if row.deleted_at is not None]
    assert gone.id == invoice
    with file.store.database.read() as connection:
        assert connection.scalar(sa.select(documents.c.parts).where(documents.c.id == file.id)) == 3


def test_bytes_stay_as_long_as_the_file_or_a_part_has_them(file: File) -> None:
    file.finish(file.read())
    store = file.store

    def collected() -> int:
        with store.database.write() as connection:
            return len(blob_rows.collect(connection, -1))

    with store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, file.id)
    assert collected() == 0
    for row in file.parts():
        with store.database.write() as connection:
            commands.delete_document(connection, DEFAULT_TENANT, DocumentId(row.id))
    assert collected() == 1


def test_a_run_that_is_overtaken_divides_nothing(file: File) -> None:
    claim = file.read()
    with file.store.database.write() as connection:
        newer = commands.create_run(
            connection, DEFAULT_TENANT, file.id, commands.NewRun({**REQUEST, "split": False})
        )
        connection.execute(sa.update(runs).where(runs.c.id == newer).values(state="succeeded", finished_at=1))
        connection.execute(
            sa.update(documents).where(documents.c.id == file.id).values(finished_run_id=newer)
        )
    file.finish(claim)
    assert file.parts() == []


def test_a_part_is_not_split_again(file: File) -> None:
    file.finish(file.read())
    part = DocumentId(file.parts()[0].id)
    with pytest.raises(Conflict), file.store.database.write() as connection:
        commands.create_run(connection, DEFAULT_TENANT, part, commands.NewRun(REQUEST))


def test_parts_of_a_member_count_in_its_batch(store: Store) -> None:
    batch = Batch(store)
    batch.find(batch.claim(), range(0))
    with store.database.write() as connection:
        connection.execute(sa.update(batches).where(batches.c.id == batch.id).values(task="idle", pending=1))
    file = File(store, batch=batch.id)
    file.finish(file.read())

    def counts() -> tuple[str, int, int, int]:
        batch_log.fold(store.database)
        with store.database.read() as connection:
            row = connection.execute(sa.select(batches).where(batches.c.id == batch.id)).one()
        return row.state, row.pending, row.succeeded, row.partial

    assert counts() == ("processing", 2, 0, 1), "the batch waits for the parts"
    file.finish_part()
    file.finish_part()
    assert counts() == ("partial", 0, 1, 2)
