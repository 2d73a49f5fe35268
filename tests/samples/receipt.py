"""A till receipt as a noisy, slightly turned scan."""

from tests.samples.sheet import encoded, grey, new_document, new_sheet, scanned

WIDTH, HEIGHT, DPI = 227.0, 430.0, 200  # 80 mm paper
LINES = (
    ("CORNER LANE BAKERY LTD", "", 11, True),
    ("14 Mill Street, Whitby YO21 3AB", "", 8, False),
    ("VAT No. GB 123 4567 89", "", 8, False),
    ("", "", 8, False),
    ("Receipt No: 004417", "", 9, False),
    ("Date: 17/05/2024  09:42", "", 9, False),
    ("", "", 8, False),
    ("2 x Sourdough loaf", "7.60", 9, False),
    ("1 x Cinnamon bun", "2.45", 9, False),
    ("3 x Flat white", "9.30", 9, False),
    ("1 x Marmalade 340 g", "4.15", 9, False),
    ("", "", 8, False),
    ("Subtotal", "23.50", 9, False),
    ("VAT 20%", "1.86", 9, False),
    ("TOTAL GBP", "25.36", 13, True),
    ("Card", "25.36", 9, False),
    ("", "", 8, False),
    ("Thank you, see you soon!", "", 9, False),
)
KEY = {
    "company": "CORNER LANE BAKERY LTD",
    "date": "17/05/2024",
    "address": "14 Mill Street, Whitby YO21 3AB",
    "total": "25.36",
}


def _place(number: int) -> float:
    return 40 + 20.5 * number


def receipt_jpeg() -> bytes:
    document = new_document("Receipt")
    sheet = new_sheet(document, (WIDTH, HEIGHT))
    for number, (left, right, size, bold) in enumerate(LINES):
        face = "hebo" if bold else "helv"
        if left:
            sheet.text(18, _place(number), left, size, face)
        if right:
            sheet.text(WIDTH - 18, _place(number), right, size, face, right=True)
    image = scanned(grey(document, DPI), skew=0.8, blur=0.7, noise=16, seed=17)
    return encoded(image, "JPEG", DPI, quality=75)


def receipt_boxes() -> list[tuple[tuple[int, int, int, int], str]]:
    """The printed lines as upright boxes in pixels of the image, turned with the scan."""
    import math

    from tests.samples.sheet import font

    scale, turn = DPI / 72, math.radians(0.8)
    centre_x, centre_y = WIDTH / 2, HEIGHT / 2
    boxes = []
    for number, (left, right, size, bold) in enumerate(LINES):
        for text, at_right in ((left, False), (right, True)):
            if not text:
                continue
            width = font("hebo" if bold else "helv").text_length(text, fontsize=size)
            x0 = WIDTH - 18 - width if at_right else 18.0
            x1, y0, y1 = x0 + width, _place(number) - 0.8 * size, _place(number) + 0.22 * size
            corners = [
                (
                    centre_x + (x - centre_x) * math.cos(turn) + (y - centre_y) * math.sin(turn),
                    centre_y - (x - centre_x) * math.sin(turn) + (y - centre_y) * math.cos(turn),
                )
                for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
            ]
            xs, ys = [c[0] * scale for c in corners], [c[1] * scale for c in corners]
            boxes.append(((round(min(xs)), round(min(ys)), round(max(xs)), round(max(ys))), text))
    return boxes
