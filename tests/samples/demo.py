"""The demonstration behind `make demo`: posts the samples to a fresh service and prints what it read."""

import sys
import tempfile
from pathlib import Path

from schemas.field import Field, FieldState
from schemas.result import Result
from schemas.table import Table
from tests.bench.client import Api, Outcome
from tests.bench.service import running
from tests.samples.make import make_samples

# What is asked of a sample beyond its text and tables.
_SCHEMAS = {"invoice_de.pdf": "invoice", "receipt_scan.jpg": "receipt"}
_PREVIEW = 150


def _heading(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}")


def field_line(field: Field) -> str:
    value = f"{field.decimal} {field.currency or ''}".strip() if field.decimal else str(field.value)
    sure = f"{field.confidence:.2f}" if field.confidence is not None else "  - "
    evidence = field.evidence[0] if field.evidence else None
    boxes = evidence.boxes if evidence else None
    place = f"page {evidence.page} {[round(x) for x in boxes[0]]}" if evidence and boxes else "no box"
    quote = f'"{" ".join(evidence.quote.split())[:50]}"' if evidence else ""
    return f"  {field.path:28} {value:32.32} {sure}  {place}  {quote}"


def _table(table: Table) -> None:
    part = table.parts[0]
    box = [round(x) for x in part.bbox] if part.bbox else None
    print(f"  table {table.id}: {table.rows} rows x {table.cols} columns, page {part.page} {box}")
    for row in range(min(table.rows, 3)):
        cells = sorted((c for c in table.cells if c.row == row), key=lambda cell: cell.col)
        print("    " + " | ".join(" ".join(cell.text.split()) for cell in cells))


def _show(outcome: Outcome, result: Result) -> None:
    sources = sorted({page.source.value for page in result.pages if page.source})
    unsure = [page.number for page in result.pages if page.state.failed or page.state.value == "unreadable"]
    _heading(f"{outcome.path.name}: {outcome.state} in {outcome.seconds:.1f} s, {len(result.pages)} page(s)")
    languages = sorted({page.language for page in result.pages if page.language})
    print(f"  read from {' and '.join(sources) or 'nothing'}, language {', '.join(languages) or 'unknown'}")
    if unsure:
        print(f"  pages that could not be read: {unsure}")
    shown = [field for field in result.fields if field.state is not FieldState.MISSING]
    for field in shown:
        print(field_line(field))
    missing = [field.path for field in result.fields if field.state is FieldState.MISSING]
    if missing:
        print(f"  not on the page: {', '.join(missing)}")
    for table in result.tables[:2]:
        _table(table)
    if not shown:
        text = " ".join(" ".join(page.text for page in result.pages).split())
        print(f"  text: {text[:_PREVIEW]}{'…' if len(text) > _PREVIEW else ''}")
    for warning in result.warnings:
        print(f"  warning: {warning.detail}")


def _post_all(api: Api, samples: list[Path]) -> list[Outcome]:
    def read(path: Path) -> Outcome:
        schema = _SCHEMAS.get(path.name)
        return api.read(path, {"schema": schema} if schema else None)

    return list(api.each(read, samples))


def conclude(count: int, bad: list[Outcome]) -> int:
    """Says what could not be read; the exit code."""
    for outcome in bad:
        print(f"\n{outcome.path.name}: {outcome.state} {outcome.document.get('error') or outcome.problem}")
    print(f"\n{count - len(bad)} of {count} documents read")
    return 1 if bad else 0


def main() -> int:
    """0 when every sample was read; what could not be read is printed and ends with 1."""
    with tempfile.TemporaryDirectory(prefix="quire-demo-") as folder:
        samples = make_samples(Path(folder, "samples"))
        print(f"starting the service on a scratch folder and posting {len(samples)} documents")
        with running(Path(folder, "data")) as service, Api(service.url) as api:
            print(f"quire serve answers at {service.url}")
            outcomes = _post_all(api, samples)
    bad = [outcome for outcome in outcomes if outcome.result is None or outcome.state == "failed"]
    for outcome in outcomes:
        if outcome.result is not None:
            _show(outcome, outcome.result)
    return conclude(len(outcomes), bad)


if __name__ == "__main__":
    sys.exit(main())
