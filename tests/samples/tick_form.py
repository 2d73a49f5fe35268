"""Forms with check boxes, as they come off a scanner: turned a little, noisy, compressed."""

import io
import random
from dataclasses import dataclass

import numpy as np
import pymupdf
from PIL import Image

from tests.samples.sheet import grey, new_document, new_sheet, scanned

LABELS = (
    "I agree to the terms", "Send me news", "Paid in full", "Delivered on time", "Urgent request",
    "Copy to the file", "Single room", "Married couple", "Nein danke", "Ja bitte", "Rechnung per Post",
    "Kopie an den Kunden",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TickForm:
    """A page of a form; ``truth``: whether the box beside each label is ticked."""

    page: pymupdf.Document
    truth: dict[str, bool]

    def scan(self, seed: int, dpi: int = 150, skew: float | None = None) -> Image.Image:
        rng = random.Random(seed)
        turn = rng.uniform(-2, 2) if skew is None else skew
        made = scanned(grey(self.page, dpi), skew=turn, blur=rng.uniform(0.3, 0.8), noise=5, seed=seed)
        out = io.BytesIO()
        made.save(out, "JPEG", quality=rng.randint(60, 90))
        return Image.open(out)


def tick_form(seed: int) -> TickForm:
    """Twelve boxes in two columns beside prose, a ruled table, a comb for letters and words with O and D."""
    rng = random.Random(seed)
    document = new_document("form")
    sheet = new_sheet(document)
    sheet.text(60, 70, "ORDER FORM OF DODO GMBH", 14, "hebo")
    sheet.text(60, 100, "Please tick what applies. ODD OLD DOGS DO BOUND OVER ROADS.")
    side, truth = rng.uniform(8.5, 13), {}
    for at, label in enumerate(LABELS):
        x, y = 60 + 250 * (at % 2), 140 + 34 * (at // 2)
        box = pymupdf.Rect(x, y, x + side, y + side)
        sheet.page.draw_rect(box, width=rng.uniform(0.7, 1.3))
        sheet.text(x + side + 7, y + side - 1.5, label, 10)
        truth[label] = _tick(sheet.page, box, rng)
    _table(sheet.page, 390)
    for cell in range(10):
        sheet.page.draw_rect(pymupdf.Rect(60 + 14 * cell, 560, 74 + 14 * cell, 574), width=0.7)
    for row in range(8):
        sheet.text(
            60, 620 + 18 * row, "Wir liefern DHL und DPD, OO Bad Ordnung: 00 D 80 O0 DO, Q4 B8 zum Preis."
        )
    return TickForm(document, truth)


def _tick(page: pymupdf.Page, box: pymupdf.Rect, rng: random.Random) -> bool:
    how = rng.choice(("", "", "cross", "hook", "letter"))
    side = box.width
    x0, y0, x1, y1 = box
    if how == "cross":
        inset = rng.uniform(-0.1, 0.2) * side
        page.draw_line((x0 + inset, y0 + inset), (x1 - inset, y1 - inset), width=1.2)
        page.draw_line((x1 - inset, y0 + inset), (x0 + inset, y1 - inset), width=1.2)
    elif how == "hook":
        over = rng.uniform(0, 0.35) * side
        points = [
            (x0 + 0.2 * side, y0 + 0.5 * side),
            (x0 + 0.45 * side, y0 + 0.8 * side),
            (x1 + over, y0 - over),
        ]
        page.draw_polyline(points, width=1.4)
    elif how == "letter":
        page.insert_text((x0 + 0.2 * side, y1 - 0.15 * side), "x", fontsize=side)
    return bool(how)


def _table(page: pymupdf.Page, top: float) -> None:
    for row in range(6):
        page.draw_line((60, top + 24 * row), (500, top + 24 * row), width=0.7)
    for column in range(0, 441, 40):
        page.draw_line((60 + column, top), (60 + column, top + 120), width=0.7)
    for row in range(5):
        page.insert_text((66, top + 16 + 24 * row), "OD", fontsize=9)


def pixels(image: Image.Image) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.asarray(image.convert("L"))
