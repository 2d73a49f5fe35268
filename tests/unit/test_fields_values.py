"""Printed values: numbers, dates, amounts and codes are read as people of their habit mean them."""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fields.currencies import Amount, amounts_in
from pipeline.fields.dates import Day, dates_in
from pipeline.fields.folding import ascii_digits, fold, key, within_edits
from pipeline.fields.numbers import Number, numbers_in, read_number
from pipeline.fields.shapes import Kind, Leaf
from pipeline.fields.texts import ibans, times
from pipeline.fields.values import parse
from schemas.field import FieldType

CENTS = st.integers(0, 10**11).map(lambda n: Decimal(n).scaleb(-2))
DAYS = st.dates(date(1970, 1, 1), date(2069, 12, 31))


@given(CENTS, st.sampled_from(["en", "de", "fr", "es", "it", "nl", "pt_BR", "de_CH", "hi_IN", "pl", "sv"]))
def test_amounts_of_any_locale_are_read_back(value: Decimal, locale: str) -> None:
    printed = format_decimal(value, format=None, locale=locale, decimal_quantization=False)
    if "." not in f"{value.normalize():f}":
        printed = format_decimal(value, "#,##0.00", locale=locale)
    (number,) = numbers_in(printed)
    assert number.raw == printed
    assert value in {reading.value for reading in number.readings}


@given(CENTS.filter(lambda value: value > 0), st.sampled_from(["-{}", "({})", "{}-", "− {}"]))
def test_signs_in_front_behind_and_brackets_make_amounts_negative(value: Decimal, form: str) -> None:
    (number,) = numbers_in(form.format(f"{value:,.2f}"))
    assert {reading.value for reading in number.readings} == {-value}


@pytest.mark.parametrize("text", ["(${})", "({} EUR)", "(RM {})", "(Rs. {})", "(US${})", "-kr {}", "-Rs. {}"])
def test_signs_of_currencies_do_not_hide_the_minus(text: str) -> None:
    (number,) = numbers_in(text.format("50.00"))
    assert {reading.value for reading in number.readings} == {Decimal("-50.00")}


@pytest.mark.parametrize(
    "text", ["rate (20%)", "(2 PCS)", "(#123)", "(NET 30)", "(330 ML)", "(@5)", "¥5,400-", "€46.00 ($50.00)"]
)
def test_what_else_stands_in_brackets_is_not_negative(text: str) -> None:
    numbers = list(numbers_in(text))
    assert numbers
    assert all(reading.value > 0 for number in numbers for reading in number.readings)


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from(".,"))
def test_three_digits_after_one_mark_have_two_readings(head: int, tail: int, mark: str) -> None:
    readings = read_number(f"{head}{mark}{tail:03d}")
    assert {reading.value for reading in readings} == {
        Decimal(head * 1000 + tail),
        Decimal(head) + Decimal(tail) / 1000,
    }
    assert {reading.convention for reading in readings} == {"point", "comma"}


@given(st.text(alphabet="0123456789.,' -", max_size=25))
def test_whatever_is_read_is_made_of_the_digits_printed(text: str) -> None:
    for number in numbers_in(text):
        digits = "".join(char for char in number.raw if char.isdigit())
        for reading in number.readings:
            assert reading.decimal is not None
            found = reading.decimal.replace(".", "").lstrip("-0")
            assert found == digits.lstrip("0") or digits.lstrip("0") == "" == found


@given(st.text(max_size=60))
def test_finders_stay_inside_any_text(text: str) -> None:
    for find in (numbers_in, dates_in, amounts_in):
        _stays_inside(find, text)


def _stays_inside(find: Callable[[str], Iterable[Number | Day | Amount]], text: str) -> None:
    for found in find(text):
        assert 0 <= found.start < found.end <= len(text)
        assert text[found.start : found.end] == found.raw


