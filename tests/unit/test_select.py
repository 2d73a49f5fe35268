"""Page specifications become page numbers, or an error that says which part is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select import select_pages
from schemas.errors import RequestInvalid


@pytest.mark.parametrize(
    ("spec", "count", "pages"),
    [
        (None, 3, [1, 2, 3]),
        ("", 2, [1, 2]),
        ("2", 3, [2]),
        ("1-3,7", 9, [1, 2, 3, 7]),
        ("5-", 7, [5, 6, 7]),
        ("7-", 7, [7]),
        ("3,1,2-3", 5, [1, 2, 3]),
        (" 1 - 2 , 4 ", 5, [1, 2, 4]),
        ("1-3", 2, [1, 2]),
        ("2-9999999", 4, [2, 3, 4]),
    ],
)
def test_selects(spec: str | None, count: int, pages: list[int]) -> None:
    assert select_pages(spec, count) == pages


@pytest.mark.parametrize("spec", ["0", "4", "4-9", "1,9", "9-", "0-2"])
def test_pages_that_do_not_exist(spec: str) -> None:
    with pytest.raises(RequestInvalid, match="3 pages") as refused:
        select_pages(spec, 3)
    assert refused.value.code == "pages_out_of_range"


@pytest.mark.parametrize("spec", ["a", "-3", "1--2", "1,,2", ",", "3-2", "1;2", "12345678", "1.5"])
def test_nonsense(spec: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        select_pages(spec, 9)
    assert refused.value.code == "pages_malformed"


@given(st.sets(st.integers(1, 60), min_size=1))
def test_any_set_of_pages_can_be_asked_for(pages: set[int]) -> None:
    assert select_pages(",".join(map(str, pages)), 60) == sorted(pages)
