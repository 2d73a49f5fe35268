"""An engine gets fewer calls at once when it has too many, and more again while it copes."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import DocumentUnreadable, EngineUnavailable
from workers.pressure import Pressure

OVERLOADED = EngineUnavailable("engine_overloaded")
GONE = EngineUnavailable()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_complaints_made_together_count_once_and_answers_win_places_back() -> None:
    time = Time()
    pressure = Pressure(64, time)
    for _ in range(20):
        pressure.failed(OVERLOADED)
    assert pressure.allowed == 44
    time.now = 2.0
    pressure.failed(OVERLOADED)
    assert pressure.allowed == 31
    for _ in range(31):
        pressure.coped()
    assert pressure.allowed in (31, 32), "about one place more for a round of answers"
    for _ in range(5000):
        pressure.coped()
    assert pressure.allowed == 64


def test_an_engine_that_is_gone_is_asked_by_one_at_a_time() -> None:
    pressure = Pressure(8)
    assert [pressure.enter() for _ in range(9)] == [True] * 8 + [False]
    pressure.failed(GONE)
    for _ in range(8):
        assert not pressure.enter()
        pressure.leave()
    assert pressure.enter()
    assert not pressure.enter()


def test_what_is_the_page_s_fault_changes_nothing() -> None:
    pressure = Pressure(8)
    pressure.failed(DocumentUnreadable("page_rejected"))
    assert pressure.allowed == 8


@given(st.lists(st.sampled_from(["coped", "overloaded", "gone"])), st.integers(1, 100))
def test_there_is_always_one_and_never_too_many(calls: list[str], most: int) -> None:
    time = Time()
    pressure = Pressure(most, time)
    for call in calls:
        time.now += 1
        if call == "coped":
            pressure.coped()
        else:
            pressure.failed(OVERLOADED if call == "overloaded" else GONE)
        assert 1 <= pressure.allowed <= most
