"""A Japanese page as an image, and an Arabic page whose text layer must not be trusted."""

from tests.samples.sheet import encoded, grey, new_document, new_sheet, pdf_bytes, scanned

JAPANESE_DPI = 200
JAPANESE = (
    "港の水質について",
    "昨年の調査では、四つの地点で毎月一回",
    "海水を採取しました。八月の酸素量は",
    "基準の五ミリグラムを上回りました。",
    "採取した瓶は冷蔵して運び、その日の",
    "午後に研究室で分析しました。",
    "連絡先：港湾局 環境課",
    "電話 03-5550-1234",
    "2024年3月14日",
)
ARABIC_TITLE = "تقرير جودة المياه"
ARABIC = (
    "تحسنت مياه الميناء للسنة الثالثة على التوالي.",
    "بقي الأكسجين فوق الحد المطلوب في كل المحطات.",
    "أخذت العينات مرة في كل شهر من قارب صغير.",
    "ننصح بفتح البوابات ساعة واحدة عند كل مد.",
)


def japanese_png() -> bytes:
    document = new_document("水質")
    sheet = new_sheet(document, (330.0, 320.0))
    for number, line in enumerate(JAPANESE):
        size = 18 if number == 0 else 13
        sheet.text(40, 50 + 30 * number, line, size, "cjk")
    image = scanned(grey(document, JAPANESE_DPI), skew=0.0, blur=0.3, noise=0, seed=3)
    return encoded(image, "PNG", JAPANESE_DPI)


def arabic_pdf() -> bytes:
    """The shaped glyphs map back to presentation forms in visual order, as most producers write them."""
    document = new_document("تقرير")
    sheet = new_sheet(document)
    lines = "".join(f"<p style='font-size:15pt;margin:0 0 8pt 0'>{line}</p>" for line in ARABIC)
    title = f"<p style='font-size:22pt;margin:0 0 16pt 0'><b>{ARABIC_TITLE}</b></p>"
    sheet.html((60, 70, 535, 400), f"<div dir='rtl' lang='ar'>{title}{lines}</div>")
    return pdf_bytes(document)
