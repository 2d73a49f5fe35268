"""From a typed page and a schema to fields: values, states and evidence a user sees."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import schemas
from pipeline.fields import FieldsOutcome, candidates, resolve, thinned
from schemas.field import Field, FieldState, Match
from schemas.page import PageContent
from tests.samples.typed import box_of, turned_box, typed_page

RECHNUNG = """
Müller & Söhne GmbH - Hafenweg 12 - 20457 Hamburg

Erika Beispiel                                   Rechnungsnr.:    R-2024-117
Gartenstr. 5                                     Rechnungsdatum:  7. März 2024
50667 Köln                                       Kundennr.:       47774

Pos.   Menge   Beschreibung                      Einzelpreis      Betrag
1      2       Winkelschleifer WS 125                  89,90      179,80
               mit Koffer
2      10      Trennscheibe 125 mm                      1,25       12,50
                                                 Zwischensumme    192,30
                                                 MwSt. 19 %        36,54
                                                 Gesamtbetrag EUR 228,84

Zahlbar bis 21.03.2024
IBAN: DE89 3704 0044 0532 0130 00
"""
INVOICE: dict[str, Any] = json.loads(
    (Path(schemas.__file__).parent / "builtin" / "invoice.json").read_text(encoding="utf-8")
)


def read(schema: dict[str, Any], *pages: PageContent, unread: tuple[int, ...] = ()) -> FieldsOutcome:
    found = [candidate for page in pages for candidate in candidates(schema, page)]
    return resolve(schema, pickle.loads(pickle.dumps(found)), [page.page.number for page in pages], unread)


def one(schema: dict[str, Any], text: str, *, language: str | None = None) -> Field:
    """The only field of a schema with the one property ``wanted``."""
    asked = {"type": "object", "properties": {"wanted": schema}}
    return read(asked, typed_page(text, language=language)).fields[0]


def test_an_invoice_yields_its_values() -> None:
    outcome = read(INVOICE, typed_page(RECHNUNG, language="de"))
    got = outcome.extraction
    assert got["number"] == "R-2024-117"
    assert (got["date"], got["due_date"]) == ("2024-03-07", "2024-03-21")
    assert (got["net"], got["tax"], got["total"], got["currency"]) == (192.3, 36.54, 228.84, "EUR")
    assert got["issuer"] == "Müller & Söhne GmbH"
    assert got["customer_number"] == "47774"
    assert got["iban"] == "DE89 3704 0044 0532 0130 00"
    assert outcome.extraction_valid
    items = got["line_items"]
    assert [(i["quantity"], i["unit_price"], i["amount"]) for i in items] == [
        (2, 89.9, 179.8),
        (10, 1.25, 12.5),
    ]
    assert items[0]["description"] == "Winkelschleifer WS 125 mit Koffer"


def test_every_value_says_where_it_stands() -> None:
    outcome = read(INVOICE, typed_page(RECHNUNG, language="de"))
    total = next(field for field in outcome.fields if field.path == "total")
    assert (total.decimal, total.currency, total.raw) == ("228.84", "EUR", "228,84")
    (evidence,) = total.evidence
    line = next(i for i, text in enumerate(RECHNUNG.strip("\n").split("\n")) if "Gesamtbetrag" in text)
    start = RECHNUNG.strip("\n").split("\n")[line].index("228,84")
    assert evidence.page == 1
    assert evidence.match is Match.EXACT
    assert evidence.quote == "Gesamtbetrag EUR 228,84" or evidence.quote.endswith("228,84")
    assert evidence.boxes == [box_of(line, start, start + 6)]


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_pages_read_the_same_and_boxes_stay_on_the_page(rotation: int) -> None:
    upright = read(INVOICE, typed_page(RECHNUNG, language="de"))
    page = typed_page(RECHNUNG, language="de", rotation=rotation)
    turned = read(INVOICE, page)
    assert turned.extraction == upright.extraction
    words = {word.text: word.bbox for word in page.page.words}
    number = next(field for field in turned.fields if field.path == "number")
    assert number.evidence[0].boxes == [words["R-2024-117"]]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_part_of_a_word_has_part_of_its_box_however_the_page_lies(rotation: int) -> None:
    text = "Total EUR34,73 paid"
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    page = typed_page(text, rotation=rotation)
    field = read(schema, page).fields[0]
    assert field.raw == "34,73"
    start = text.index("34,73")
    assert field.evidence[0].boxes == [turned_box(box_of(0, start, start + 5), rotation, text)]


def test_a_reader_without_boxes_yields_values_that_are_not_located() -> None:
    outcome = read(INVOICE, typed_page(RECHNUNG, language="de", boxes=False))
    number = next(field for field in outcome.fields if field.path == "number")
    assert number.value == "R-2024-117"
    assert number.evidence[0].boxes is None


DATE = {"type": "string", "format": "date", "title": "Invoice date"}


def test_a_date_of_either_order_is_ambiguous_without_a_hint() -> None:
    field = one(DATE, "Invoice date: 03/04/2024")
    assert field.state is FieldState.AMBIGUOUS
    assert [candidate.value for candidate in field.candidates] == ["2024-04-03", "2024-03-04"]
    assert field.value == "2024-04-03"


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        ("Delivered: 25/12/2023", "2024-04-03"),
        ("Shipped: 12/25/2023", "2024-03-04"),
        ("Springfield, IL 62704", "2024-03-04"),
        ("Kuala Lumpur, Malaysia", "2024-04-03"),
        ("Total: £12.00", "2024-04-03"),
    ],
)
def test_the_document_itself_may_decide_the_order(hint: str, value: str) -> None:
    schema = {"type": "object", "properties": {"x": DATE}}
    outcome = read(schema, typed_page(f"Invoice date: 03/04/2024\n\n{hint}"))
    assert (outcome.fields[0].state, outcome.fields[0].value) == (FieldState.FOUND, value)
    assert [warning.code for warning in outcome.warnings] == ["convention_inferred"]
    assert len(outcome.fields[0].candidates) == 2


def test_two_orders_in_one_document_decide_nothing() -> None:
    field = one(DATE, "Invoice date: 03/04/2024\n\nSent: 25/12/2023\n\nPrinted: 12/26/2023")
    assert field.state is FieldState.AMBIGUOUS


def test_a_language_decides_too() -> None:
    assert one(DATE, "Invoice date: 03/04/2024", language="fr").state is FieldState.FOUND


WEIGHT = {"type": "number", "title": "Weight"}


def test_one_thousand_or_one_point_two() -> None:
    assert one(WEIGHT, "Weight: 1.234").state is FieldState.AMBIGUOUS
    assert one(WEIGHT, "Weight: 1.234\n\nPrice: 12,50").value == 1234
    assert one(WEIGHT, "Weight: 1.234\n\nPrice: 12.50").value == 1.234


def test_missing_needs_every_page() -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    assert read(schema, typed_page("Hello")).fields[0].state is FieldState.MISSING
    assert read(schema, typed_page("Hello"), unread=(2,)).fields[0].state is FieldState.UNREADABLE
    assert read(schema).fields[0].state is FieldState.UNREADABLE


def test_an_empty_place_is_blank_and_a_strange_value_invalid() -> None:
    blank = one(DATE, "Invoice number: 4711\nInvoice date:")
    assert (blank.state, blank.value) == (FieldState.BLANK, None)
    assert blank.evidence[0].quote.startswith("Invoice date")
    invalid = one(DATE, "Invoice date: see below")
    assert (invalid.state, invalid.value, invalid.raw) == (FieldState.INVALID, None, "see below")


def test_nothing_is_invented_for_what_is_required() -> None:
    outcome = read(INVOICE, typed_page("Dear Sir or Madam,\n\nthank you for your letter."))
    assert not outcome.extraction_valid
    assert {w.path for w in outcome.warnings if w.code == "required_missing"} == {"number", "date", "total"}
    assert outcome.extraction["total"] is None
    assert outcome.extraction["line_items"] == []
    assert all(field.value is None for field in outcome.fields)


def test_two_equal_claims_are_ambiguous() -> None:
    field = one({"type": "string", "title": "Order number"}, "Order number: A-100\n\n\nOrder number: B-200")
    assert field.state is FieldState.AMBIGUOUS
    assert [candidate.value for candidate in field.candidates] == ["A-100", "B-200"]


def test_total_is_what_was_paid_after_rounding() -> None:
    text = """
