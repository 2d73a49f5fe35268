"""Whatever happens in a child, the caller learns what it was, and the next call works."""

import json
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline import select
from schemas.errors import CageKilled, QuireError, RequestInvalid, Unavailable
from schemas.geometry import union
from tests.e2e import hostile
from workers.cage import Cancelled, ProcessCage

_MEMORY = 256 << 20


@pytest.fixture(scope="module")
def cage() -> Iterator[ProcessCage]:
    made = ProcessCage(2, deadline_s=60, memory_bytes=_MEMORY)
    yield made
    made.close()


def test_results_and_errors_arrive_as_they_were_there(cage: ProcessCage) -> None:
    assert cage.run(union, [(0.0, 0.0, 1.0, 1.0), (2.0, 2.0, 3.0, 3.0)]) == (0.0, 0.0, 3.0, 3.0)
    with pytest.raises(RequestInvalid, match="pages_out_of_range") as caught:
        cage.run(select.select_pages, "9", 3)
    assert caught.value.status == 422


def test_a_bug_in_a_step_shows_its_type_and_not_its_text(cage: ProcessCage) -> None:
    with pytest.raises(QuireError, match="internal") as caught:
        cage.run(json.loads, '{"secret')
    assert "JSONDecodeError" in caught.value.detail
    assert "secret" not in caught.value.detail


def test_a_hang_ends_at_its_deadline(cage: ProcessCage) -> None:
    with cage.within(deadline_s=0.2), pytest.raises(CageKilled, match="cage_timeout"):
        cage.run(time.sleep, 3600)
    assert cage.run(operator.add, 1, 2) == 3


@pytest.mark.parametrize("signal_number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM])
def test_a_crash_is_told_and_survived(cage: ProcessCage, signal_number: int) -> None:
    with pytest.raises(CageKilled, match="cage_crash"):
        cage.run(signal.raise_signal, signal_number)
    assert cage.run(operator.add, 1, 2) == 3


def test_growing_over_the_limit_ends_the_child(cage: ProcessCage) -> None:
    with pytest.raises(CageKilled, match="cage_memory"):
        cage.run(hostile.grow, 4 * _MEMORY)
    assert cage.run(operator.add, 1, 2) == 3


def test_one_huge_allocation_is_refused(cage: ProcessCage) -> None:
    with pytest.raises(CageKilled, match="cage_memory"):
        cage.run(bytearray, 64 << 30)
    assert cage.run(operator.add, 1, 2) == 3


def test_a_call_nobody_wants_any_more_is_ended(cage: ProcessCage) -> None:
    unwanted = threading.Event()
    threading.Timer(0.2, unwanted.set).start()
    with cage.within(cancelled=unwanted.is_set), pytest.raises(Cancelled):
        cage.run(time.sleep, 3600)


def test_limits_hold_only_inside_their_context(cage: ProcessCage) -> None:
    with cage.within(deadline_s=0.1):
        pass
    cage.run(time.sleep, 0.3)


def test_a_child_of_its_own_served_nobody_else(cage: ProcessCage) -> None:
    before = {cage.run(os.getpid) for _ in range(4)}
    with cage.within(alone=True):
        alone = cage.run(os.getpid)
    assert alone not in before
    assert alone not in {cage.run(os.getpid) for _ in range(4)}


def test_calls_on_the_same_file_go_to_the_same_child(cage: ProcessCage) -> None:
    cage.warm()
    with cage.within(affinity="a"):
        first = cage.run(os.getpid)
    for _ in range(3):
        with cage.within(affinity="b"):
            assert cage.run(os.getpid) != first
        with cage.within(affinity="a"):
            assert cage.run(os.getpid) == first


def test_more_callers_than_children_all_get_their_answers(cage: ProcessCage) -> None:
    answers: list[int] = []

    def call(number: int) -> None:
        answers.extend(cage.run(operator.add, number, step) - step for step in range(20))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(list(range(12)) * 20)


def test_a_child_killed_while_idle_is_nobodys_fault(cage: ProcessCage) -> None:
    for pid in {cage.run(os.getpid) for _ in range(4)}:
        psutil.Process(pid).kill()
        psutil.wait_procs([psutil.Process(pid)], timeout=5)
    assert cage.run(operator.add, 1, 2) == 3


def test_children_inherit_no_settings(cage: ProcessCage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIRE_DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with cage.within(alone=True):
        assert cage.run(os.getenv, "QUIRE_DATABASE_URL") is None
        assert cage.run(os.getenv, "AWS_SECRET_ACCESS_KEY") is None


def test_an_answer_made_of_foreign_things_is_refused(cage: ProcessCage) -> None:
    with pytest.raises(CageKilled, match="gave no valid answer"):
        cage.run(operator.attrgetter, "system")  # pickles as a call of operator.attrgetter
    assert cage.run(operator.add, 1, 2) == 3


def test_children_are_replaced_after_many_calls() -> None:
    cage = ProcessCage(1, calls_per_child=3)
    pids = [cage.run(os.getpid) for _ in range(7)]
    cage.close()
    assert [len(set(pids[start : start + 3])) for start in (0, 3)] == [1, 1]
    assert len(set(pids)) == 3


def test_closing_ends_calls_and_refuses_new_ones() -> None:
    cage = ProcessCage(1)
    pid = cage.run(os.getpid)
    ends: list[QuireError] = []

    def sleep() -> None:
        try:
            cage.run(time.sleep, 3600)
        except QuireError as error:
            ends.append(error)

    threads = [threading.Thread(target=sleep) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    cage.close()
    for thread in threads:
        thread.join()
    assert len(ends) == 2
    assert not psutil.pid_exists(pid)
    with pytest.raises(Unavailable):
        cage.run(os.getpid)


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    program = f"""
import os, pathlib, threading, time
from workers.cage import ProcessCage
cage = ProcessCage(2)
busy = cage.run(os.getpid)
threading.Thread(target=cage.run, args=(time.sleep, 3600)).start()
time.sleep(0.3)
idle = cage.run(os.getpid)
pathlib.Path({str(told)!r}).write_text(f"{{busy}} {{idle}}")
time.sleep(3600)
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    while not told.exists() or not told.read_text():
        assert parent.poll() is None
        time.sleep(0.05)
    children = [psutil.Process(int(pid)) for pid in told.read_text().split()]
    assert len({child.pid for child in children}) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
