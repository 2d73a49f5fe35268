"""What second looks, enlarged, make of misread values; and how sure the model was of each value.

Receipts and invoices are shown smaller than they were scanned, so that there is something to mend. Each is
read twice on the same first reply: with second looks and without.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_runtime.nano.tasks import builtin
from pipeline.fields import leaves
from pipeline.fields.found import readings_of
from schemas.finding import Finding
from schemas.reading import PageReading
from schemas.request import BudgetProfile, Task
from tests.bench.figures import Figures
from tests.bench.fit import Observed
from tests.bench.nano_pages import Posted, papers_with_fields, shown_at
from tests.bench.nano_reader import LocalReader
from tests.bench.nano_score import same

SHOWN = 11.0
"""Pixels of type on the first image; scanned they were 15 or 16."""


@dataclass(frozen=True, slots=True)
class Value:
    """What stands under one name on one page, before and after; ``several``: it was left open."""

    before: bool
    after: bool
    looked: bool
    several: bool


def measure(local: LocalReader, count: int, minutes: float, folder: Path, figures: Figures) -> list[Observed]:
    """What was observed of every value: what spoke for it, and whether it was right."""
    until = time.monotonic() + minutes * 60
    values: list[Value] = []
    observed: list[Observed] = []
    pages = 0
    for exam, paper in papers_with_fields(count, folder):
        if time.monotonic() > until:
            break
        schema = builtin(exam.name)
        budget = shown_at(exam, SHOWN)
        first, second = (
            local.read(paper.path, Task.FIELDS, budget, schema=schema, profile=profile)
            for profile in (BudgetProfile.FAST, BudgetProfile.BALANCED)
        )
        local.forget()
        pages += 1
        if first is not None and second is not None:
            values += _compared(paper, schema, first, second)
            observed += _observed(paper, schema, second)
    figures.add("nano.looks.pages", pages)
    _add(figures, values)
    return observed


def _findings(reading: PageReading) -> list[Finding]:
    found = reading.seen.findings if reading.seen is not None else None
    return [finding for finding in found or () if finding.row is None]


def _right(paper: Posted, schema: dict[str, Any], finding: Finding) -> bool | None:
    """None where the page does not show the value."""
    true = paper.truth.fields.get(finding.path)
    leaf = {leaf.name: leaf for leaf in leaves(schema)}[finding.path]
    if true is None:
        return None
    readings, _ = readings_of(leaf, finding.value, finding.quote)
    return bool(readings) and same(true, _plain(readings[0].value))


def _plain(value: Any) -> Any:
    return float(value) if not isinstance(value, str | bool | None) else value


def _compared(
    paper: Posted, schema: dict[str, Any], first: PageReading, second: PageReading
) -> Iterator[Value]:
    looked = {warning.path for warning in second.warnings if warning.code == "looked_again"}
    after: dict[str, list[Finding]] = {}
    for finding in _findings(second):
        after.setdefault(finding.path, []).append(finding)
    for finding in _findings(first):
        before = _right(paper, schema, finding)
        if before is None or finding.path not in after:
            continue
        ours = after[finding.path]
        now = bool(_right(paper, schema, ours[0]))
        yield Value(before, now, finding.path in looked, len(ours) > 1)


def _observed(paper: Posted, schema: dict[str, Any], reading: PageReading) -> Iterator[Observed]:
    for finding in _findings(reading):
        if finding.signs is not None:  # of what is not there, no value is right
            yield Observed(paper.path.stem, finding.signs, bool(_right(paper, schema, finding)))


def _add(figures: Figures, values: list[Value]) -> None:
    wrong = [value for value in values if not value.before]
    right = [value for value in values if value.before]
    figures.add("nano.looks.values", len(values))
    figures.add("nano.looks.looked", sum(value.looked for value in values))
    figures.share("nano.looks.right_before", len(right), len(values))
    figures.share("nano.looks.right_after", sum(value.after for value in values), len(values))
    figures.add("nano.looks.misread", len(wrong))
    figures.share("nano.looks.misread_looked", sum(value.looked for value in wrong), len(wrong))
    looked_wrong = [value for value in wrong if value.looked]
    figures.share("nano.looks.mended", sum(value.after for value in looked_wrong), len(looked_wrong))
    figures.share("nano.looks.misread_left_open", sum(v.several for v in looked_wrong), len(looked_wrong))
    looked_right = [value for value in right if value.looked]
    figures.share("nano.looks.broken", sum(not value.after for value in looked_right), len(looked_right))
    figures.share("nano.looks.right_left_open", sum(v.several for v in looked_right), len(looked_right))