MAJU JAYA TRADING
NO. 12, JALAN BESAR
81100 JOHOR BAHRU

ROTI                4.41
TEH O               3.50
SUBTOTAL            7.91
TOTAL QTY              2
TOTAL               7.91
ROUNDING ADJ       -0.01
TOTAL ROUNDED       7.90
CASH               10.00
CHANGE              2.10
"""
    field = one({"type": "number", "title": "Total", "x-type": "money"}, text)
    assert (field.state, field.decimal) == (FieldState.FOUND, "7.90")


def test_a_longer_label_keeps_its_value_from_a_shorter_one() -> None:
    text = "Total tax: 3.00\nTotal items: 7\nSubtotal: 15.00\nTotal: 18.00"
    assert one({"type": "number", "title": "Total"}, text).value == 18


def test_misread_labels_are_found_and_marked() -> None:
    field = one({"type": "string", "title": "Serial number"}, "Serlal numbor: X-99812")
    assert (field.value, field.evidence[0].match) == ("X-99812", Match.FUZZY)


def test_values_below_their_labels() -> None:
    text = """
Client                Commande            Date           Facture
SC0303                SC0000444           8/9/2022       VF1005193039
"""
    schema = {
        "type": "object",
        "properties": {
            "number": {"type": "string"},
            "order_number": {"type": "string"},
            "date": {"type": "string", "format": "date"},
        },
    }
    got = read(schema, typed_page(text, language="fr")).extraction
    assert got == {"number": "VF1005193039", "order_number": "SC0000444", "date": "2022-09-08"}


def test_nested_lists_of_plain_values_booleans_and_enums() -> None:
    schema = {
        "type": "object",
        "required": ["status"],
        "properties": {
            "order": {
                "type": "object",
                "properties": {
                    "colours": {"type": "array", "title": "Colours", "items": {"type": "string"}},
                    "insured": {"type": "boolean"},
                },
            },
            "status": {"enum": ["paid", "open"]},
            "free": {"type": "object"},
        },
    }
    outcome = read(schema, typed_page("Colours: red, green, blue\nInsured: yes\nStatus: PAID"))
    assert outcome.extraction == {
        "order": {"colours": ["red", "green", "blue"], "insured": True},
        "status": "paid",
        "free": None,
    }
    assert outcome.extraction_valid
    assert [field.path for field in outcome.fields][:3] == [
        "order.colours[0]",
        "order.colours[1]",
        "order.colours[2]",
    ]


def test_line_items_run_over_pages() -> None:
    head = "Item                 Qty     Price    Amount"
    pages = [
        typed_page(
            f"{head}\n"
            "Hammer                 1     10.00     10.00\n"
            "Nails, box             3      2.50      7.50"
        ),
        typed_page(
            f"{head}\n"
            "Saw                    2     20.00     40.00\n"
            "Total                                  57.50",
            2,
        ),
    ]
    items = read(INVOICE, *pages).extraction["line_items"]
    assert [item["description"] for item in items] == ["Hammer", "Nails, box", "Saw"]
    assert [item["amount"] for item in items] == [10, 7.5, 40]


def test_articles_whose_names_begin_like_sums_end_no_list() -> None:
    text = """
