"""Visual tokens a page against two fixed settings, the CPU reader's word accuracy at each as the yardstick.

`make bench-budget DATA=DIR`: receipts with known words (`sroie`) and PDFs whose text layer is the truth
(`invoices`, `facts/pdfs`, `tables`). A vision language model reads differently, but what no reader can make
out of an image no model can either: where accuracy falls, the image lacks pixels.
"""

import argparse
import contextlib
import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

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


@dataclass(frozen=True)
class Reading:
    """What an image of a page cost, and how much of the page could be read on it."""

    tokens: int
    f1: float


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
    seen = read_pixels(pixels, (), 1)
    return words_of(" ".join(line.text for line in seen.lines))


def fixed(case: Case, *, side: int | None) -> Reading:
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
    return reading(case, width * height // FACTOR**2, read(page.picture(width, height)))


def decided(case: Case, profile: BudgetProfile, x_height: float) -> Reading | None:
    """The page as Quire prepares it for a Qwen2-VL model."""
    spec = vlm_spec("vllm", "qwen2-vl", TRAITS[Family.QWEN2_VL], visual_tokens=MOST, x_height=x_height)
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
        return None
    parts = tiles(prepared.tiles) if prepared.tiles is not None else []
    if not parts:
        pixels = decode(prepared.image.data)
        seen = read_pixels(pixels, (), 1)
        words = words_of(" ".join(line.text for line in seen.lines))
        return reading(case, prepared.budget.visual_tokens, words)
    words = Counter()
    for part in parts:
        box = scaled(
            part.box,
            prepared.geometry.width / prepared.image.width,
            prepared.geometry.height / prepared.image.height,
        )
        words |= read(open_page(case.source, case.number).part(box, part.width, part.height))
    return reading(case, sum(tokens(part.width, part.height, spec.limits) for part in parts), words)


def tokens(width: int, height: int, limits: PixelLimits) -> int:
    return limits.tokens(width, height)


def reading(case: Case, visual_tokens: int, found: Counter[str]) -> Reading:
    return Reading(visual_tokens, round(f1([overlap(case.words, found)]), 4))


def run(data: Path, most: int, x_heights: Sequence[float], out: Path) -> None:
    """Each page's readings are kept beside ``out`` at once: a run that was stopped goes on where it was."""
    figures, kept = Figures(), out.with_suffix(".jsonl")
    readings = _kept(kept)
    totals: dict[tuple[str, str], list[Reading]] = {}
    cases = [*receipts(data, most), *documents(data, most)]
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("a", encoding="utf-8") as file:
        for case in cases:
            for setting in ("side_1288", "max_1280", *(f"quire_{x:g}" for x in x_heights)):
                key = Path(case.source.path).name, setting
                if key not in readings:
                    made = measured(case, setting)
                    readings[key] = made
                    file.write(json.dumps([*key, None if made is None else asdict(made)]) + "\n")
                    file.flush()
                if (one := readings[key]) is not None:
                    figures.remark("budget", f"{key[0]} {setting}: {one.tokens} tokens, word F1 {one.f1:.3f}")
                    for name in ("all", case.group):
                        totals.setdefault((name, setting), []).append(one)
    figures.add("budget.pages", len(cases))
    for (name, setting), found in sorted(totals.items()):
        figures.add(f"budget.{name}.{setting}.tokens_per_page", fmean(one.tokens for one in found))
        figures.add(f"budget.{name}.{setting}.word_f1_mean", fmean(one.f1 for one in found))
    for name in sorted({name for name, _ in totals}):
        for x in x_heights:
            ours = fmean(one.tokens for one in totals[name, f"quire_{x:g}"])
            for other in ("side_1288", "max_1280"):
                saved = 1 - ours / fmean(one.tokens for one in totals[name, other])
                figures.add(f"budget.{name}.saved_at_{x:g}_against_{other}", saved)
    figures.write(out, pages=len(cases))


def _kept(path: Path) -> dict[tuple[str, str], Reading | None]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {(name, setting): one and Reading(**one) for name, setting, one in map(json.loads, lines)}


def measured(case: Case, setting: str) -> Reading | None:
    """None: Quire sends no image of this page."""
    kind, _, number = setting.partition("_")
    if kind == "quire":
        return decided(case, BudgetProfile.BALANCED, float(number))
    return fixed(case, side=SIDE if kind == "side" else None)


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
