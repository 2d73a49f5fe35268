"""A letter scanned the wrong way round: an image-only PDF whose page lies on its side."""

from PIL import Image

from tests.samples.sheet import encoded, grey, new_document, new_sheet, pdf_bytes, scanned

DPI = 150
LINES = (
    "Harbour School of Lindmouth",
    "12 Quay Road, Lindmouth",
    "",
    "6 May 2024",
    "",
    "Dear Mrs Petersen,",
    "",
    "thank you for the visit to the laboratory last Tuesday.",
    "The pupils still talk about the microscope and about",
    "the mussels that they counted on the cold morning.",
    "",
    "We would like to come again in October with two more",
    "classes, about forty children in all. Would the second",
    "week of the month suit you and your colleagues?",
    "",
    "With kind regards",
    "Thomas Whitfield",
)
SENTENCES = (
    "thank you for the visit to the laboratory last Tuesday.",
    "Would the second week of the month suit you and your colleagues?",
)


def rotated_scan_pdf() -> bytes:
    """The sheet lay turned a quarter to the left in the scanner."""
    letter = new_document("Letter")
    sheet = new_sheet(letter, (420.0, 595.0))
    for number, line in enumerate(LINES):
        if line:
            sheet.text(
                45, 70 + 24 * number, line, 15 if number == 0 else 12, "tibo" if number == 0 else "tiro"
            )
    image = scanned(grey(letter, DPI), skew=0.3, blur=0.4, noise=6, seed=5)
    turned = image.transpose(Image.Transpose.ROTATE_90)
    document = new_document("Scan")
    page = new_sheet(document, (595.0, 420.0)).page
    page.insert_image(page.rect, stream=encoded(turned, "JPEG", DPI, quality=70))
    return pdf_bytes(document)
