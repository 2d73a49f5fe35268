"""The samples with what is printed on them, in the layout that the evaluation reads."""

import json
from typing import Any
from xml.sax.saxutils import escape

from tests.samples.broken import BROKEN
from tests.samples.invoice import FIELDS, invoice_pdf
from tests.samples.letter import LINES as LETTER_LINES
from tests.samples.letter import SENTENCES as LETTER_SENTENCES
from tests.samples.letter import rotated_scan_pdf
from tests.samples.receipt import KEY, receipt_boxes, receipt_jpeg
from tests.samples.report import BORDERLESS, HEADER, RULED, SENTENCES, TITLE, report_pdf
from tests.samples.scripts import ARABIC, ARABIC_TITLE, JAPANESE, arabic_pdf, japanese_png
from tests.samples.sheet import A4

_ENGLISH = (
    "All human beings are born free and equal in dignity and rights. They are endowed with reason and "
    "conscience and should act towards one another in a spirit of brotherhood."
)
# Rows of a table with the base line of its first row, and whether rules surround it (see report.py).
_TABLES = ((2, 102.0, RULED), (3, 102.0, BORDERLESS))
_EDGES = (60.0, 190.0, 300.0, 420.0, 535.0)


def _facts() -> list[dict[str, Any]]:
    def report(page: int, kind: str, **more: Any) -> dict[str, Any]:
        return {"pdf": "report.pdf", "page": page, "type": kind, **more}

    pages = (1, 1, 2, 2)
    tests = [report(p, "present", text=text) for p, text in zip(pages, SENTENCES, strict=True)]
    tests += [report(page, "absent", text=HEADER) for page in (1, 2, 3)]
    tests += [report(page, "absent", text=f"{page} / 3") for page in (1, 2, 3)]
    tests += [
        report(1, "order", before=TITLE, after="Four stations have been visited"),
        report(
            1, "order", before="the drain had been cleaned", after="lysts worked independently", max_diffs=4
        ),
        report(1, "order", before="Samples were drawn", after="measurement was repeated"),
        report(2, "order", before="The shells from Old Dock", after="From next year on a fixed probe"),
        report(
            2, "table", cell="5.9", left="3.2", up="6.4", top_heading="Oxygen mg/l", left_heading="Old Dock"
        ),
        report(3, "table", cell="61", right="2", down="48", top_heading="Samples", left_heading="July"),
    ]
    letter = {"pdf": "rotated_scan.pdf", "page": 1}
    tests += [{**letter, "type": "present", "text": text, "max_diffs": 1} for text in LETTER_SENTENCES]
    tests += [
        {**letter, "type": "order", "before": LETTER_LINES[0], "after": LETTER_LINES[-1], "max_diffs": 1}
    ]
    return [{"id": f"sample_{number:02}", **test} for number, test in enumerate(tests)]


def _cells(rows: tuple[tuple[str, ...], ...]) -> str:
    return "".join(
        f'<cell id="1" start-row="{r}" start-col="{c}"><content>{escape(text)}</content></cell>'
        for r, row in enumerate(rows)
        for c, text in enumerate(row)
    )


def _structure() -> str:
    regions = "".join(
        f'<table id="{n}"><region id="1" page="{page}">{_cells(rows)}</region></table>'
        for n, (page, _, rows) in enumerate(_TABLES, start=1)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><document filename="report">{regions}</document>'


def _regions() -> str:
    boxes = "".join(
        f'<table id="{n}"><region id="1" page="{page}"><bounding-box x1="{_EDGES[0]}" x2="{_EDGES[-1]}" '
        f'y1="{A4[1] - top - 18 * (len(rows) - 1) - 5}" y2="{A4[1] - top + 13}"/></region></table>'
        for n, (page, top, rows) in enumerate(_TABLES, start=1)
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><document filename="report">{boxes}</document>'


def _box_line(box: tuple[int, int, int, int], text: str) -> str:
    x0, y0, x1, y1 = box
    return f"{x0},{y0},{x1},{y0},{x1},{y1},{x0},{y1},{text}"


def evaluation_files() -> dict[str, bytes]:
    """Content of each file by its path."""
    texts = {
        "facts/tests.jsonl": "\n".join(json.dumps(fact, ensure_ascii=False) for fact in _facts()),
        "sroie/key/receipt.json": json.dumps(KEY),
        "sroie/box/receipt.csv": "\n".join(_box_line(box, text) for box, text in receipt_boxes()),
        "invoices/invoice_de.json": json.dumps([FIELDS], ensure_ascii=False),
        "tables/report-str.xml": _structure(),
        "tables/report-reg.xml": _regions(),
        "languages/UDHR_first_article_all.txt": f"English\n{_ENGLISH}\n",
        "pages/japanese.ja.txt": "\n".join(JAPANESE),
        "pages/arabic.ar.txt": "\n".join((ARABIC_TITLE, *ARABIC)),
    }
    report = report_pdf()
    binaries = {
        "facts/pdfs/report.pdf": report,
        "facts/pdfs/rotated_scan.pdf": rotated_scan_pdf(),
        "sroie/img/receipt.jpg": receipt_jpeg(),
        "invoices/invoice_de.pdf": invoice_pdf(),
        "tables/report.pdf": report,
        "pages/japanese.ja.png": japanese_png(),
        "pages/arabic.ar.pdf": arabic_pdf(),
        **{f"robustness/{name}": make() for name, make in BROKEN.items()},
    }
    return {name: text.encode() for name, text in texts.items()} | binaries
