"""A purchase order with ten line items, for a nested schema whose names are not those on the page."""

from decimal import Decimal
from typing import Any

from tests.samples.sheet import A4, encoded, grey, new_document, new_sheet, pdf_bytes, scanned

_ITEMS = (
    ("FS-201", "Copper pipe 15 mm, 3 m", 12, "9.40"),
    ("FS-218", "Elbow joint 15 mm", 40, "1.15"),
    ("FS-233", "Ball valve 1/2 inch", 6, "14.80"),
    ("FS-305", "Solder wire 250 g", 4, "11.25"),
    ("FS-317", "Flux paste", 5, "4.60"),
    ("FS-402", "Pipe clip, pack of 50", 3, "7.90"),
    ("FS-411", "Hacksaw blade", 10, "2.35"),
    ("FS-520", "PTFE tape", 25, "0.85"),
    ("FS-604", "Radiator bracket", 8, "6.75"),
    ("FS-777", "Work gloves, size L", 15, "3.20"),
)
_NET = sum((Decimal(price) * count for _, _, count, price in _ITEMS), Decimal(0))
_TAX = (_NET * Decimal("0.20")).quantize(Decimal("0.01"))
TRUE: dict[str, Any] = {
    "vendor": {"name": "Fairweather Supplies Ltd", "vat_id": "GB 987 6543 21"},
    "document": {"no": "PO-77120", "issued_on": "2024-09-02"},
    "payable": {"net": str(_NET), "tax": str(_TAX), "gross": str(_NET + _TAX)},
    "positions": [
        {"article": name, "units": count, "unit_cost": price, "sum": str(Decimal(price) * count)}
        for _, name, count, price in _ITEMS
    ],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "vendor": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Supplier"},
                "vat_id": {
                    "type": "string",
                    "title": "VAT registration number",
                    "x-labels": ["VAT Reg. No."],
                },
            },
        },
        "document": {
            "type": "object",
            "properties": {
                "no": {"type": "string", "title": "Order number"},
                "issued_on": {"type": "string", "format": "date", "title": "Order date"},
            },
        },
        "payable": {
            "type": "object",
            "properties": {
                "net": {"type": "number", "title": "Subtotal"},
                "tax": {"type": "number", "title": "VAT amount", "x-labels": ["VAT 20%"]},
                "gross": {"type": "number", "title": "Total due"},
            },
        },
        "positions": {
            "type": "array",
            "title": "Order lines",
            "items": {
                "type": "object",
                "properties": {
                    "article": {"type": "string", "title": "Description"},
                    "units": {"type": "integer", "title": "Qty"},
                    "unit_cost": {"type": "number", "title": "Unit price"},
                    "sum": {"type": "number", "title": "Line total"},
                },
            },
        },
    },
}
_EDGES = ((60, False), (120, False), (345, True), (440, True), (535, True))
_HEAD = ("Code", "Description", "Qty", "Unit price", "Line total")


def _cells(texts: tuple[str, ...]) -> list[tuple[float, str, bool]]:
    return [(x, text, right) for (x, right), text in zip(_EDGES, texts, strict=True)]


def _document() -> Any:
    document = new_document("Purchase order")
    sheet = new_sheet(document, A4)
    sheet.text(60, 70, "PURCHASE ORDER", 18, "hebo")
    facts = (
        ("Order number:", "PO-77120"),
        ("Order date:", "2 September 2024"),
        ("Supplier:", "Fairweather Supplies Ltd"),
        ("VAT Reg. No.:", "GB 987 6543 21"),
    )
    for number, (label, value) in enumerate(facts):
        sheet.text(60, 110 + 16 * number, label)
        sheet.text(160, 110 + 16 * number, value)
    sheet.text(360, 110, "Deliver to:", face="hebo")
    for number, line in enumerate(("Lindmouth Harbour Office", "Workshop 2, Quay Road", "Lindmouth LM3 4QT")):
        sheet.text(360, 126 + 14 * number, line)
    sheet.row(220, _cells(_HEAD), face="hebo")
    for number, (code, name, count, price) in enumerate(_ITEMS):
        total = str(Decimal(price) * count)
        sheet.row(240 + 18 * number, _cells((code, name, str(count), price, total)))
    totals = (("Subtotal", str(_NET)), ("VAT 20%", str(_TAX)), ("Total due", f"£{_NET + _TAX}"))
    for number, (label, value) in enumerate(totals):
        face = "hebo" if number == 2 else "helv"
        sheet.text(400, 440 + 18 * number, label, 10, face)
        sheet.text(535, 440 + 18 * number, value, 10, face, right=True)
    return document


def order_pdf() -> bytes:
    return pdf_bytes(_document())


def order_scan() -> bytes:
    """The same sheet as a scan."""
    image = scanned(grey(_document(), 200), skew=0.4, blur=0.5, noise=8, seed=9)
    return encoded(image, "JPEG", 200, quality=75)
