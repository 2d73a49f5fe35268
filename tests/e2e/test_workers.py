"""Documents go through the embedded workers: whatever their pages do, the rest gets on."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from model_runtime.scripted import Failure, ScriptedReader
from pipeline.ledger import Queue
from schemas.errors import Conflict
from schemas.ids import DEFAULT_TENANT
from services.folder_lock import FolderLock
from services.stores import commands
from services.stores.work_tables import jobs
from tests.e2e.workers import SLOTS, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_pages_that_fail_in_every_way_fail_alone(house: House) -> None:
    lines = ["text one", "crash", "refuse", "hang", "bug", "eat", "image six", "text last"]
    _, run = house.post(lines)
    with house.workers(deadline_s=3.0) as workers:
        workers.wakes.wake("plan")
        row = house.finished(run)
    pages = house.pages(run)
    assert [pages[number].state for number in range(1, 9)] == [
        "read", "failed", "failed", "failed", "failed", "failed", "read", "read",
    ]  # fmt: skip
    codes = {number: page.error["code"] for number, page in pages.items() if page.error}
    assert codes == {2: "cage_crash", 3: "page_corrupt", 4: "cage_timeout", 5: "internal", 6: "cage_memory"}
    assert (row.state, row.pages_failed, row.pages_left) == ("partial", 5, 0)
    assert b"scripted read six" in house.contents(run)[7]
    tries = [(entry.page, entry.code) for entry in house.attempts(run)]
    assert tries.count((2, "cage_crash")) == 2
    assert tries.count((3, "page_corrupt")) == 1
    assert sorted(house.finished_pages(run)) == list(range(1, 9))
    assert house.jobs(run) == []


def test_a_document_none_of_whose_pages_can_be_read_has_failed(house: House) -> None:
    _, run = house.post(["refuse", "refuse"])
    with house.workers():
        row = house.finished(run)
    assert (row.state, row.error["code"]) == ("failed", "page_corrupt")


def test_an_empty_document_fails_with_a_reason(house: House) -> None:
    _, run = house.post([])
    with house.workers():
        row = house.finished(run)
    assert row.state == "failed"
    assert row.error is not None


def test_lost_wakes_only_cost_time(house: House) -> None:
    with house.workers():
        _, run = house.post(["text", "image x"])  # nobody is woken
        assert house.finished(run).state == "succeeded"


def test_an_engine_out_of_reach_is_waited_for_and_not_held_against_the_page(house: House) -> None:
    _, run = house.post(["image x"])
    with house.workers(ScriptedReader(failures={"*": Failure("engine_unavailable", times=2)})):
        assert house.finished(run).state == "succeeded"
    assert house.pages(run)[1].attempts == 1
    assert [(entry.code, entry.counted) for entry in house.attempts(run)] == [
        ("engine_unavailable", False)
    ] * 2


def test_what_an_engine_refuses_has_failed(house: House) -> None:
    _, run = house.post(["image x", "text"])
    with house.workers(ScriptedReader(failures={"*": Failure("page_rejected", retryable=False)})):
        assert house.finished(run).state == "partial"
    assert house.pages(run)[1].error["code"] == "page_rejected"


def test_a_page_image_gone_from_the_cache_is_rendered_again(house: House) -> None:
    _, run = house.post(["image x"])
    with house.workers(slots={**SLOTS, Queue.READ: 0}):
        while house.pages(run).get(1) is None or house.pages(run)[1].state != "reading":
            time.sleep(0.02)
    for path in (house.folder / "blobs").rglob(f"{house.pages(run)[1].image_digest}.*"):
        path.unlink()
    reader = ScriptedReader()
    with house.workers(reader):
        assert house.finished(run).state == "succeeded"
    assert reader.calls == 1


def test_cancelling_ends_calls_of_the_engine_and_of_the_cage(house: House) -> None:
    document, run = house.post(["image x", "image y", "hang", "text"])
    reader = ScriptedReader(delay_s=3600)
    with house.workers(reader, deadline_s=3600) as workers:
        while reader.calls < 2 or not any(job.page == 3 for job in house.jobs(run)):
            time.sleep(0.02)
        with house.database.write() as connection:
            commands.cancel_run(connection, DEFAULT_TENANT, document)
        while not workers.wakes.resting():
            time.sleep(0.02)
    assert house.run(run).state == "cancelled"
    assert {page.state for page in house.pages(run).values()} <= {"cancelled", "read"}
    assert house.attempts(run) == []


def test_work_in_flight_is_handed_back_on_stopping_and_done_by_the_next(house: House) -> None:
    _, run = house.post(["image x", "text"])
    slow = ScriptedReader(delay_s=3600)
    with house.workers(slow):
        while slow.calls < 1:
            time.sleep(0.02)
    with house.database.read() as connection:
        job = connection.execute(sa.select(jobs).where(jobs.c.queue == "read")).one()
    assert (job.state, job.attempts, job.setbacks, job.solo) == ("ready", 0, 0, 0)
    with house.workers(ScriptedReader()):
        assert house.finished(run).state == "succeeded"


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(Conflict, match="folder_in_use"):
        FolderLock(tmp_path).take()
    with FolderLock(tmp_path):
        pass  # it is free again