@pytest.mark.parametrize(
    "text",
    [
        "12.05.2014",
        "Tel 07-3507405",
        "21%",
        "NL50INGB0683251309",
        "12:30",
        "TD01167104",
        "25/12/2018",
        "1.2.3",
    ],
)
def test_what_is_no_amount_is_not_read_as_one(text: str) -> None:
    assert not list(amounts_in(text))


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("34,73 EUR", "34.73", "EUR"),
        ("EUR34.73", "34.73", "EUR"),
        ("€ -9,32", "-9.32", "EUR"),
        ("-RM 0.02", "-0.02", "MYR"),
        ("RM33.90", "33.90", "MYR"),
        ("1'234.50 CHF", "1234.50", "CHF"),
        ("￥１，２３４", "1234", "JPY"),
        ("1,234円", "1234", "JPY"),
        ("49,- €", "49", "EUR"),
        ("1.234 KWD", "1.234", "KWD"),
        ("12 000 Kč", "12000", "CZK"),
        ("١٢٣٫٤٥", "123.45", None),
    ],
)
def test_money_with_its_currency(text: str, value: str, currency: str | None) -> None:
    (amount,) = amounts_in(text)
    reading = amount.readings[0]
    assert reading.decimal == value
    assert (reading.currency or "").split("|")[0] == (currency or "")


@given(DAYS, st.sampled_from(["en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "cs", "ru", "id"]))
def test_written_out_dates_of_many_languages(day: date, locale: str) -> None:
    printed = format_date(day, "long", locale=locale)
    found = list(dates_in(printed))
    assert len(found) == 1, printed
    assert day.isoformat() in {reading.value for reading in found[0].readings}


@given(DAYS, st.sampled_from("/-"))
def test_numeric_dates_are_read_both_ways_unless_only_one_exists(day: date, mark: str) -> None:
    (found,) = dates_in(f"{day.day:02d}{mark}{day.month:02d}{mark}{day.year}")
    ways = {reading.convention: reading.value for reading in found.readings}
    if day.day > 12:
        assert ways == {"dmy": day.isoformat()}
    elif day.day == day.month:
        assert set(ways.values()) == {day.isoformat()}
    else:
        swapped = date(day.year, day.day, day.month).isoformat()
        assert ways == {"dmy": day.isoformat(), "mdy": swapped}


@given(DAYS)
def test_forms_that_leave_no_doubt(day: date) -> None:
    for form in (
        f"{day:%d.%m.%Y}",
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
    ):
        (found,) = dates_in(f"x {form} y")
        assert [reading.value for reading in found.readings] == [day.isoformat()], form


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("23/03/201819:02", "2018-03-23"),
        ("2703/2018", "2018-03-27"),
        ("令和6年3月4日", "2024-03-04"),
        ("平成30年12月1日", "2018-12-01"),
        ("1er juillet 2015", "2015-07-01"),
        ("25DEC2018", "2018-12-25"),
        ("Jan 31, 2022", "2022-01-31"),
        ("25/12/2567", "2024-12-25"),
        ("31-12-99", "1999-12-31"),
    ],
)
def test_dates_as_readers_and_countries_leave_them(text: str, value: str) -> None:
    (found,) = dates_in(text)
    assert found.readings[0].value == value


@pytest.mark.parametrize(
    "text", ["31/02/2019", "00.00.2020", "12/2019", "192.168.10.20", "99/99/9999", "2024-13-01"]
)
def test_impossible_days_are_no_dates(text: str) -> None:
    assert not list(dates_in(text))


@given(st.text(max_size=30))
def test_plain_digits_keep_every_place(text: str) -> None:
    assert len(ascii_digits(text)) == len(text)


@pytest.mark.parametrize(
    ("a", "b"), [("Rechnungs-Nr.", "rechnungs nr"), ("TOTAL", "tota1"), ("Échéance", "echeance")]
)
def test_labels_compare_without_dress(a: str, b: str) -> None:
    assert key(a) == key(b)


@given(st.text(alphabet="abcd", max_size=6), st.text(alphabet="abcd", max_size=6))
def test_edits_are_counted_as_levenshtein_counts_them(a: str, b: str) -> None:
    distance = _levenshtein(a, b)
    for limit in range(3):
        assert within_edits(a, b, limit) == (distance <= limit)


def _levenshtein(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        above, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]


def test_hangul_and_kana_survive_folding() -> None:
    assert fold("합계 금액") == "합계 금액"
    assert fold("ご請求金額") == "ご請求金額"


def test_an_iban_with_a_wrong_checksum_is_doubtful() -> None:
    (good,) = ibans("IBAN DE89 3704 0044 0532 0130 00")
    (bad,) = ibans("IBAN DE89 3704 0044 0532 0130 01")
    assert good.quality == 1.0 > bad.quality


def test_an_iban_may_run_over_lines() -> None:
    (found,) = ibans("DE89 3704 0044\n0532 0130 00")
    assert found.quality == 1.0


def test_whole_numbers_beyond_64_bits_are_no_integers_and_can_be_stored_as_numbers() -> None:
    digits = "9400110200881234567890"
    assert parse(Leaf(("n",), FieldType.INTEGER, json_types=frozenset({"integer"})), digits) == []
    (number,) = parse(Leaf(("n",), FieldType.NUMBER, json_types=frozenset({"number"})), digits)
    assert number.readings[0].value == 9.400110200881235e21
    assert number.readings[0].decimal == digits
    assert isinstance(number.readings[0].value, float)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("中華民國113年5月3日", "2024-05-03"),
        ("113年5月3日", "2024-05-03"),
        ("民國99年5月3日", "2010-05-03"),
        ("24年5月3日", "2024-05-03"),
    ],
)
def test_years_of_the_republic_of_china(text: str, day: str) -> None:
    (found,) = dates_in(text)
    assert [reading.value for reading in found.readings] == [day]


