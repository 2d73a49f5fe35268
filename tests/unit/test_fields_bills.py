"""Bills printed without columns: what heads them, what ends an address, labels that need their colon."""

from typing import Any

import pytest

from pipeline.fields import candidates, resolve
from services.builtin_schemas import Builtins
from tests.samples.typed import typed_page

pytestmark = pytest.mark.parametrize("boxes", [True, False], ids=["with boxes", "without boxes"])


def read(schema: str | dict[str, Any], text: str, boxes: bool) -> dict[str, Any]:
    asked = schema
    if isinstance(asked, str):
        named = Builtins().find(asked)
        assert named is not None
        asked = named.schema
    return resolve(asked, candidates(asked, typed_page(text, boxes=boxes)), [1]).extraction


def test_what_heads_a_bill_is_who_sold(boxes: bool) -> None:
    got = read(
        "receipt", "NORDLICHT\nTicket: #0992\n23/09/2015 12:07\nTee 5,34\nBrot 3,10\nTOTAL 8,44", boxes
    )
    assert got["company"] == "NORDLICHT"
    assert (got["number"], got["time"]) == ("0992", "12:07:00")


def test_what_heads_a_letter_names_nobody(boxes: bool) -> None:
    got = read("receipt", "Springtime\n23/09/2015\nwe are glad that you wrote to us\nwith your order", boxes)
    assert got["company"] is None


def test_neither_an_article_nor_a_labelled_line_is_who_sold(boxes: bool) -> None:
    text = "Kirchweg 27, 6426 Bosau\nVAT Reg GB71833411\nTicket: #0992\n23/09/2015\nTee 856,08\nTotal 856,08"
    got = read("receipt", text, boxes)
    assert got["company"] is None
    assert (got["address"], got["vat_id"], got["number"]) == (
        "Kirchweg 27, 6426 Bosau",
        "GB71833411",
        "0992",
    )
    assert got["tax"] is None, "a registration is no amount of tax"


@pytest.mark.parametrize(
    "after", ["Bill No P-467", "Ticket JM-82908", "Numéro 97388", "Bill to", "Item Amount"]
)
def test_an_address_ends_where_a_label_begins(boxes: bool, after: str) -> None:
    text = f"Meyer GmbH\nHafenweg 7, 20457 Hamburg\n{after}\nTee 17.74\nSubtotal 17.74\nAmount due 17.74"
    assert read("receipt", text, boxes)["address"] == "Hafenweg 7, 20457 Hamburg"


def test_the_address_below_a_recipient_is_not_the_issuers(boxes: bool) -> None:
    text = (
        "Wort Ltd\nBilled to: Grund AG\nGartenweg 24, 61523 Stade\nInvoice number: SB-41207\nTotal due 20.80"
    )
    got = read("invoice", text, boxes)
    assert (got["issuer"], got["issuer_address"]) == ("Wort Ltd", None)
    assert (got["recipient"], got["recipient_address"]) == ("Grund AG", "Gartenweg 24, 61523 Stade")


@pytest.mark.parametrize(
    ("line", "number", "name"),
    [
        ("Customer: 7724564", "7724564", None),
        ("Account: 1177", "1177", None),
        ("Customer: Studio 54 Ltd", None, "Studio 54 Ltd"),
        ("To: Studio 54 Ltd", None, "Studio 54 Ltd"),
        ("to Studio 54 Ltd", None, None),
    ],
)
def test_some_labels_are_none_without_their_colon(
    boxes: bool, line: str, number: str | None, name: str | None
) -> None:
    got = read("invoice", f"Wort Ltd\nInvoice number: SB-41207\n{line}\nTotal due 20.80", boxes)
    assert (got["customer_number"], got["recipient"]) == (number, name)


def test_a_property_is_not_taken_for_what_such_a_label_means(boxes: bool) -> None:
    schema = {"type": "object", "properties": {"to": {"type": "string"}, "account": {"type": "string"}}}
    got = read(schema, "Wort Ltd\nBill to: Grund AG\nCustomer no: 4711\nTo: Berlin\nAccount: Giro", boxes)
    assert got == {"to": "Berlin", "account": "Giro"}


def test_the_currency_of_a_sum_counts_more_than_a_word_in_an_article(boxes: bool) -> None:
    got = read("receipt", "Wort SA\n3 Tee kr lang 14.43\nBrot 3.00\nTotal HT 17.43\nTOTAL 17.43 CHF", boxes)
    assert (got["currency"], got["net"]) == ("CHF", 17.43)
