"""Amounts that a model claims, held against the sums they should make."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from model_runtime.vlm.adding import add_up
from model_runtime.vlm.values import Claim
from pipeline.fields.leaves import leaves
from services.builtin_schemas import Builtins

INVOICE = next(named.schema for named in Builtins().all() if named.name == "invoice")
LEAVES = {leaf.name: leaf for leaf in leaves(INVOICE)}
ITEM = next(name for name, leaf in LEAVES.items() if leaf.in_array and leaf.concept == "amount")
CENTS = st.integers(min_value=1, max_value=5_000_00)


def claim(path: str, cents: int, row: int | None = None) -> Claim:
    printed = f"{Decimal(cents) / 100:.2f}"
    return Claim(float(printed), printed, None, leaf=LEAVES[path], row=row)


def paper(net: int, tax: int, total: int, items: list[int]) -> list[Claim]:
    head = [claim("net", net), claim("tax", tax), claim("total", total)]
    return [*head, *(claim(ITEM, cents, row) for row, cents in enumerate(items))]


def said(claims: list[Claim]) -> list[bool | None]:
    add_up(claims)
    return [one.adds for one in claims]


@given(st.lists(CENTS, min_size=2, max_size=9), CENTS)
def test_a_paper_whose_sums_hold_speaks_for_all_its_amounts(items: list[int], tax: int) -> None:
    assert set(said(paper(sum(items), tax, sum(items) + tax, items))) == {True}


@given(st.lists(CENTS, min_size=2, max_size=9), CENTS, st.integers(20, 9000))
def test_a_wrong_item_makes_all_items_doubtful_and_no_head(items: list[int], tax: int, off: int) -> None:
    claims = paper(sum(items), tax, sum(items) + tax, items)
    wrong = Decimal(items[0] + off + tax + 20)
    claims[3] = claim(ITEM, int(wrong), 0)
    found = said(claims)
    assert found[:3] == [True] * 3
    assert set(found[3:]) == {False}


@given(CENTS, CENTS, st.integers(20, 9000))
def test_a_wrong_total_makes_the_head_doubtful(net: int, tax: int, off: int) -> None:
    assert said(paper(net, tax, net + tax + off, [])) == [False] * 3


def test_alone_an_amount_stands_in_no_sum() -> None:
    assert said([claim("total", 100)]) == [None]
    assert said([claim("total", 100), claim(ITEM, 100, 0)]) == [None, None]


def test_items_before_tax_do_not_contradict_a_total_after_it() -> None:
    assert said([claim("total", 357), claim(ITEM, 100, 0), claim(ITEM, 200, 1)]) == [None] * 3


def test_what_is_no_amount_leaves_its_list_unjudged() -> None:
    strange: Any = Claim("?", "?", None, leaf=LEAVES[ITEM], row=1)
    assert said([claim("net", 300), claim(ITEM, 100, 0), strange, claim(ITEM, 200, 2)]) == [None] * 4
