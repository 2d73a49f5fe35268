"""A page of prose with a text layer, and a scanned letterhead pasted at its foot as a picture."""

import numpy as np
import pymupdf
from PIL import Image

from schemas.geometry import Box
from tests.samples.sheet import encoded, grey, new_document, new_sheet, pdf_bytes, scanned

LETTERHEAD = (
    "Bluewater Trading Company Limited of Lindmouth",
    "Badweg 48, 8401 Gorredijk, telephone 020 7604101",
    "Bank account number 0198723202 at the harbour bank",
    "Registered in the trade register under 04080176",
)
PROSE = "The goods were delivered on time and in good order, and the sum is due in thirty days from today."
PICTURE: Box = (50.0, 600.0, 350.0, 700.0)


def pasted(text: bool = True) -> bytes:
    """A page of prose with a picture pasted at its foot: a scanned letterhead, or a plain tone."""
    scrap = new_document("scrap")
    sheet = new_sheet(scrap, (300, 100))
    for row, line in enumerate(LETTERHEAD):
        sheet.text(10, 24 + 22 * row, line, 10)
    picture = scanned(grey(scrap, 200), skew=0.0, blur=0.4, noise=4, seed=1)
    if not text:
        picture = Image.fromarray(np.full_like(np.asarray(picture), 120))
    document = new_document("letter")
    page = new_sheet(document)
    for row in range(12):
        page.text(50, 100 + 18 * row, f"{row}. {PROSE}", 10)
    page.page.insert_image(pymupdf.Rect(PICTURE), stream=encoded(picture, "PNG", 200))
    return pdf_bytes(document)
