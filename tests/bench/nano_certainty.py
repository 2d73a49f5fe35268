"""How far the small model's certainty can be relied on: fits on half the issuers, tested on the others."""

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from schemas.request import BudgetRequest, Task
from tests.bench.figures import Figures
from tests.bench.fit import Observed, area_under_curve, calibration_error, fit, halves, predicted
from tests.bench.nano_pages import posted, text_exams
from tests.bench.nano_reader import LocalReader

FEWEST = 40
"""Values on either side below which nothing is fitted."""

_EXAMS = ("lines_1", "lines_2", "lines_3", "height_10", "height_12")
_BINS = 8


def of_text(local: LocalReader, count: int, minutes: float, folder: Path) -> Iterator[Observed]:
    """Blocks; one is right when its words stand on the page as they were read. Every page is an issuer."""
    until = time.monotonic() + minutes * 60
    exams = [posted(exam, count, folder) for exam in text_exams() if exam.name in _EXAMS]
    for paper in (paper for turn in zip(*exams, strict=True) for paper in turn):
        if time.monotonic() > until:
            return
        reading = local.read(paper.path, Task.TEXT, BudgetRequest())
        local.chat.forget()
        printed = f" {' '.join(paper.truth.text.split())} "
        for block in (reading.seen.blocks if reading is not None and reading.seen else None) or ():
            if block.signs is not None and block.text.strip():
                said = f" {' '.join(block.text.split())} "
                yield Observed(paper.path.stem, block.signs, said in printed)


def add(figures: Figures, name: str, observed: Sequence[Observed]) -> list[dict[str, Any]]:
    """Figures of the fit on either half, tested on the other; bins of what was foretold, for the plot."""
    truth = [one.right for one in observed]
    figures.add(f"{name}.values", len(observed))
    figures.share(f"{name}.right", sum(truth), len(truth))
    if len(set(truth)) == 2:
        least = np.array([one.signs["least"] for one in observed])
        figures.add(f"{name}.auroc_of_least", area_under_curve(least, truth))
        raw = np.array([1 / (1 + math.exp(-one.signs["mean"])) for one in observed])
        figures.add(f"{name}.ece_of_mean", calibration_error(raw, truth))
    parts = halves(observed)
    if min(map(len, parts)) < FEWEST or any(len({one.right for one in part}) < 2 for part in parts):
        figures.remark(name, "too few values, right and wrong ones, for a fit")
        return []
    chances: list[float] = []
    rights: list[bool] = []
    for learnt, tested in (parts, parts[::-1]):
        chances += predicted(fit(learnt, name), tested).tolist()
        rights += [one.right for one in tested]
    chance = np.array(chances)
    figures.add(f"{name}.ece", calibration_error(chance, rights))
    figures.add(f"{name}.auroc", area_under_curve(chance, rights))
    order = np.array_split(np.argsort(chance, kind="stable"), _BINS)
    right = np.array(rights, float)
    return [
        {"foretold": float(chance[part].mean()), "right": float(right[part].mean()), "values": len(part)}
        for part in order
    ]
