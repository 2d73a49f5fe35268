"""Fits the probabilities of a model's values, and measures them on issuers the fit has not seen.

`make calibrate DATA=DIR ENGINE=URL`: reads the receipts and invoices of DIR (see docs/evaluation.md) with the
engine, compares each value with the truth, and writes the fit for `calibration=FILE` in the engine's URL.
With `PAGES=1000` instead of DATA the same for transcribed text, on so many short pages made for it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_runtime.choose import engine
from pipeline import recipe, sniff
from pipeline.confidence import Kind
from pipeline.fields import leaves
from pipeline.fields.found import readings_of
from pipeline.orders import PageImage, PageOrder, PreparedPage, ReadOrder, SourceFile
from pipeline.ports import PageReader
from pipeline.tiling import Tile, Tiling
from schemas.errors import QuireError
from schemas.geometry import Box, scaled
from schemas.reading import PageReading
from schemas.request import BudgetProfile, BudgetRequest, Task
from tests.bench import known_text
from tests.bench.eval_fields import INVOICE_KINDS, INVOICE_SCHEMA, RECEIPT_KINDS, RECEIPT_SCHEMA
from tests.bench.field_score import right
from tests.bench.figures import Figures
from tests.bench.fit import Observed, area_under_curve, calibration_error, fit, halves, predicted
from tests.bench.known_text import KnownPage
from workers.cage import ProcessCage

FEWEST = 200
"""Values on either side below which a fit is told, and not written."""


@dataclass(frozen=True)
class Paper:
    source: SourceFile
    issuer: str
    schema: dict[str, Any]
    kinds: dict[str, str]
    true: dict[str, Any]


@dataclass
class LocalPage:
    """`PageAids` without a service."""

    source: SourceFile
    prepared: PreparedPage
    image: PageImage

    def layer(self) -> PageReading | None:
        layer = self.prepared.layer
        return layer.scaled_to(self.image.width, self.image.height) if layer is not None else None

    def trusted(self) -> bool:
        return self.prepared.trusted

    def tiles(self) -> Tiling | None:
        return self.prepared.tiles

    def pictures(self) -> Sequence[Box]:
        return ()

    def crop(self, tile: Tile, turn: int = 0) -> PageImage:
        geometry = self.prepared.geometry
        box = scaled(tile.box, geometry.width / self.image.width, geometry.height / self.image.height)
        return recipe.crop(self.source, self.prepared.number, box, (tile.width, tile.height), turn)


def papers(data: Path) -> Iterator[Paper]:
    for image in sorted((data / "sroie" / "img").glob("*")):
        key = data / "sroie" / "key" / f"{image.stem}.json"
        if key.exists():
            true = json.loads(key.read_text(encoding="utf-8"))
            source = SourceFile(str(image), sniff.JPEG)
            yield Paper(source, str(true.get("company")), RECEIPT_SCHEMA, RECEIPT_KINDS, true)
    for path in sorted((data / "invoices").glob("*.pdf")):
        beside = path.with_suffix(".json")
        if beside.exists():
            found = json.loads(beside.read_text(encoding="utf-8"))
            true = found[0] if isinstance(found, list) and found else found
            if isinstance(true, dict):
                source = SourceFile(str(path), sniff.PDF)
                yield Paper(source, str(true.get("issuer")), INVOICE_SCHEMA, INVOICE_KINDS, true)


def observed(paper: Paper, reader: PageReader) -> Iterator[Observed]:
    spec = reader.spec
    order = PageOrder(
        1,
        spec.limits,
        spec.pixels_per_x_height,
        BudgetRequest(profile=BudgetProfile.BALANCED),
        frozenset({Task.FIELDS}),
        image_always=True,
    )
    prepared = recipe.prepare_page(paper.source, order)
    if prepared.image is None:
        return
    asked = ReadOrder(prepared.image, frozenset({Task.FIELDS}), schema=paper.schema)
    reading = reader.read(asked, lambda: False, LocalPage(paper.source, prepared, prepared.image))
    by_name = {leaf.name: leaf for leaf in leaves(paper.schema)}
    for finding in (reading.seen.findings if reading.seen is not None else None) or ():
        true, kind = paper.true.get(finding.path), paper.kinds.get(finding.path)
        if finding.signs is None or true is None or kind is None:
            continue
        readings, _ = readings_of(by_name[finding.path], finding.value, finding.quote)
        value = readings[0].value if readings else None
        yield Observed(paper.issuer, finding.signs, right(kind, true, value))


def observed_text(page: KnownPage, reader: PageReader) -> Iterator[Observed]:
    """Blocks; one is right when all its words stand on the page as they were read, one after the other."""
    reading = reader.read(ReadOrder(page.image, frozenset({Task.TEXT})), lambda: False)
    printed = f" {' '.join(page.text.split())} "
    for block in (reading.seen.blocks if reading.seen is not None else None) or ():
        if block.signs is not None and block.text.strip():
            yield Observed(page.issuer, block.signs, f" {' '.join(block.text.split())} " in printed)


def observations(data: Path | None, pages: int, reader: PageReader, figures: Figures) -> Iterator[Observed]:
    if data is None:
        for page in known_text.pages(pages):
            yield from observed_text(page, reader)
        return
    for paper in papers(data):
        try:
            yield from observed(paper, reader)
        except QuireError as error:
            figures.remark("calibration", f"{Path(paper.source.path).name}: {error.code}")


def run(data: Path | None, pages: int, url: str, name: str, out: Path) -> int:
    figures = Figures()
    cage = ProcessCage(1, deadline_s=120)
    reader = engine(url, cage)
    try:
        everything = list(observations(data, pages, reader, figures))
    finally:
        reader.close()
        cage.close()
    figures.add("calibration.values", len(everything))
    figures.add("calibration.issuers", len({one.issuer for one in everything}))
    parts = halves(everything)
    if min(map(len, parts)) < FEWEST or len({one.right for one in everything}) < 2:
        print(f"too few values for a fit (at least {FEWEST} a half, right and wrong ones)", file=sys.stderr)
        return 1
    for index, (learnt, tested) in enumerate((parts, parts[::-1]), 1):
        chance, truth = predicted(fit(learnt, name), tested), [one.right for one in tested]
        figures.add(f"calibration.half_{index}.right", sum(truth) / len(truth))
        figures.add(f"calibration.half_{index}.ece", calibration_error(chance, truth))
        figures.add(f"calibration.half_{index}.auroc", area_under_curve(chance, truth))
    final = fit(everything, name)
    kind = Kind.TEXT if data is None else Kind.VALUES
    content = {
        "name": final.name,
        "measured_on": str(kind),
        "intercept": final.intercept,
        "weights": dict(final.weights),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--pages", type=int, default=1000, help="without --data: short pages made for it")
    parser.add_argument("--engine", required=True, help="as QUIRE_ENGINE_URL has it")
    parser.add_argument("--name", default="local-1", help="what results will call the fit")
    parser.add_argument("--out", type=Path, default=Path("out/calibration.json"))
    given = parser.parse_args()
    sys.exit(run(given.data, given.pages, given.engine, given.name, given.out))


if __name__ == "__main__":
    main()