Item                     Qty     Price    Amount
Oil filter                 1     10.00     10.00
Change of oil              1     60.00     60.00
Net curtains               2     30.00     60.00
Total station rental       1     60.00     60.00
Subtotal                                  190.00
Pipe                       1      5.00      5.00
Valve                      1      5.00      5.00
Subtotal                                   10.00
Total                                     200.00
"""
    outcome = read(INVOICE, typed_page(text))
    names = [item["description"] for item in outcome.extraction["line_items"]]
    assert names == ["Oil filter", "Change of oil", "Net curtains", "Total station rental", "Pipe", "Valve"]
    assert outcome.extraction["total"] == 200


def test_a_sum_that_counts_what_was_bought_is_no_article() -> None:
    text = """
Description              Qty     Price    Amount
Oil filter                 1     10.00     10.00
Brake pad                  2     30.00     60.00
Total                      3     40.00     70.00
"""
    outcome = read(INVOICE, typed_page(text))
    assert [item["description"] for item in outcome.extraction["line_items"]] == ["Oil filter", "Brake pad"]


def test_descriptions_above_their_numbers() -> None:
    text = """
ITEM                 QTY    PRICE    AMOUNT
KF MODELLING CLAY
9556939040118        1 PC    9.00      9.00
BLUE PAPER A4
9556939040222        2 PC    3.50      7.00
TOTAL                                16.00
"""
    items = read(INVOICE, typed_page(text)).extraction["line_items"]
    assert [(item["quantity"], item["amount"]) for item in items] == [(1, 9), (2, 7)]


def test_a_japanese_receipt() -> None:
    text = """
