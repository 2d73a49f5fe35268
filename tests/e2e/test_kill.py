"""kill -9 of the whole process, again and again: every page is there once, and as if nothing had happened."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from schemas.ids import RunId
from tests.e2e.workers import House

_PAGES = 40
_KILLS = 5


def _lines() -> list[str]:
    return [f"{('slow', 'image')[number % 3 == 0]} page {number}" for number in range(1, _PAGES + 1)]


def _start(folder: Path) -> "subprocess.Popen[str]":
    program = f"from tests.e2e.workers import serve; serve({str(folder)!r})"
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
