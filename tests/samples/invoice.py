"""A German invoice with a text layer and line items."""

from typing import Any

from tests.samples.sheet import new_document, new_sheet, pdf_bytes

ITEMS = (
    ("1", "NW-1010", "Akku-Bohrschrauber 18 V", "2", "129,90", "259,80"),
    ("2", "NW-2044", "Bitsatz, 32-teilig", "5", "18,50", "92,50"),
    ("3", "NW-3300", "Schutzbrille, kratzfest", "10", "7,95", "79,50"),
    ("4", "NW-4127", "Arbeitsleuchte LED 20 W", "3", "44,00", "132,00"),
    ("5", "NW-9000", "Versand und Verpackung", "1", "12,40", "12,40"),
)
FIELDS: dict[str, Any] = {
    "issuer": "Nordlicht Werkzeuge GmbH",
    "invoice_number": "RE-2024-00815",
    "date": "2024-03-14",
    "amount": 685.68,
    "currency": "EUR",
}
_HEAD = ("Pos.", "Artikel-Nr.", "Bezeichnung", "Menge", "Einzelpreis", "Betrag")
_EDGES = ((62, False), (95, False), (170, False), (375, True), (455, True), (533, True))


def _cells(texts: tuple[str, ...]) -> list[tuple[float, str, bool]]:
    return [(x, text, right) for (x, right), text in zip(_EDGES, texts, strict=True)]


def invoice_pdf() -> bytes:
    document = new_document("Rechnung")
    sheet = new_sheet(document)
    sheet.text(60, 70, "Nordlicht Werkzeuge GmbH", 16, "hebo")
    sheet.text(60, 86, "Speicherstraße 12 · 20457 Hamburg · Tel. 040 5550 1234", 8)
    for number, line in enumerate(
        ("Bäckerei Köhler & Söhne KG", "Frau Änne Köhler", "Mühlenweg 3", "24103 Kiel")
    ):
        sheet.text(60, 140 + 14 * number, line)
    labels = (
        ("Rechnungsnummer:", "RE-2024-00815"),
        ("Rechnungsdatum:", "14.03.2024"),
        ("Lieferdatum:", "11.03.2024"),
        ("Kundennummer:", "K-30772"),
    )
    for number, (label, value) in enumerate(labels):
        sheet.text(350, 140 + 14 * number, label)
        sheet.text(535, 140 + 14 * number, value, right=True)
    sheet.text(60, 240, "Rechnung", 18, "hebo")
    sheet.text(60, 264, "Für unsere Lieferung berechnen wir Ihnen wie folgt:")
    sheet.rule(58, 282, 537, 282)
    sheet.row(296, _cells(_HEAD), face="hebo")
    sheet.rule(58, 302, 537, 302)
    for number, item in enumerate(ITEMS):
        sheet.row(318 + 18 * number, _cells(item))
    sheet.rule(58, 398, 537, 398)
    totals = (("Zwischensumme netto", "576,20 €"), ("zzgl. 19 % MwSt.", "109,48 €"))
    for number, (label, value) in enumerate(totals):
        sheet.text(350, 416 + 16 * number, label)
        sheet.text(533, 416 + 16 * number, value, right=True)
    sheet.text(350, 452, "Gesamtbetrag", 11, "hebo")
    sheet.text(533, 452, "685,68 €", 11, "hebo", right=True)
    sheet.text(60, 500, "Bitte überweisen Sie den Gesamtbetrag bis zum 28.03.2024 ohne Abzug.")
    sheet.rule(58, 770, 537, 770, 0.4)
    sheet.text(60, 784, "IBAN DE02 1203 0000 0000 2020 51 · BIC BYLADEM1001 · USt-IdNr. DE123456789", 8)
    sheet.text(60, 796, "Amtsgericht Hamburg HRB 54321 · Geschäftsführerin: Jördis Petersen", 8)
    return pdf_bytes(document)
