"""A bank statement, an identity document, a contract: one page each, for the schemas of their names."""

from collections.abc import Sequence
from typing import Any

from tests.samples.sheet import Sheet, new_document, new_sheet, pdf_bytes

STATEMENT: dict[str, Any] = {
    "statement_number": "3/2024",
    "date": "2024-03-31",
    "account_holder": "Jördis Petersen",
    "iban": "DE02 1203 0000 0000 2020 51",
    "opening_balance": 1204.5,
    "closing_balance": 2893.6,
    "transactions": [
        {"date": "2024-03-01", "description": "Gehalt Nordlicht Werkzeuge", "credit": 2450.0, "debit": None},
        {"date": "2024-03-04", "description": "Miete Mühlenweg 3", "credit": None, "debit": 680.0},
        {"date": "2024-03-15", "description": "Stadtwerke Kiel", "credit": None, "debit": 80.9},
    ],
}
IDENTITY: dict[str, Any] = {
    "document_number": "X4RTBPFW4",
    "surname": "MARTIN",
    "given_names": "Zoé Claire",
    "date_of_birth": "1990-07-13",
    "place_of_birth": "Lille",
    "nationality": "FRA",
    "issue_date": "2021-02-11",
    "expiry_date": "2031-02-10",
}
CONTRACT: dict[str, Any] = {
    "contract_number": "SRV-2024-017",
    "party_a": "Talleres Aurora S.L.",
    "party_b": "Bodegas Ribera Alta S.A.",
    "effective_date": "2024-05-01",
    "end_date": "2025-04-30",
    "notice_period": "30 días",
    "value": 18400.0,
    "currency": "EUR",
    "governing_law": "Ley española",
}


def _facts(
    sheet: Sheet, facts: Sequence[tuple[str, str]], top: float, *, value_at: float = 220, lead: float = 20
) -> None:
    for number, (label, value) in enumerate(facts):
        sheet.text(60, top + lead * number, label)
        sheet.text(value_at, top + lead * number, value)


def statement_pdf() -> bytes:
    """German: balances with labels, bookings in a table with a column each for debit and credit."""
    document = new_document("Kontoauszug")
    sheet = new_sheet(document)
    sheet.text(60, 70, "Förde Sparbank eG", 16, "hebo")
    sheet.text(60, 110, "Kontoauszug", 14, "hebo")
    facts = (
        ("Auszug Nr.:", "3/2024"),
        ("Auszugsdatum:", "31.03.2024"),
        ("Kontoinhaber:", "Jördis Petersen"),
        ("IBAN:", "DE02 1203 0000 0000 2020 51"),
        ("Alter Kontostand:", "1.204,50 EUR"),
    )
    _facts(sheet, facts, 140)
    edges = ((60, False), (140, False), (420, True), (530, True))

    def cells(*texts: str) -> list[tuple[float, str, bool]]:
        return [(x, text, right) for (x, right), text in zip(edges, texts, strict=True)]

    sheet.rule(58, 262, 537, 262)
    sheet.row(278, cells("Buchungstag", "Verwendungszweck", "Soll", "Haben"), face="hebo")
    sheet.rule(58, 284, 537, 284)
    sheet.row(302, cells("01.03.2024", "Gehalt Nordlicht Werkzeuge", "", "2.450,00"))
    sheet.row(320, cells("04.03.2024", "Miete Mühlenweg 3", "680,00", ""))
    sheet.row(338, cells("15.03.2024", "Stadtwerke Kiel", "80,90", ""))
    sheet.rule(58, 350, 537, 350)
    _facts(sheet, (("Neuer Kontostand:", "2.893,60 EUR"),), 400)
    return pdf_bytes(document)


def identity_pdf() -> bytes:
    """French and English labels above each other's values, as on a card."""
    document = new_document("Carte")
    sheet = new_sheet(document, (340, 420))
    sheet.text(30, 40, "CARTE D'IDENTITÉ / IDENTITY CARD", 12, "hebo")
    facts = (
        ("Document no.:", "X4RTBPFW4"),
        ("Nom:", "MARTIN"),
        ("Prénoms:", "Zoé Claire"),
        ("Date de naissance:", "13.07.1990"),
        ("Lieu de naissance:", "Lille"),
        ("Nationalité:", "FRA"),
        ("Date de délivrance:", "11.02.2021"),
        ("Date d'expiration:", "10.02.2031"),
    )
    for number, (label, value) in enumerate(facts):
        sheet.text(30, 80 + 26 * number, label)
        sheet.text(160, 80 + 26 * number, value)
    return pdf_bytes(document)


def contract_pdf() -> bytes:
    """Spanish: a cover sheet of facts before the clauses."""
    document = new_document("Contrato")
    sheet = new_sheet(document)
    sheet.text(60, 70, "CONTRATO DE SERVICIOS", 16, "hebo")
    facts = (
        ("Contrato n.º:", "SRV-2024-017"),
        ("Proveedor:", "Talleres Aurora S.L."),
        ("Cliente:", "Bodegas Ribera Alta S.A."),
        ("Fecha de inicio:", "1 de mayo de 2024"),
        ("Fecha de finalización:", "30 de abril de 2025"),
        ("Plazo de preaviso:", "30 días"),
        ("Importe del contrato:", "18.400,00 €"),
        ("Ley aplicable:", "Ley española"),
    )
    _facts(sheet, facts, 110)
    clauses = (
        "1. El proveedor revisará las máquinas de embotellado dos veces al año.",
        "2. El cliente facilitará el acceso a sus instalaciones en horario laboral.",
        "3. Las modificaciones de este contrato se harán por escrito.",
    )
    for number, line in enumerate(clauses):
        sheet.text(60, 330 + 22 * number, line)
    return pdf_bytes(document)