株式会社山田商店
2024年3月4日  14:05
りんご    ¥300
みかん    ¥200
合計      ¥500
"""
    receipt = json.loads(
        (Path(schemas.__file__).parent / "builtin" / "receipt.json").read_text(encoding="utf-8")
    )
    got = read(receipt, typed_page(text, language="ja")).extraction
    assert (got["company"], got["date"], got["total"]) == ("株式会社山田商店", "2024-03-04", 500)
    assert (got["currency"], got["time"]) == ("JPY", "14:05:00")


def test_a_bare_dollar_is_the_countrys() -> None:
    field = one({"type": "number", "title": "Total"}, "Toronto, Canada\n\nTotal: $12.00")
    assert field.currency == "CAD"


def test_the_schemas_own_rules_are_checked_and_references_never_fetched() -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number", "maximum": 10}}}
    outcome = read(schema, typed_page("Total: 18.00"))
    assert not outcome.extraction_valid
    assert [(w.code, w.path) for w in outcome.warnings] == [("schema_mismatch", "total")]
    remote = {"type": "object", "properties": {"total": {"$ref": "http://127.0.0.1:9/schema"}}}
    outcome = read(remote, typed_page("Total: 18.00"))
    assert not outcome.extraction_valid
    assert {w.code for w in outcome.warnings} == {"schema_reference", "schema_invalid"}


def test_thinning_bounds_what_is_kept_and_changes_nothing() -> None:
    pages = [typed_page(RECHNUNG, number, language="de") for number in range(1, 40)]
    every = [candidate for page in pages for candidate in candidates(INVOICE, page)]
    few = thinned(thinned(every[:500]) + every[500:])
    without_items = [candidate for candidate in few if candidate.row is None]
    assert len(without_items) < 600 < sum(candidate.row is None for candidate in every)
    assert sum(candidate.clues is not None for candidate in few) == 1
    numbers = list(range(1, 40))
    assert resolve(INVOICE, few, numbers).extraction == resolve(INVOICE, every, numbers).extraction


def test_people_and_places_of_a_letterhead() -> None:
    got = read(INVOICE, typed_page(RECHNUNG, language="de")).extraction
    assert got["issuer_address"] == "Hafenweg 12 - 20457 Hamburg"
    assert got["recipient"] == "Erika Beispiel"
    assert got["recipient_address"] == "Gartenstr. 5, 50667 Köln"


SIDE_BY_SIDE = """
Erika Beispiel                                   Bluewater B.V.
Sessamestreet 32                                 Weena 664
1025 RX Amsterdam                                3012 CN Rotterdam
                                                 www.bluewater.nl
Factuurnummer: 993548900
Factuurdatum:  19 april 2014
"""
UNDER_AN_ADDRESS = """
Northern Tools GmbH

