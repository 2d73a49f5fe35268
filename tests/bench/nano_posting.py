"""Posts pages to a service, evenly from all exams, until every page is read or time is up."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from tests.bench.client import TERMINAL, Api, Outcome
from tests.bench.figures import Figures
from tests.bench.nano_pages import Posted
from tests.bench.nano_score import Scored


@dataclass(frozen=True, slots=True)
class Asked:
    """Pages that are asked for the same. A checkpoint that rambles takes minutes for a page: no exam may
    take the time of the others."""

    name: str
    papers: Sequence[Posted]
    request: Mapping[str, Any]


@dataclass
class Read:
    pages: list[Scored] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def seconds_per_page(self) -> float:
        """From the post to the result, others under way at the same time."""
        return fmean(self.seconds) if self.seconds else 0.0


def read_all(api: Api, asked: Iterable[Asked], minutes: float, figures: Figures) -> dict[str, Read]:
    """By name; exams for which there was no time at all are there, without pages."""
    until = time.monotonic() + minutes * 60
    wanted = list(asked)
    found = {one.name: Read() for one in wanted}
    order = turns(wanted)

    def read(turn: tuple[Asked, Posted]) -> Outcome | None:
        if time.monotonic() > until:
            return None
        outcome = api.read(turn[1].path, dict(turn[0].request))
        if outcome.document.get("state") not in TERMINAL:
            api.http.post(f"/v1/documents/{outcome.document['id']}/cancel")
        return outcome

    for (one, paper), outcome in zip(order, api.each(read, order), strict=True):
        if outcome is None:
            continue
        if outcome.state != "succeeded":
            figures.remark("nano", f"{paper.path.name}: {outcome.state} {outcome.document.get('error')}")
        found[one.name].pages.append(Scored(paper.truth, outcome.result))
        found[one.name].seconds.append(outcome.seconds)
    return found


def turns(asked: Sequence[Asked]) -> list[tuple[Asked, Posted]]:
    """Whatever their numbers, exams progress alike."""
    placed = [
        ((number + 0.5) / len(one.papers), place, number)
        for place, one in enumerate(asked)
        for number in range(len(one.papers))
    ]
    return [(asked[place], asked[place].papers[number]) for _, place, number in sorted(placed)]
