"""Fields as columns that a database can compare."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.field import Field, FieldState, FieldType
from services.stores.field_rows import SCALE, columns, spread


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("total", ("total", None, None)),
        ("seller.name", ("seller.name", None, None)),
        ("line_items[2].amount", ("line_items[].amount", "line_items", 2)),
        ("tags[0]", ("tags[]", "tags", 0)),
        ("a[1].b[22].c", ("a[].b[].c", "a", 1)),
        ('["a[7].b"].c', ('["a[7].b"].c', None, None)),
        ('["a\\"]"].c[3]', ('["a\\"]"].c[]', '["a\\"]"].c', 3)),
    ],
)
def test_a_path_is_spread_over_list_and_item(path: str, expected: tuple[str, str | None, int | None]) -> None:
    assert spread(path) == expected


def _money(text: str) -> dict[str, object]:
    leaf = Field(path="x", type=FieldType.MONEY, state=FieldState.FOUND, value=float(text), decimal=text)
    return columns(leaf)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=SCALE))
def test_amounts_are_kept_exactly(amount: Decimal) -> None:
    row = _money(str(amount))
    assert isinstance(row["scaled"], int)
    assert Decimal(row["scaled"]).scaleb(-SCALE) == amount


@pytest.mark.parametrize("text", ["0.0000001", "99999999999999999999"])
def test_what_does_not_fit_exactly_is_only_approximate(text: str) -> None:
    row = _money(text)
    assert row["scaled"] is None
    assert row["number"] == float(text)


def test_dates_are_days_and_nonsense_is_nothing() -> None:
    day = Field(path="d", type=FieldType.DATE, state=FieldState.FOUND, value="1970-02-01")
    assert columns(day)["date"] == 31
    assert columns(day.model_copy(update={"value": "soon"}))["date"] is None


def test_a_missing_value_has_no_value_columns() -> None:
    row = columns(Field(path="x", type=FieldType.MONEY, state=FieldState.MISSING))
    assert {row[name] for name in ("value_text", "scaled", "number", "date", "bool")} == {None}
