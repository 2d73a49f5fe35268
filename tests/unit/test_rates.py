"""A bucket of requests: it fills with time, never over its rim, and gives whole requests."""

from hypothesis import given
from hypothesis import strategies as st

from services.rates import Allowance, Bucket, capacity

RATES = st.integers(1, 1_000_000)
TIMES = st.integers(0, 10**12)
SECOND = 1_000_000


@given(RATES, st.lists(st.integers(0, 10 * SECOND), min_size=1, max_size=50), st.integers(1, 100))
def test_what_is_given_never_exceeds_the_rim_and_what_flowed_in(
    rate: int, pauses: list[int], most: int
) -> None:
    bucket, given_out = Bucket(capacity(rate) * SECOND, 0), 0
    for now in (sum(pauses[: count + 1]) for count in range(len(pauses))):
        bucket, taken = bucket.filled(now, rate).taking(most)
        assert 0 <= taken <= most
        assert bucket.tokens >= 0
        given_out += taken
    assert given_out <= capacity(rate) + sum(pauses) * rate / 60 / SECOND


@given(RATES, st.integers(0, 10**9), TIMES, TIMES)
def test_it_never_runs_over_nor_back(rate: int, tokens: int, at: int, now: int) -> None:
    filled = Bucket(min(tokens, capacity(rate) * SECOND), at).filled(now, rate)
    assert filled.tokens <= capacity(rate) * SECOND
    assert filled.tokens >= min(tokens, capacity(rate) * SECOND)
    assert filled.at == max(at, now)


@given(RATES, st.integers(0, SECOND - 1))
def test_who_waits_as_long_as_told_gets_a_request(rate: int, tokens: int) -> None:
    bucket = Bucket(tokens, 0)
    wait = bucket.wait_s(rate)
    later = bucket.filled(int(wait * SECOND) + 2, rate)
    assert later.taking(1)[1] == 1
    assert Bucket(SECOND, 0).wait_s(rate) == 0


def test_headers_tell_the_policy_and_what_is_left() -> None:
    assert Allowance(600, 42, 6).headers() == {
        "RateLimit-Policy": '"key";q=600;w=60',
        "RateLimit": '"key";r=42;t=6',
    }
