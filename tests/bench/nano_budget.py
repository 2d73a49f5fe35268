"""Wrong characters against the size that pages are shown at, and where the recipe's own budget lands.

Fine pages (type of 20 pixels) are shown smaller and smaller by a limit of pixels, coarse ones (10 pixels)
larger and larger; `auto` is what the recipe does when nothing is asked of it.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from tests.bench.client import Api
from tests.bench.figures import Figures
from tests.bench.nano_pages import posted, sized, text_exams
from tests.bench.nano_posting import Asked, Read, read_all
from tests.bench.nano_score import Scored, cer

FINE, COARSE = 20.0, 10.0
_SHOWN = {FINE: (5, 6, 7, 8, 10, 12, 14, 16, 20), COARSE: (7, 10, 14, 20)}
_NAMES = {FINE: "fine", COARSE: "coarse"}
_CLIFF = 0.1
"""Type is too small where so many more characters are wrong, as a share, than at the best size."""


def limits(paper_pixels: float, scanned: float, shown: float) -> dict[str, int]:
    """What makes the recipe show type of ``scanned`` pixels ``shown`` pixels high."""
    pixels = round(paper_pixels * (shown / scanned) ** 2 * 1.02)  # rounding sides down must not cost a column
    return {"max_pixels": pixels} if shown <= scanned else {"min_pixels": round(pixels / 1.04)}


def _shown(pages: Sequence[Scored], scanned: float) -> float:
    """How high type was shown, by the sizes that the result says."""
    heights = [
        scanned * (one.page.budget.width * one.page.budget.height / (one.page.width * one.page.height)) ** 0.5
        for one in pages
        if one.page is not None and one.page.budget is not None
    ]
    return fmean(heights) if heights else 0.0


def measure(api: Api, count: int, minutes: float, folder: Path, figures: Figures) -> list[dict[str, Any]]:
    """Points of the curves, for the plot."""
    exam = next(exam for exam in text_exams() if exam.name == "receipt_8")
    asked: list[Asked] = []
    for scanned, sizes in _SHOWN.items():
        wish = sized(exam, scanned, f"budget_{_NAMES[scanned]}")
        papers = posted(wish, count, folder)
        pixels = wish.wish.height * wish.wish.width
        for size in sizes:
            allowed = limits(pixels, scanned, size)
            asked.append(Asked(f"{_NAMES[scanned]}.{size}px", papers, {"tasks": ["text"], "budget": allowed}))
        asked.append(Asked(f"{_NAMES[scanned]}.auto", papers, {"tasks": ["text"]}))
    found = read_all(api, asked, minutes, figures)
    points: list[dict[str, Any]] = []
    for scanned, name in _NAMES.items():
        ours = [
            _point(each, read, scanned)
            for each, read in found.items()
            if each.startswith(name) and read.pages
        ]
        points += ours
        for point in ours:
            for figure in ("pages", "cer", "shown_px", "visual_tokens"):
                figures.add(f"nano.budget.{point['name']}.{figure}", point[figure])
        best = min((point["cer"] for point in ours), default=0.0)
        good = [point for point in ours if point["cer"] <= best + _CLIFF]
        if good:
            figures.add(f"nano.budget.{name}.cliff_px", min(point["shown_px"] for point in good))
    return points


def _point(name: str, read: Read, scanned: float) -> dict[str, Any]:
    budgets = [one.page.budget for one in read.pages if one.page is not None]
    tokens = [budget.visual_tokens for budget in budgets if budget is not None]
    return {
        "name": name,
        "pages": len(read.pages),
        "shown_px": _shown(read.pages, scanned),
        "visual_tokens": fmean(tokens) if tokens else 0.0,
        "cer": cer(read.pages),
    }