def test_times_with_and_without_halves_of_the_day() -> None:
    assert [found.value for found in times("8:13:39 PM and 20:49, not 25:00")] == ["20:13:39", "20:49:00"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Date: 01.07.2022 19:39", ["19:39:00"]),
        ("20.07.2016", []),
        ("10.11.23 kl. 9.45", ["09:45:00"]),
        ("20.07.2016 20.07", ["20:07:00"]),
    ],
)
def test_a_part_of_a_date_is_no_time(text: str, found: list[str]) -> None:
    assert [one.value for one in times(text)] == found


def _values(leaf: Leaf, text: str) -> list[object]:
    return [parsed.readings[0].value for parsed in parse(leaf, text)]


def test_booleans_by_word_and_by_box() -> None:
    leaf = Leaf(("paid",), FieldType.BOOLEAN)
    assert _values(leaf, "Ja") == [True]
    assert _values(leaf, "☐") == [False]
    assert _values(leaf, "[x]") == [True]
    assert _values(leaf, "perhaps") == []


def test_enums_forgive_case_accents_and_one_slip() -> None:
    leaf = Leaf(("kind",), FieldType.ENUM, enum=("credit note", "Überweisung"))
    assert _values(leaf, "CREDIT NOTE") == ["credit note"]
    assert _values(leaf, "Uberwelsung") == ["Überweisung"]
    assert _values(leaf, "debit") == []


def test_a_pattern_of_the_schema_picks_among_codes() -> None:
    leaf = Leaf(
        ("no",), FieldType.TEXT, Kind.IDENTIFIER, pattern=r"^PO-\d+$", json_types=frozenset({"string"})
    )
    assert _values(leaf, "77120 PO-77120") == ["PO-77120"]


def test_a_pattern_that_would_backtrack_for_ever_does_not() -> None:
    leaf = Leaf(
        ("no",), FieldType.TEXT, Kind.IDENTIFIER, pattern=r"^(\w+)+$", json_types=frozenset({"string"})
    )
    assert _values(leaf, "1" * 39 + "!") == ["1" * 39]


def test_money_asked_for_as_text_stays_exact() -> None:
    leaf = Leaf(("total",), FieldType.MONEY, json_types=frozenset({"string"}))
    assert _values(leaf, "12.30 EUR") == ["12.30"]