Speicherstr. 12 · 20457 Hamburg · Tel. 040 5550 1234

Erika Beispiel
Gartenstr. 5
50667 Köln

Rechnungsnr.: R-2024-117
"""
AMERICAN = """
Northern Tools Inc.
410 Terry Ave North
Seattle, WA 98109-5210

Bill to:
Taylor Riddel
12 Main Street
Springfield, IL 62704
"""


@pytest.mark.parametrize(
    ("text", "recipient", "address"),
    [
        (SIDE_BY_SIDE, "Erika Beispiel", "Sessamestreet 32, 1025 RX Amsterdam"),
        (UNDER_AN_ADDRESS, "Erika Beispiel", "Gartenstr. 5, 50667 Köln"),
        (AMERICAN, "Taylor Riddel", "12 Main Street, Springfield, IL 62704"),
    ],
    ids=["beside", "below", "labelled"],
)
def test_whom_a_letter_is_written_to(text: str, recipient: str, address: str) -> None:
    got = read(INVOICE, typed_page(text)).extraction
    assert (got["recipient"], got["recipient_address"]) == (recipient, address)


def test_an_issuer_alone_writes_to_nobody() -> None:
    """A shop's own second address, and articles that sound like streets, are no recipients."""
    alone = """
Northern Tools GmbH
Speicherstr. 12
20457 Hamburg

Artikel                          Betrag
Parkallee 12345 Modell             9,40
Hauptstr. Kalender                 1,20
                        Summe     10,60
"""
    got = read(INVOICE, typed_page(alone, language="de")).extraction
    assert (got["issuer"], got["recipient"]) == ("Northern Tools GmbH", None)


@pytest.mark.parametrize(
    ("top", "issuer", "address"),
    [
        (
            "EASTERN SPRING GARDEN\nRESTAURANT SDN BHD\n54, JALAN SS23/11\n47400 PETALING JAYA",
            "EASTERN SPRING GARDEN RESTAURANT SDN BHD",
            "54, JALAN SS23/11, 47400 PETALING JAYA",
        ),
        (
            "Twelve Point Enterprise 888\nNo 16 Jalan Permas 4/3",
            "Twelve Point Enterprise 888",
            "No 16 Jalan Permas 4/3",
        ),
        (
            "Bluewater Nederland B.V. iov Shop.com\nBadweg 48, 8401 BL Gorredijk",
            "Bluewater Nederland B.V.",
            "Badweg 48, 8401 BL Gorredijk",
        ),
        (
            "NORTH CAFE SDN BHD\n109, SS21/1A,\nDAMANSARA UTAMA",
            "NORTH CAFE SDN BHD",
            "109, SS21/1A, DAMANSARA UTAMA",
        ),
        (
            "NORTH SDN BHD\nNO.55 55,57 & 59, JALAN SAGU 18\n81100 JOHOR BAHRU",
            "NORTH SDN BHD",
            "NO.55 55,57 & 59, JALAN SAGU 18, 81100 JOHOR BAHRU",
        ),
        ("TAX INVOICE\nNORTH SDN BHD\n54, JALAN SS23/11", "NORTH SDN BHD", "54, JALAN SS23/11"),
        ("NORTH SDN BHD\nCASHIER #7259 TILL01\n1 SUB T01     7.00\nRM 149.00", "NORTH SDN BHD", None),
    ],
    ids=[
        "two lines",
        "a number in the name",
        "on behalf",
        "no street",
        "many houses",
        "a title above",
        "till lines are no address",
    ],
)
def test_the_head_of_a_receipt(top: str, issuer: str, address: str | None) -> None:
    got = read(INVOICE, typed_page(top)).extraction
    assert (got["issuer"], got["issuer_address"]) == (issuer, address)


def test_a_name_over_two_lines_has_a_box_for_each() -> None:
    page = typed_page("EASTERN SPRING GARDEN\nRESTAURANT SDN BHD\n54, JALAN SS23/11")
    (issuer,) = [field for field in read(INVOICE, page).fields if field.path == "issuer"]
    assert len(issuer.evidence[0].boxes or []) == 2


