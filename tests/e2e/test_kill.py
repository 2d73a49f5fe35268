"""kill -9 of the whole process, again and again: every page is there once, and as if nothing had happened."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import sqlalchemy as sa

from schemas.ids import RunId
from services.stores.work_tables import jobs
from tests.e2e.workers import House
from workers.policy import DEATHS_ALLOWED

_PAGES = 40
_KILLS = 5


def _lines() -> list[str]:
    return [f"{('slow', 'image')[number % 3 == 0]} page {number}" for number in range(1, _PAGES + 1)]


def _start(folder: Path, shared: str | None = None) -> "subprocess.Popen[str]":
    program = f"from tests.e2e.workers import serve; serve({str(folder)!r}, {shared!r})"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _kill(process: "subprocess.Popen[str]") -> None:
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
    _, orphans = psutil.wait_procs(family, timeout=30)
    assert orphans == []


def _until_done(house: House, run: RunId, count: int) -> None:
    while len(house.finished_pages(run)) < count:
        time.sleep(0.01)


def test_every_page_is_there_once_and_as_in_an_undisturbed_run(tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "killed").mkdir()
    calm, killed = House(tmp_path / "calm"), House(tmp_path / "killed")
    _, expected = calm.post(_lines())
    with calm.workers():
        assert calm.finished(expected).state == "succeeded"
    _, run = killed.post(_lines())
    rng = random.Random(7)
    for kill in range(_KILLS):
        process = _start(tmp_path / "killed")
        done = len(killed.finished_pages(run))
        _until_done(killed, run, min(done + rng.randrange(1, 8), _PAGES - _KILLS + kill))
        _kill(process)
        assert killed.run(run).state == "processing"
    process = _start(tmp_path / "killed")
    row = killed.finished(run)
    _kill(process)
    assert (row.state, row.pages_total, row.pages_left, row.pages_failed) == ("succeeded", _PAGES, 0, 0)
    assert sorted(killed.finished_pages(run)) == list(range(1, _PAGES + 1))
    assert killed.contents(run) == calm.contents(expected)
    assert killed.jobs(run) == []


def test_a_page_that_kills_workers_is_found_out_without_its_neighbours(
    tmp_path: Path, postgres_url: str
) -> None:
    house = House(tmp_path, postgres_url)
    lines = [f"{('text', 'image')[number % 4 == 0]} page {number}" for number in range(1, 64)]
    _, run = house.post([*lines[:20], "murder", *lines[20:]])
    _, other = house.post(lines[:8])
    workers = [_start(tmp_path, postgres_url) for _ in range(2)]
    deaths = 0
    while house.run(run).state not in ("partial", "succeeded", "failed"):
        for index, worker in enumerate(workers):
            if worker.poll() is not None:
                deaths += 1
                _bury(worker)
                workers[index] = _start(tmp_path, postgres_url)
        _hurry(house)
        time.sleep(0.05)
    assert house.finished(other).state == "succeeded"
    for worker in workers:
        _kill(worker)
    pages = house.pages(run)
    assert {number: page.error["code"] for number, page in pages.items() if page.error} == {21: "quarantined"}
    assert [page.state for number, page in sorted(pages.items()) if number != 21] == ["read"] * 63
    assert {page.attempts for number, page in pages.items() if number != 21} == {1}
    assert house.attempts(run) == []
    assert deaths == DEATHS_ALLOWED + 1, "once among others, then alone"
    house.database.close()


def _hurry(house: House) -> None:
    """Let the delays pass that a job has to wait after it was alone in a process that died."""
    with house.database.write() as connection:
        connection.execute(sa.update(jobs).where(jobs.c.deaths > 0).values(run_after=0))


def _bury(process: "subprocess.Popen[str]") -> None:
    assert process.returncode == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()
