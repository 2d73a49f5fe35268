"""Visual tokens a page against two fixed settings, the CPU reader's word accuracy at each as the yardstick.

`make bench-budget DATA=DIR`: receipts with known words (`sroie`) and PDFs whose text layer is the truth
(`invoices`, `facts/pdfs`, `tables`). A vision language model reads differently, but what no reader can make
out of an image no model can either: where accuracy falls, the image lacks pixels.
"""

import argparse
import contextlib
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from model_runtime.cpu_ocr.arrays import decode
from model_runtime.cpu_ocr.page import read_pixels
from model_runtime.families import TRAITS, Family
from model_runtime.spec import vlm_spec
from pipeline import recipe, sniff
from pipeline.budget import smart_resize
from pipeline.orders import PageOrder, SourceFile
from pipeline.raster import open_page
from pipeline.raster_pdf import PdfPage
from pipeline.text_layer import read as read_layer
from pipeline.tiling import tiles
from schemas.engine import PixelLimits
from schemas.errors import QuireError
from schemas.geometry import scaled
from schemas.page import Unit
from schemas.request import BudgetProfile, BudgetRequest, Task
from tests.bench.figures import Figures
from tests.bench.text_score import f1, overlap, words_of

FACTOR = 28
SIDE = 1288
MOST = 1280
SCAN_DPI = 200
"""What a PDF page is drawn at where only a maximum is set: a common default of clients."""


@dataclass(frozen=True)
class Case:
    group: str
    source: SourceFile
    number: int
    words: Counter[str]


@dataclass
class Tally:
    tokens: int = 0
    pages: int = 0
    counts: list[tuple[int, int, int]] = field(default_factory=list)


def receipts(folder: Path, most: int) -> Iterator[Case]:
    for image in sorted((folder / "sroie" / "img").glob("*"))[:most]:
        truth = folder / "sroie" / "box" / f"{image.stem}.csv"
        if truth.exists():
            lines = truth.read_text(encoding="utf-8", errors="replace").splitlines()
            rows = csv.reader(lines, quoting=csv.QUOTE_NONE)
            text = " ".join(",".join(row[8:]) for row in rows)
            yield Case("receipts", SourceFile(str(image), sniff.JPEG), 1, words_of(text))


def documents(folder: Path, most: int) -> Iterator[Case]:
    """First pages of PDFs with a text layer to be trusted."""
    for name, group in (("invoices", "invoices"), ("facts/pdfs", "articles"), ("tables", "tables")):
        for path in sorted((folder / name).glob("*.pdf"))[:most]:
            source = SourceFile(str(path), sniff.PDF)
            with contextlib.suppress(QuireError):
                page = open_page(source, 1)
                layer = read_layer(page.page) if isinstance(page, PdfPage) else None
                if layer is not None and layer.trusted:
                    text = " ".join(line.text for line in layer.reading.lines)
                    yield Case(group, source, 1, words_of(text))


def read(picture: Image.Image) -> Counter[str]:
    pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])
    reading = read_pixels(pixels, (), 1)
    return words_of(" ".join(line.text for line in reading.lines))


def fixed(case: Case, tally: Tally, *, side: int | None) -> None:
    """A page at a fixed longer side, or as scanned (drawn at 200 dpi) up to a maximum of tokens."""
    page = open_page(case.source, case.number)
    shape = page.geometry
    if side is not None:
        scale = side / max(shape.width, shape.height)
    else:
        scale = SCAN_DPI / 72 if shape.unit is Unit.POINT else 1.0
    most = (MOST if side is None else 16_384) * FACTOR * FACTOR
    height, width = smart_resize(
        round(shape.height * scale), round(shape.width * scale), FACTOR, 4 * FACTOR * FACTOR, most
    )
    count(case, tally, width * height // FACTOR**2, read(page.picture(width, height)))


def decided(case: Case, tally: Tally, profile: BudgetProfile, x_height: float) -> None:
    """The page as Quire prepares it for a Qwen2-VL model."""
    spec = vlm_spec(
        "vllm", "qwen2-vl", TRAITS[Family.QWEN2_VL], visual_tokens=MOST, max_in_flight=1, calibration=None,
        plain=False, x_height=x_height,
    )  # fmt: skip
    order = PageOrder(
        case.number,
        spec.limits,
        spec.pixels_per_x_height,
        BudgetRequest(profile=profile),
        frozenset({Task.TEXT}),
        image_always=True,
    )
    prepared = recipe.prepare_page(case.source, order)
    if prepared.image is None or prepared.budget is None:
        return
    parts = tiles(prepared.tiles) if prepared.tiles is not None else []
    if not parts:
        pixels = decode(prepared.image.data)
        reading = read_pixels(pixels, (), 1)
        words = words_of(" ".join(line.text for line in reading.lines))
        count(case, tally, prepared.budget.visual_tokens, words)
        return
    words = Counter()
    for part in parts:
        box = scaled(
            part.box,
            prepared.geometry.width / prepared.image.width,
            prepared.geometry.height / prepared.image.height,
        )
        words |= read(open_page(case.source, case.number).part(box, part.width, part.height))
    count(case, tally, sum(tokens(part.width, part.height, spec.limits) for part in parts), words)


def tokens(width: int, height: int, limits: PixelLimits) -> int:
    return limits.tokens(width, height)


def count(case: Case, tally: Tally, visual_tokens: int, found: Counter[str]) -> None:
    tally.tokens += visual_tokens
    tally.pages += 1
    tally.counts.append(overlap(case.words, found))


def run(data: Path, most: int, x_heights: Sequence[float], out: Path) -> None:
    figures = Figures()
    cases = [*receipts(data, most), *documents(data, most)]
    tallies: dict[tuple[str, str], Tally] = {}
    for case in cases:
        for setting, one in measured(case, x_heights).items():
            for name in ("all", case.group):
                tally = tallies.setdefault((name, setting), Tally())
                tally.tokens += one.tokens
                tally.pages += one.pages
                tally.counts += one.counts
            what = f"{one.tokens} tokens, word F1 {f1(one.counts):.3f}"
            figures.remark("budget", f"{Path(case.source.path).name} {setting}: {what}")
    for (name, setting), tally in sorted(tallies.items()):
        figures.add(f"budget.{name}.{setting}.tokens_per_page", tally.tokens / max(1, tally.pages))
        figures.add(f"budget.{name}.{setting}.word_f1", f1(tally.counts))
    for x in x_heights:
        ours = tallies["all", f"quire_{x:g}"]
        for other in ("side_1288", "max_1280"):
            saved = 1 - ours.tokens / max(1, tallies["all", other].tokens)
            figures.add(f"budget.saved_at_{x:g}_against_{other}", saved)
    figures.write(out, pages=len(cases))


def measured(case: Case, x_heights: Sequence[float]) -> dict[str, Tally]:
    made = {"side_1288": Tally(), "max_1280": Tally()} | {f"quire_{x:g}": Tally() for x in x_heights}
    fixed(case, made["side_1288"], side=SIDE)
    fixed(case, made["max_1280"], side=None)
    for x in x_heights:
        decided(case, made[f"quire_{x:g}"], BudgetProfile.BALANCED, x)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--most", type=int, default=8, help="documents of each kind")
    parser.add_argument("--x-heights", default="7", help="pixels of a lower-case x to try, with commas")
    parser.add_argument("--out", type=Path, default=Path("out/budget.json"))
    given = parser.parse_args()
    run(given.data, given.most, [float(x) for x in given.x_heights.split(",")], given.out)


if __name__ == "__main__":
    main()
