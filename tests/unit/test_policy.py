"""What follows which failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import (
    BadInput,
    CageKilled,
    DocumentUnreadable,
    EngineUnavailable,
    NotFound,
    QuireError,
    Unavailable,
)
from services.stores.usage_rows import QuotaExceeded
from workers import policy


@pytest.mark.parametrize(
    "error",
    [
        DocumentUnreadable("page_corrupt"),
        BadInput(),
        NotFound(),
        CageKilled("cage_timeout"),
        QuireError("new_code"),
        QuotaExceeded(detail="no pages are left", retry_after_s=2_000_000),
    ],
)
def test_what_will_not_get_better_is_given_up_at_once(error: QuireError) -> None:
    assert policy.after(error, 0, 0) is None


@pytest.mark.parametrize("code", ["cage_crash", "cage_memory", "internal", "cage_something_new"])
def test_a_page_that_breaks_its_child_gets_one_more_try(code: str) -> None:
    error = QuireError(code) if code == "internal" else CageKilled(code)
    later = policy.after(error, 0, 7)
    assert later is not None
    assert later.counted
    assert policy.after(error, 1, 0) is None


@pytest.mark.parametrize(
    "error", [EngineUnavailable(), Unavailable("store_unavailable"), Unavailable("unheard_of")]
)
def test_what_is_not_the_pages_fault_waits_and_is_not_counted(error: QuireError) -> None:
    delays = [policy.after(error, 99, setbacks) for setbacks in range(10)]
    assert all(later is not None and not later.counted for later in delays)
    waits = [later.delay_s for later in delays if later is not None]
    assert waits == sorted(waits)
    assert waits[0] <= 1


def test_a_page_that_takes_the_engine_down_is_tried_alone_and_convicted_only_there() -> None:
    lost = EngineUnavailable("engine_lost")
    for setbacks in range(9):
        beside_others = policy.after(lost, 5, setbacks)
        assert beside_others is not None
        assert (beside_others.alone, beside_others.counted) == (True, False)
    assert [policy.after(lost, attempts, 3, alone=True) is None for attempts in range(4)] == [
        False,
        False,
        True,
        True,
    ]


def test_even_patience_ends() -> None:
    assert policy.after(EngineUnavailable(), 0, 1000) is None


@given(seconds=st.floats(0, 3600), setbacks=st.integers(0, 20))
def test_nobody_is_asked_again_sooner_than_he_said(seconds: float, setbacks: int) -> None:
    later = policy.after(EngineUnavailable(retry_after_s=seconds), 0, setbacks)
    assert later is not None
    assert later.delay_s >= seconds


def test_every_rule_is_finite_and_never_negative() -> None:
    for rule in policy.RULES.values():
        assert all(delay >= 0 for delay in rule.delays)
        assert sum(rule.delays) < 24 * 3600
