"""Splitting measured on generated stacks: boundaries found and true, classes right.

``python -m tests.bench.split [--stacks N]``. Stacks are made by chance: senders, numbering, letterheads,
separators; pages have text layers. Titles are what such papers are called, so the rules know them; the same
stacks are therefore measured without titles, too.
"""

import argparse
import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pipeline.orders import PageOrder, SourceFile
from pipeline.recipe import prepare_page
from pipeline.select import select_pages
from pipeline.splitting.splitter import Splitter
from schemas.engine import PixelLimits
from schemas.request import BudgetRequest, Task
from tests.samples.sheet import Sheet, new_document, new_sheet, pdf_bytes
from tests.samples.stack import separator

_TITLES = {
    "en": "Tax Invoice,Receipt,Purchase Order,Account Statement,Driving Licence,Loan Agreement,Quotation",
    "de": "Abschlagsrechnung,Quittung,Bestellung,Kontoauszug,Führerschein,Werkvertrag,Angebot",
    "fr": "Facture,Ticket de caisse,Bon de commande,Relevé de compte,Permis de conduire,Bail,Devis",
    "es": "Factura,Recibo,Pedido,Extracto bancario,Permiso de conducir,Contrato de obra,Presupuesto",
    "it": "Fattura,Ricevuta,Ordine,Estratto conto,Patente di guida,Contratto di vendita,Preventivo",
    "nl": "Factuur,Kassabon,Inkooporder,Rekeningafschrift,Rijbewijs,Huurovereenkomst,Offerte",
}
_CLASSES = ("invoice", "receipt", "purchase_order", "bank_statement", "id_document", "contract", "other")
_NUMBERS = {
    "en": "Document no",
    "de": "Belegnummer",
    "fr": "Référence",
    "es": "Documento",
    "it": "Documento",
    "nl": "Kenmerk",
}
_PAGE = {
    "en": "Page {} of {}",
    "de": "Seite {} von {}",
    "fr": "Page {} sur {}",
    "es": "Página {} de {}",
    "it": "Pagina {} di {}",
    "nl": "Pagina {} van {}",
}
_BODY = {
    "en": "the work was done as agreed and all goods arrived in good order at the place named above",
    "de": "die Arbeiten wurden wie besprochen ausgeführt und alle Waren kamen unversehrt am genannten Ort an",
    "fr": "les travaux ont été exécutés comme convenu et les marchandises sont arrivées au lieu indiqué",
    "es": "los trabajos se hicieron según lo convenido y la mercancía llegó en buen estado al lugar indicado",
    "it": "i lavori sono stati eseguiti come concordato e la merce è arrivata integra nel luogo indicato",
    "nl": "het werk is zoals afgesproken uitgevoerd en alle goederen kwamen heel aan op de genoemde plaats",
}
_LIMITS = PixelLimits(factor=28, min_pixels=3136, max_pixels=1_003_520)


@dataclass(frozen=True, slots=True)
class Paper:
    """One document of a stack."""

    language: str
    kind: int
    pages: int
    sender: str
    number: str
    counted: bool
    headed: bool

    def write(self, sheet: Sheet, page: int, rng: random.Random, *, titled: bool) -> None:
        if page == 1 or self.headed:
            sheet.text(60, 55, self.sender, 12, "hebo")
            sheet.text(
                60, 72, f"{self.sender.split()[0]} {rng.randint(1, 99)}, {rng.randint(10000, 99999)}", 9
            )
        if page == 1:
            if titled:
                sheet.text(60, 130, _TITLES[self.language].split(",")[self.kind], 16, "hebo")
            sheet.text(60, 160, f"{_NUMBERS[self.language]}: {self.number}")
        words = _BODY[self.language].split()
        for row in range(12):
            sheet.text(60, 220 + 20 * row, " ".join(rng.sample(words, 9)).capitalize() + ".")
        if self.counted:
            sheet.text(60, 805, _PAGE[self.language].format(page, self.pages), 8)


def paper(rng: random.Random) -> Paper:
    name = "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(4)).capitalize()
    other = "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(3)).capitalize()
    kind = rng.randrange(len(_CLASSES))
    single = _CLASSES[kind] in ("receipt", "id_document")
    return Paper(
        rng.choice(list(_TITLES)),
        kind,
        1 if single else rng.choice((1, 1, 2, 3, 4)),
        f"{name} {other} {rng.choice(('Ltd', 'GmbH', 'SA', 'BV'))}",
        f"{rng.choice('ABCX')}{rng.randint(1000, 99999)}",
        counted=rng.random() < 0.5,
        headed=rng.random() < 0.4,
    )


def measure(seed: int, folder: Path, *, titled: bool) -> Counter[str]:
    rng, document = random.Random(seed), new_document("stack")
    papers, truth, at = [paper(rng) for _ in range(rng.randint(2, 6))], {}, 0
    between = rng.choice(("none", "none", "blank", "barcode"))
    for index, one in enumerate(papers):
        if index and between != "none":
            sheet, at = new_sheet(document), at + 1
            if between == "barcode":
                separator(sheet)
                sheet.text(60, 60, "separator")
        truth[at + 1] = _CLASSES[one.kind]
        for page in range(1, one.pages + 1):
            one.write(new_sheet(document), page, rng, titled=titled)
            at += 1
    path = folder / "stack.pdf"
    path.write_bytes(pdf_bytes(document))
    splitter = Splitter()
    for number in range(1, at + 1):
        order = PageOrder(number, _LIMITS, 8.0, BudgetRequest(), frozenset({Task.TEXT}))
        content = prepare_page(SourceFile(str(path), "application/pdf"), order).content
        if content is None:  # a picture only: as an engine that finds no words would leave it
            continue
        splitter.add(number, content.page.state, content)
    found = {select_pages(part.pages, at)[0]: part for part in splitter.split()[0].parts}
    tally = Counter({f"separated_by_{between}": 1})
    shared = (truth.keys() & found.keys()) - {1}
    tally["begun"], tally["found"], tally["true"] = len(truth) - 1, len(found) - 1, len(shared)
    for first in truth.keys() & found.keys():
        tally["classed"] += 1
        tally["right"] += found[first].class_ == truth[first]
    return tally


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stacks", type=int, default=100)
    stacks = options.parse_args().stacks
    print("split_stacks", stacks)
    with tempfile.TemporaryDirectory() as folder:
        for name, titled in (("split", True), ("split_untitled", False)):
            tally: Counter[str] = Counter()
            for seed in range(stacks):
                tally += measure(9000 + seed, Path(folder), titled=titled)
            print(f"{name}_boundaries", tally["begun"])
            print(f"{name}_boundary_precision", round(tally["true"] / max(1, tally["found"]), 3))
            print(f"{name}_boundary_recall", round(tally["true"] / max(1, tally["begun"]), 3))
            if titled:
                print(f"{name}_class_accuracy", round(tally["right"] / max(1, tally["classed"]), 3))


if __name__ == "__main__":
    main()
