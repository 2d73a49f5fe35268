"""Tables of PDFs against the ICDAR-2013 ground truth: `tables/NAME.pdf`, `NAME-str.xml`, `NAME-reg.xml`."""

from pathlib import Path

from schemas.result import Result
from tests.bench.client import Api
from tests.bench.figures import Figures
from tests.bench.table_score import compare, false_tables, found_grids, true_grids, true_regions
from tests.bench.text_score import f1


def _heights(result: Result) -> dict[int, float]:
    return {page.number: page.height for page in result.pages}


def tables(api: Api, folder: Path, figures: Figures) -> None:
    files = sorted(p for p in folder.glob("*.pdf") if p.with_name(f"{p.stem}-str.xml").is_file())
    counts: list[tuple[int, int, int]] = []
    false = 0
    for outcome in api.each(api.read, files):
        path, result = outcome.path, outcome.result
        found = result.tables if result else []
        count = compare(true_grids(path.with_name(f"{path.stem}-str.xml")), found_grids(found))
        regions = true_regions(path.with_name(f"{path.stem}-reg.xml"))
        wrong = false_tables(found, regions, _heights(result)) if result else 0
        counts.append(count)
        false += wrong
        right, true, got = count
        if right < true or right < got or wrong:
            figures.remark(
                "tables",
                f"{path.name} ({outcome.state}): F1 {f1([count]):.3f}, {true - right} of {true} missing, "
                f" {got - right} of {got} wrong; {len(found)} for {len(regions)} tables, {wrong} false",
            )
    right, true, got = (sum(count[i] for count in counts) for i in range(3))
    figures.add("tables.adjacency_f1", f1(counts))
    figures.share("tables.adjacency_precision", right, got)
    figures.share("tables.adjacency_recall", right, true)
    figures.add("tables.false", false)
