"""The samples say what their true values claim, and come out the same every time."""

import json
from decimal import Decimal
from pathlib import Path

import pymupdf
import pytest

from tests.bench.facts_score import passes
from tests.bench.field_score import leaves
from tests.bench.table_score import compare, true_grids, true_regions
from tests.bench.text_score import f1
from tests.samples.layout import evaluation_files
from tests.samples.make import SAMPLES, make_evaluation, make_samples
from tests.samples.order import TRUE
from tests.samples.receipt import receipt_boxes, receipt_jpeg
from tests.samples.report import HEADER, SENTENCES, body
from tests.samples.sheet import SOFT_HYPHEN, break_lines, font

FRAME = {HEADER, "Annual Report", "1 / 3", "2 / 3", "3 / 3"}


def test_samples_come_out_the_same_every_time_and_stay_small(tmp_path: Path) -> None:
    paths = make_samples(tmp_path / "a")
    again = make_samples(tmp_path / "b")
    assert [p.name for p in paths] == list(SAMPLES)
    for one, other in zip(paths, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.stat().st_size < 500_000


def test_the_evaluation_layout_is_complete(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path)
    assert {p.name for p in folder.iterdir()} == {
        "facts", "sroie", "invoices", "tables", "languages", "pages", "robustness",
    }  # fmt: skip
    for line in (folder / "facts/tests.jsonl").read_text().splitlines():
        fact = json.loads(line)
        assert (folder / "facts/pdfs" / fact["pdf"]).is_file()
        assert passes(fact, "") is (fact["type"] == "absent")


def test_the_report_prints_its_tables_where_the_truth_says(tmp_path: Path) -> None:
    folder = make_evaluation(tmp_path) / "tables"
    grids = true_grids(folder / "report-str.xml")
    assert f1([compare(grids, grids)]) == 1
    with pymupdf.open(folder / "report.pdf") as report:
        for (page, grid), region in zip(grids, true_regions(folder / "report-reg.xml"), strict=True):
            place = pymupdf.Rect(region.from_top(report[page - 1].rect.height))
            printed = report[page - 1].get_text(clip=place).split()
            assert printed == " ".join(cell.text for cell in grid.cells).split()


def test_the_report_breaks_words_at_line_ends() -> None:
    text = " ".join(body()).replace(SOFT_HYPHEN, "")
    assert all(sentence in text for sentence in SENTENCES)
    with pymupdf.open(stream=evaluation_files()["facts/pdfs/report.pdf"]) as report:
        lines = [line for page in report for line in page.get_text().splitlines()]
    assert sum(line.endswith("-") for line in lines) >= 5


def test_the_facts_about_the_report_are_true() -> None:
    """Asked of the page as printed: without its frame, words joined over line ends."""
    files = evaluation_files()
    with pymupdf.open(stream=files["facts/pdfs/report.pdf"]) as report:
        pages = [page.get_text().splitlines() for page in report]
    texts = ["\n".join(line for line in page if line not in FRAME).replace("-\n", "") for page in pages]
    for line in files["facts/tests.jsonl"].decode().splitlines():
        fact = json.loads(line)
        if fact["pdf"] == "report.pdf" and fact["type"] != "table":
            assert passes(fact, texts[fact["page"] - 1]), fact


@pytest.mark.parametrize("width", [60, 120, 300])
def test_broken_lines_fit_and_lose_nothing(width: int) -> None:
    text = "An un~in~ter~rup~ted se~ries of mea~sure~ments".replace("~", SOFT_HYPHEN)
    lines = break_lines(text, width, 10, font("tiro"))
    joined = " ".join(lines).replace("- ", "").split()
    assert joined == text.replace(SOFT_HYPHEN, "").split()
    longest = max(font("tiro").text_length(line, fontsize=10) for line in lines)
    assert longest <= max(width, font("tiro").text_length("measurements", fontsize=10))


def test_the_sums_of_the_order_are_right() -> None:
    net, tax, gross = (Decimal(TRUE["payable"][name]) for name in ("net", "tax", "gross"))
    assert sum(Decimal(line["unit_cost"]) * line["units"] for line in TRUE["positions"]) == net
    assert net + tax == gross
    assert len(list(leaves(TRUE))) == 47


def test_the_receipt_boxes_lie_on_ink() -> None:
    pixmap = pymupdf.Pixmap(receipt_jpeg())
    for (x0, y0, x1, y1), text in receipt_boxes():
        rows = range(y0, y1)
        inside = sum(pixmap.pixel(x, y)[0] < 128 for y in rows for x in range(x0, x1))
        above = sum(pixmap.pixel(x, y0 - 6)[0] < 128 for x in range(x0, x1))
        assert inside > 20 * len(text), text
        assert above == 0, text
