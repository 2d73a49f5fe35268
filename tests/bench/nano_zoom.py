"""What closer looks make of the values that are found in a model's text: zoom gain.

Receipts and invoices are shown smaller than they were scanned, and as the recipe shows them. Each is read
three times on the same first reply: without looks, with those of the balanced profile, and of the accurate
one. Closer looks are of two kinds: lines in doubt one by one, and, where another reader saw much more on the
page, the page in two halves; `halved` pages are told apart.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_runtime.nano.exams import Exam
from model_runtime.nano.tasks import builtin
from schemas.request import BudgetProfile, BudgetRequest
from tests.bench.figures import Figures
from tests.bench.nano_pages import Posted, papers_with_fields, shown_at
from tests.bench.nano_reader import LocalReader, Valued
from tests.bench.nano_score import same, wrong_characters

SHOWN = (9, 11, 13, 16)
"""Pixels of type on the first image. Scanned they were 15 or 16, and 16 is the recipe's own choice."""

_AS_IT_IS = 16
_AUTO = BudgetRequest(profile=BudgetProfile.BALANCED)
_PROFILES = {"without": BudgetProfile.FAST, "looks": BudgetProfile.BALANCED, "more": BudgetProfile.ACCURATE}


@dataclass(frozen=True, slots=True)
class Page:
    """One page at one size. Of each way to read it: the paths that are right, those that are printed and
    wrong, absent values that were given all the same, wrong characters, and visual tokens."""

    printed: frozenset[str]
    right: dict[str, frozenset[str]]
    invented: dict[str, int]
    wrong: dict[str, int]
    characters: int
    tokens: dict[str, int]
    halved: bool


def measure(
    local: LocalReader, count: int, minutes: float, folder: Path, figures: Figures
) -> list[dict[str, Any]]:
    """Points of the curves: of each size, shares of values right."""
    until = time.monotonic() + minutes * 60
    found: dict[int, list[Page]] = {shown: [] for shown in SHOWN}
    for exam, paper in papers_with_fields(count, folder):
        for shown in SHOWN:
            if time.monotonic() > until:
                break
            page = _page(local, exam, paper, shown)
            if page is not None:
                found[shown].append(page)
    return [_add(figures, shown, pages) for shown, pages in found.items() if pages]


def _page(local: LocalReader, exam: Exam, paper: Posted, shown: int) -> Page | None:
    budget = shown_at(exam, shown) if shown != _AS_IT_IS else _AUTO
    schema = builtin(exam.name)
    read = {name: local.values(paper.path, budget, schema, profile) for name, profile in _PROFILES.items()}
    local.forget()
    whole = {name: one for name, one in read.items() if one is not None}
    if len(whole) < len(read):
        return None
    true = paper.truth.fields
    counts = {name: wrong_characters(paper.truth.text, one.text) for name, one in whole.items()}
    return Page(
        frozenset(path for path, value in true.items() if value is not None),
        {name: _right(paper, one) for name, one in whole.items()},
        {name: sum(_given(one, path) for path in true if true[path] is None) for name, one in whole.items()},
        {name: wrong for name, (wrong, _) in counts.items()},
        counts["without"][1],
        {name: one.visual_tokens for name, one in whole.items()},
        any(one.halved for one in whole.values()),
    )


def _given(read: Valued, path: str) -> bool:
    return path in read.fields and read.fields[path].value is not None


def _right(paper: Posted, read: Valued) -> frozenset[str]:
    return frozenset(
        path
        for path, value in paper.truth.fields.items()
        if value is not None and path in read.fields and same(value, read.fields[path].value)
    )


def _add(figures: Figures, shown: int, pages: Sequence[Page]) -> dict[str, Any]:
    name = f"nano.zoom.{shown}px"
    printed = sum(len(page.printed) for page in pages)
    misread = sum(len(page.printed - page.right["without"]) for page in pages)
    figures.add(f"{name}.pages", len(pages))
    figures.add(f"{name}.halved", sum(page.halved for page in pages))
    figures.add(f"{name}.values", printed)
    figures.add(f"{name}.misread", misread)
    point: dict[str, Any] = {"shown_px": shown, "pages": len(pages)}
    for way in _PROFILES:
        right = sum(len(page.right[way]) for page in pages)
        point[way] = right / max(1, printed)
        figures.share(f"{name}.{way}.right", right, printed)
        figures.share(
            f"{name}.{way}.cer", sum(page.wrong[way] for page in pages), sum(p.characters for p in pages)
        )
        figures.add(f"{name}.{way}.invented", sum(page.invented[way] for page in pages))
        figures.add(f"{name}.{way}.visual_tokens", sum(page.tokens[way] for page in pages) / len(pages))
        if way != "without":
            _mended(figures, f"{name}.{way}", way, pages)
            whole = [page for page in pages if not page.halved]
            _mended(figures, f"{name}.{way}.lines_alone", way, whole)
    return point


def _mended(figures: Figures, name: str, way: str, pages: Sequence[Page]) -> None:
    """Of values that were misread without looks, those that are right with them; and the other way round."""
    misread = sum(len(page.printed - page.right["without"]) for page in pages)
    right = sum(len(page.right["without"]) for page in pages)
    mended = sum(len(page.right[way] - page.right["without"]) for page in pages)
    broken = sum(len(page.right["without"] - page.right[way]) for page in pages)
    figures.share(f"{name}.mended", mended, misread)
    figures.share(f"{name}.broken", broken, right)
