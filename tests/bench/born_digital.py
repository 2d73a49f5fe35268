"""Born-digital pages per second, and PyMuPDF's share: `python tests/bench/born_digital.py [--pdf FILE]`.

`born.pages_per_s` is end to end through REST with one child process, from POST to the fetched result.
`born.recipe_pages_per_s` is the recipe alone, in this process, from the file to the JSON of each page, and
`born.pymupdf_share` the part of that time spent inside PyMuPDF, its layout model included; the model's part
is `born.layout_model_share`.
"""

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pymupdf

from model_runtime.spec import cpu_spec
from pipeline.orders import PageOrder, SourceFile
from schemas.request import BudgetProfile, BudgetRequest, Task
from tests.bench.client import Api
from tests.bench.figures import Figures
from tests.bench.service import running
from tests.samples.long import long_pdf
from tests.samples.report import report_pdf
from workers import steps

# Key and value of `pstats.Stats.stats`: (file, line, function), (…, total time, time with callees, callers).
_Place = tuple[str, int, str]
_TEXT_PAGES, _REPORTS = 150, 17


def _default_pdf(folder: Path) -> Path:
    """Dense pages of prose, and pages with columns and tables, three to one."""
    path = long_pdf(folder / "prose.pdf", _TEXT_PAGES)
    with pymupdf.open(path) as document, pymupdf.open(stream=report_pdf()) as report:
        for _ in range(_REPORTS):
            document.insert_pdf(report)
        document.save(folder / "born.pdf", deflate=True)
    return folder / "born.pdf"


def _order(number: int) -> PageOrder:
    spec = cpu_spec(1)
    return PageOrder(
        number=number,
        limits=spec.limits,
        pixels_per_x_height=spec.pixels_per_x_height,
        budget=BudgetRequest(profile=BudgetProfile.BALANCED),
        tasks=frozenset({Task.TEXT, Task.TABLES}),
    )


def _recipe(source: SourceFile, pages: int) -> None:
    for number in range(1, pages + 1):
        steps.prepare(source, _order(number))


def _inside(stats: pstats.Stats, belongs: Callable[[str], bool]) -> float:
    """Seconds in calls that enter the files that ``belongs`` names from any other file."""
    seconds = 0.0
    entries: dict[_Place, tuple[int, int, float, float, dict[_Place, tuple[int, int, float, float]]]]
    entries = stats.stats  # type: ignore[attr-defined]  # typeshed does not know it
    for (file, _, _), (_, _, _, _, callers) in entries.items():
        if belongs(file):
            seconds += sum(times[3] for place, times in callers.items() if not belongs(place[0]))
    return seconds


def _measure_recipe(pdf: Path, figures: Figures) -> int:
    source = SourceFile(str(pdf), "application/pdf")
    pages = steps.standard().inspect(source).page_count
    _recipe(source, min(pages, 3))  # imports and models load once per process, not per document
    begun = time.perf_counter()
    _recipe(source, pages)
    figures.add("born.recipe_pages_per_s", round(pages / (time.perf_counter() - begun), 2))
    profile = cProfile.Profile()
    profile.runcall(_recipe, source, pages)
    stats = pstats.Stats(profile)
    total: float = stats.total_tt  # type: ignore[attr-defined]  # typeshed does not know it
    in_pymupdf = _inside(stats, lambda file: "/pymupdf" in file.replace("\\", "/"))
    in_model = _inside(stats, lambda file: "onnxruntime" in file)
    figures.add("born.pymupdf_share", round(in_pymupdf / total, 3))
    figures.add("born.layout_model_share", round(in_model / total, 3))
    return pages


def _measure_service(pdf: Path, pages: int, scratch: Path, figures: Figures) -> None:
    with running(scratch / "data", QUIRE_CPU_PROCESSES="1") as service, Api(service.url) as api:
        api.read(pdf, {"pages": "1"})  # the child has started and loaded its models
        outcome = api.read(pdf, {"reuse": False})
    if outcome.state != "succeeded":
        figures.remark("born", f"{pdf.name}: {outcome.state}")
    figures.add("born.pages_per_s", round(pages / outcome.seconds, 2))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pdf", type=Path, help="a document of your own, instead of the generated one")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="quire-born-") as folder:
        scratch = Path(folder)
        pdf = options.pdf or _default_pdf(scratch)
        pages = _measure_recipe(pdf, figures)
        figures.add("born.pages", pages)
        _measure_service(pdf, pages, scratch, figures)
    if options.out:
        figures.write(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
