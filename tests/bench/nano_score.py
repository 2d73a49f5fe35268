"""What a result has right of a page of the small model's exams."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from schemas.field import Field
from schemas.geometry import Box, union
from schemas.page import PageResult, PageState
from schemas.result import Result
from tests.bench.figures import Figures
from tests.bench.nano_pages import Truth
from tests.bench.text_score import edits, fold

NEAR_PT = 6.0
_FAR_PT = 100.0
_CLOCK = re.compile(r"\d{2}:\d{2}")


@dataclass(frozen=True, slots=True)
class Scored:
    """One page. ``page`` is None where the document failed."""

    truth: Truth
    result: Result | None

    @property
    def page(self) -> PageResult | None:
        return self.result.pages[0] if self.result is not None and self.result.pages else None

    @property
    def text(self) -> str:
        return self.page.text if self.page is not None else ""

    @property
    def heads(self) -> dict[str, Field]:
        found = self.result.fields if self.result is not None else []
        return {field.path: field for field in found if field.path in self.truth.fields}


def wrong_characters(truth: str, read: str) -> tuple[int, int]:
    """Edits, and characters there were; white space counts as one space."""
    wanted, got = fold(truth), fold(read)
    return edits(wanted, got), len(wanted)


def cer(pages: Sequence[Scored]) -> float:
    """Over all characters of all pages; a page that was not read counts as empty."""
    counts = [wrong_characters(page.truth.text, page.text) for page in pages]
    return sum(wrong for wrong, _ in counts) / max(1, sum(all_ for _, all_ in counts))


def add_text(figures: Figures, name: str, pages: Sequence[Scored]) -> None:
    figures.add(f"{name}.cer", cer(pages))
    figures.share(f"{name}.exact", sum(fold(one.truth.text) == fold(one.text) for one in pages), len(pages))


def add_empty(figures: Figures, name: str, pages: Sequence[Scored]) -> None:
    """Pages that hold nothing to read, and whether the page's state says so."""
    invented = sum(bool(one.text.strip()) for one in pages)
    figures.share(f"{name}.false_text", invented, len(pages))
    for state in (PageState.BLANK, PageState.UNREADABLE, PageState.READ):
        said = sum(one.page is not None and one.page.state is state for one in pages)
        figures.share(f"{name}.said_{state}", said, len(pages))


def same(true: Any, found: Any) -> bool:
    """Numbers by value, text to the letter but for white space. Pages print `#775` and `19:39`, the service
    writes identifiers without their sign and times with seconds."""
    if isinstance(true, int | float) and isinstance(found, int | float):
        return abs(true - found) < 1e-6
    return found is not None and _written(true) == _written(found)


def _written(value: Any) -> str:
    text = fold(str(value)).removeprefix("#")
    return f"{text}:00" if _CLOCK.fullmatch(text) else text


def off(true: Box, boxes: Iterable[Box]) -> float:
    """The side that is farthest off, in points."""
    around = union(list(boxes))
    return min(_FAR_PT, max(abs(a - b) for a, b in zip(true, around, strict=True)))


def place(field: Field) -> tuple[str, list[Box]]:
    """How the place of a value is known, and the place."""
    for evidence in field.evidence:
        if evidence.boxes:
            return str(evidence.match), [(x0, y0, x1, y1) for x0, y0, x1, y1 in evidence.boxes]
    return "none", []


def add_fields(figures: Figures, name: str, pages: Sequence[Scored]) -> list[float]:
    """How far off each box of a value that was found is; of one without a box, as far as can be."""
    there = [(page, path) for page in pages for path, value in page.truth.fields.items() if value is not None]
    absent = [(page, path) for page in pages for path, value in page.truth.fields.items() if value is None]
    right = found = invented = 0
    offs: list[tuple[str, float]] = []
    for page, path in there:
        field = page.heads.get(path)
        if field is None or field.value is None:
            continue
        found += 1
        right += same(page.truth.fields[path], field.value)
        match, boxes = place(field)
        if path in page.truth.boxes:
            offs.append((match, off(page.truth.boxes[path], boxes) if boxes else _FAR_PT))
    for page, path in absent:
        field = page.heads.get(path)
        invented += field is not None and field.value is not None
    figures.add(f"{name}.fields", len(there))
    figures.share(f"{name}.fields_found", found, len(there))
    figures.share(f"{name}.fields_exact", right, len(there))
    figures.share(f"{name}.fields_exact_of_found", right, found)
    figures.share(f"{name}.invented", invented, len(absent))
    figures.share(f"{name}.box_near", sum(one <= NEAR_PT for _, one in offs), len(offs))
    for match in sorted({match for match, _ in offs}):
        ours = [one for kind, one in offs if kind == match]
        figures.share(f"{name}.boxes_{match}", len(ours), len(offs))
        if match != "none":
            figures.share(f"{name}.box_near_{match}", sum(one <= NEAR_PT for one in ours), len(ours))
            figures.add(f"{name}.box_off_pt_median_{match}", median(ours))
    if offs:
        figures.add(f"{name}.box_off_pt_mean", fmean(one for _, one in offs))
    return [one for _, one in offs]
