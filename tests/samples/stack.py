"""A stack as it comes off a scanner: several documents of several pages, with sheets between some of them."""

import io

import numpy as np
import pymupdf
import zxingcpp
from PIL import Image

from tests.samples.sheet import Sheet, encoded, grey, new_document, new_sheet, pdf_bytes, scanned

# What the stack is made of: pages as in results, and the class.
TRUE = (("1-2", "invoice"), ("3", "receipt"), ("5-7", "contract"), ("9", "bank_statement"))
SEPARATORS = ((4, "blank"), (8, "barcode"))

_CLAUSE = (
    "The tenant shall keep the premises in good repair and shall not alter them without the consent of the"
    " landlord, which shall not be withheld without good reason."
)


def stack() -> pymupdf.Document:
    """German and English: an invoice of two pages, a till receipt, a contract of three, a statement."""
    document = new_document("stack")
    _invoice(document)
    _receipt(document)
    new_sheet(document)
    _contract(document)
    separator(new_sheet(document))
    _statement(document)
    return document


def stack_pdf() -> bytes:
    return pdf_bytes(stack())


def scanned_pdf(made: pymupdf.Document, pages: list[int], dpi: int = 150) -> bytes:
    """Pages (from 1) of a document as pictures only."""
    scan = new_document("scan")
    for number in pages:
        picture = scanned(grey(made, dpi, number - 1), skew=0.4, blur=0.4, noise=3, seed=number)
        page = scan.new_page(width=made[number - 1].rect.width, height=made[number - 1].rect.height)
        page.insert_image(page.rect, stream=encoded(picture, "JPEG", dpi))
    return bytes(scan.tobytes(deflate=True))


def separator(sheet: Sheet, text: str = "PATCHT") -> None:
    """A sheet that tells scanners where a document ends."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    out = io.BytesIO()
    Image.fromarray(np.asarray(code.to_image(scale=4))).save(out, "PNG")
    sheet.page.insert_image(pymupdf.Rect(150, 300, 450, 420), stream=out.getvalue())


def _invoice(document: pymupdf.Document) -> None:
    head = ("Gartenbau Lindemann OHG", "Am Wall 12, 28195 Bremen, Telefon 0421 334455")
    for number in (1, 2):
        sheet = new_sheet(document)
        for row, line in enumerate(head):
            sheet.text(60, 60 + 16 * row, line, 12 if not row else 9)
        if number == 1:
            sheet.text(60, 140, "Rechnung", 18, "hebo")
            for row, line in enumerate(("Rechnungsnummer: GL-2024-118", "Rechnungsdatum: 14.05.2024")):
                sheet.text(60, 180 + 18 * row, line)
        _lines(sheet, 250, [f"Position {n}: Hecke schneiden, {n} Stunden" for n in range(1, 16)])
        sheet.text(60, 800, f"Seite {number} von 2 - IBAN DE02 1203 0000 0000 2020 51", 8)
        if number == 2:
            sheet.text(60, 600, "Gesamtbetrag: 1.190,00 EUR", 11, "hebo")


def _receipt(document: pymupdf.Document) -> None:
    sheet = new_sheet(document, (226, 560))
    lines = (
        "CORNER BAKERY", "14 Mill Lane, Bath", "RECEIPT", "Rye bread 3.20", "Coffee 2.80", "TOTAL 6.00",
        "CASH 10.00", "CHANGE 4.00", "Cashier: Ann", "Thank you for your purchase",
    )  # fmt: skip
    _lines(sheet, 50, list(lines), x=24)


def _contract(document: pymupdf.Document) -> None:
    for number in (1, 2, 3):
        sheet = new_sheet(document)
        if number == 1:
            sheet.text(60, 90, "LEASE AGREEMENT", 16, "hebo")
            sheet.text(
                60, 130, "between Harbour Estates Ltd, hereinafter the landlord, and Ida Moss, the tenant"
            )
        for clause in range(4):
            top = 180 + 130 * clause
            sheet.text(60, top, f"Clause {(number - 1) * 4 + clause + 1}", 11, "hebo")
            _lines(sheet, top + 20, _broken(_CLAUSE))
        sheet.text(280, 805, f"- {number} -", 9)


def _statement(document: pymupdf.Document) -> None:
    sheet = new_sheet(document)
    sheet.text(60, 70, "Wesersparkasse Bremen", 14, "hebo")
    sheet.text(60, 120, "Kontoauszug", 16, "hebo")
    lines = ("Auszug Nr.: 7/2024", "Alter Kontostand: 310,00 EUR", "Buchungstag Wert Soll Haben")
    _lines(
        sheet,
        160,
        [*lines, "02.07. Miete 640,00", "28.07. Gehalt 2.100,00", "Neuer Kontostand: 1.770,00 EUR"],
    )


def _lines(sheet: Sheet, top: float, lines: list[str], x: float = 60) -> None:
    for row, line in enumerate(lines):
        sheet.text(x, top + 17 * row, line)


def _broken(text: str) -> list[str]:
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 84:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
