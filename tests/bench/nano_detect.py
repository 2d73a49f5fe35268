"""How much of what the small model invents is told as such: coverage, support, places, loops.

Pages are shown so small that it cannot read them, and large enough beside that; the CPU reader is the
independent witness of every one (`check=always`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from model_runtime.loops import first_loop
from schemas.page import PageState
from tests.bench.client import Api
from tests.bench.figures import Figures
from tests.bench.nano_pages import posted, sized, text_exams
from tests.bench.nano_posting import Asked, read_all
from tests.bench.nano_score import Scored, cer, wrong_characters
from tests.bench.text_score import ends_within, fold, letters

SCANNED = 20.0
SHOWN = (4, 5, 6, 8, 20)
_TELL = frozenset({"coverage_low", "text_unsupported", "text_truncated"})
_RIGHT, _WRONG = 0.1, 0.5
"""Wrong characters up to which a page counts as read, and from which as made up."""

_LIKE = 0.4
"""Share of a line's letters that may be wrong where it is a misread line; beyond, it was invented."""


@dataclass(frozen=True, slots=True)
class Line:
    """``placed``: whether most of its words were found by the other reader."""

    text: str
    invented: bool
    placed: bool
    told: bool


def told(page: Scored) -> bool:
    """Whether the result says of the page that its text is not to be relied on."""
    if page.result is None or page.page is None or page.page.state is not PageState.READ:
        return True
    return any(warning.code in _TELL for warning in page.result.warnings)


def lines(page: Scored) -> Iterator[Line]:
    if page.page is None or page.page.state is not PageState.READ:
        return
    whole, words = letters(page.truth.text), iter(page.page.words)
    for text in filter(None, (line.strip() for line in page.page.text.split("\n"))):
        ours = list(islice(words, len(text.split())))
        found = sum(len(word.text) for word in ours if word.bbox is not None)
        said = letters(text)
        if len(said) < 3:
            continue
        invented = not ends_within(said, whole, int(len(said) * _LIKE))
        placed = 2 * found >= sum(len(word.text) for word in ours)
        yield Line(text, invented, placed, told(page))


def measure(api: Api, count: int, minutes: float, folder: Path, figures: Figures) -> None:
    exam = next(exam for exam in text_exams() if exam.name == "receipt_8")
    wish = sized(exam, SCANNED, "detect")
    papers = posted(wish, count, folder)
    asked: list[Asked] = []
    for size in SHOWN:
        pixels = round(wish.wish.height * wish.wish.width * (size / SCANNED) ** 2 * 1.02)
        limits = {"max_pixels": max(784, pixels)}
        asked.append(Asked(f"{size}px", papers, {"tasks": ["text"], "budget": limits}))
    everything: list[Scored] = []
    for name, read in read_all(api, asked, minutes, figures).items():
        figures.add(f"nano.detect.{name}.pages", len(read.pages))
        if read.pages:
            figures.add(f"nano.detect.{name}.cer", cer(read.pages))
        wrong = sum(_rate(one) > _WRONG for one in read.pages)
        figures.share(f"nano.detect.{name}.made_up", wrong, len(read.pages))
        everything += read.pages
    _add_pages(figures, everything)
    _add_lines(figures, [line for page in everything for line in lines(page)])
    _add_loops(figures, everything)


def _rate(page: Scored) -> float:
    wrong, of = wrong_characters(page.truth.text, page.text)
    return wrong / max(1, of)


def _add_pages(figures: Figures, pages: Sequence[Scored]) -> None:
    made_up = [page for page in pages if _rate(page) > _WRONG]
    right = [page for page in pages if _rate(page) <= _RIGHT]
    figures.add("nano.detect.pages_made_up", len(made_up))
    figures.share("nano.detect.pages_made_up_told", sum(map(told, made_up)), len(made_up))
    figures.add("nano.detect.pages_right", len(right))
    figures.share("nano.detect.pages_right_told", sum(map(told, right)), len(right))


def _add_lines(figures: Figures, found: Sequence[Line]) -> None:
    invented = [line for line in found if line.invented]
    real = [line for line in found if not line.invented]
    figures.add("nano.detect.lines_invented", len(invented))
    figures.share("nano.detect.lines_invented_told", sum(line.told for line in invented), len(invented))
    figures.share(
        "nano.detect.lines_invented_without_place", sum(not line.placed for line in invented), len(invented)
    )
    figures.share(
        "nano.detect.lines_invented_told_or_without_place",
        sum(line.told or not line.placed for line in invented),
        len(invented),
    )
    figures.add("nano.detect.lines_real", len(real))
    figures.share("nano.detect.lines_real_without_place", sum(not line.placed for line in real), len(real))


def _add_loops(figures: Figures, pages: Sequence[Scored]) -> None:
    """Replies that were cut off, pages that had one, and loops that stand in a result all the same."""
    cut = [_loops_cut(page) for page in pages]
    figures.add("nano.detect.loops_cut", sum(cut))
    figures.add("nano.detect.pages_with_loops", sum(map(bool, cut)))
    left = sum(first_loop(list(fold(page.text))) is not None for page in pages)
    figures.add("nano.detect.loops_left", left)


def _loops_cut(page: Scored) -> int:
    warnings = page.result.warnings if page.result is not None else []
    return sum("in a row" in warning.detail for warning in warnings)
