"""Ticks, signs, dashes and brackets beside a label: what they say of the value."""

import pytest

from tests.unit.test_fields_page import one


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("☐ No ☑ Yes", True),
        ("[ ] No [x] Yes", True),
        ("No ☐ Yes ☑", True),
        ("☑ No ☐ Yes", False),
        ("[x] No [ ] Yes", False),
        ("☐ Yes ☐ No", None),
        ("☑", True),
        ("[ ]", False),
        ("no", False),
    ],
)
def test_of_yes_and_no_the_ticked_one_counts(text: str, value: bool | None) -> None:
    assert one({"type": "boolean", "title": "Smoker"}, f"Smoker: {text}").value is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Total – $150.00", 150),
        ("Total - 150.00", 150),
        ("Total -150.00", -150),
        ("Total: - 150.00", -150),
        ("Total ($50.00)", -50),
        ("Total -Rs. 500.00", -500),
        ("合計 ¥5,400-", 5400),
        ("Total ......150.00", 150),
        ("Total Rs.1,575.00", 1575),
    ],
)
def test_dashes_brackets_and_leaders_beside_a_total(text: str, value: float) -> None:
    assert one({"type": "number", "x-type": "money", "title": "Total"}, text).value == value


@pytest.mark.parametrize(
    ("title", "text", "value"),
    [
        ("Rounding", "Rounding - 0.02", -0.02),
        ("Discount", "Discount - 5.00", -5),
        ("Refund", "Refund - RM 5.00", -5),
    ],
)
def test_a_spaced_minus_is_one_where_amounts_are_taken_off(title: str, text: str, value: float) -> None:
    assert one({"type": "number", "x-type": "money", "title": title}, text).value == value


def test_an_invoice_number_names_no_country() -> None:
    text = "INVOICE NO 12345678\nSpringfield, IL 62704\nDate: 03/04/2024"
    assert one({"type": "string", "format": "date", "title": "Date"}, text).value == "2024-03-04"


@pytest.mark.parametrize("text", ["Status: paid ☐ Reminder sent", "☐ gift wrap, status: paid"])
def test_a_box_of_other_words_takes_no_value_away(text: str) -> None:
    assert one({"enum": ["paid", "open"], "title": "Status"}, text).value == "paid"


def test_days_to_pay_in_are_no_amount() -> None:
    net = {"type": "number", "x-type": "money", "title": "Net"}
    assert one(net, "Payment terms: Net 30\nTotal due   $150.00").value is None
    assert one(net, "Net   120.00").value == 120


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("Total: 100,00 kr", "da", "DKK"),
        ("Total: 100,00 kr", "nb", "NOK"),
        ("Total: 100,00 kr", "sv", "SEK"),
        ("合计 ¥1,080.50", "zh", "CNY"),
        ("合計 ¥1,080", "ja", "JPY"),
    ],
)
def test_a_sign_of_several_currencies_is_that_of_the_language(text: str, language: str, code: str) -> None:
    field = one({"type": "string", "x-type": "currency", "title": "Currency"}, text, language=language)
    assert field.value == code