def test_a_receipt_without_a_header_lists_what_was_bought() -> None:
    text = """
CORNER LANE BAKERY LTD
14 Mill Street, Whitby YO21 3AB
Date: 17/05/2024  09:42

2 x Sourdough loaf          7.60
1 x Cinnamon bun            2.45
FLAT WHITE
3 X 3.10                    9.30

Subtotal                   19.35
TOTAL GBP                  19.35
"""
    receipt = json.loads(
        (Path(schemas.__file__).parent / "builtin" / "receipt.json").read_text(encoding="utf-8")
    )
    got = read(receipt, typed_page(text)).extraction
    assert [(i["description"], i["quantity"], i["amount"]) for i in got["line_items"]] == [
        ("Sourdough loaf", 2, 7.6),
        ("Cinnamon bun", 1, 2.45),
        ("FLAT WHITE", 3, 9.3),
    ]
    assert got["line_items"][2]["unit_price"] == 3.1
    assert (got["address"], got["time"]) == ("14 Mill Street, Whitby YO21 3AB", "09:42:00")


def test_lists_need_not_be_of_articles() -> None:
    schema = {
        "type": "object",
        "properties": {
            "stations": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "station": {"type": "string"},
                        "depth": {"type": "number", "x-labels": ["Tiefe"]},
                        "sampled": {"type": "string", "format": "date"},
                    },
                },
            },
            "staff": {
                "type": "array",
                "items": {"properties": {"name": {"type": "string"}, "role": {"type": "string"}}},
            },
        },
    }
    text = """
Station        Tiefe     Sampled
Pier 4           1,5     2024-03-01
Outer bank      12,0     2024-03-02


Name           Role
Ada Quill      Skipper
Bo Reed        Chemist
"""
    assert read(schema, typed_page(text)).extraction == {
        "stations": [
            {"station": "Pier 4", "depth": 1.5, "sampled": "2024-03-01"},
            {"station": "Outer bank", "depth": 12.0, "sampled": "2024-03-02"},
        ],
        "staff": [{"name": "Ada Quill", "role": "Skipper"}, {"name": "Bo Reed", "role": "Chemist"}],
    }


def test_sentences_are_not_forms() -> None:
    field = one({"type": "string", "title": "Status"}, "We learned of the status of the repairs at the quay.")
    assert (field.state, field.value) == (FieldState.MISSING, None)
    assert one({"type": "string", "title": "Status"}, "Status   in repair").value == "in repair"


def test_the_ticked_box_is_the_answer() -> None:
    schema = {"enum": ["paid", "open"], "title": "Status"}
    assert one(schema, "Status: ☐ paid ☑ open").value == "open"
    assert one(schema, "Status: [x] paid [ ] open").value == "paid"
    married = {"enum": ["single", "married", "divorced"], "title": "Marital status"}
    assert one(married, "Marital status: Single ☐ Married ☑ Divorced ☐").value == "married"
    assert one(married, "Marital status: Single [ ] Married [x] Divorced [ ]").value == "married"


def test_a_pattern_may_ask_for_the_value_as_printed() -> None:
    field = one(
        {"type": "string", "title": "Invoice date", "pattern": "^[0-9/]+$"}, "Invoice date: 14/03/2024"
    )
    assert field.value == "14/03/2024"


def test_the_sellers_number_is_not_the_buyers() -> None:
    party = {"type": "object", "properties": {"name": {"type": "string"}, "vat_id": {"type": "string"}}}
    schema = {"type": "object", "properties": {"seller": party, "buyer": party}}
    text = """
Nordlicht Werkzeuge GmbH
Hafenweg 12, 20457 Hamburg
USt-IdNr.: DE123456789

Bill to: Erika Beispiel
"""
    assert read(schema, typed_page(text)).extraction == {
        "seller": {"name": "Nordlicht Werkzeuge GmbH", "vat_id": "DE123456789"},
        "buyer": {"name": "Erika Beispiel", "vat_id": None},
    }
