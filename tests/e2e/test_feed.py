"""The short forms of `make bench-feed`: they measure what they say, on a few pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.cluster import Servers
from tests.bench.fairness import measure_cancel, measure_fairness
from tests.bench.feed import measure_cost
from tests.bench.figures import Figures
from tests.samples.long import long_pdf


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as servers:
        yield servers


def test_the_cost_of_pages_is_split_among_the_processes(servers: Servers, tmp_path: Path) -> None:
    figures, pdf = Figures(), long_pdf(tmp_path / "scans.pdf", 12, 1)
    measure_cost(tmp_path, [pdf, pdf], servers, figures)
    values = figures.values
    assert (values["feed.pages"], values["feed.pages_failed"]) == (24, 0)
    parts = [values[name] for name in values if name.startswith(("feed.cpu_ms_api", "feed.cpu_ms_r"))]
    assert 0 < sum(parts) <= values["feed.cpu_ms"] * 1.01
    assert 0 < values["feed.cpu_ms_drawing"] < values["feed.cpu_ms"]


def test_cancelling_and_fairness_are_measured(servers: Servers, tmp_path: Path) -> None:
    figures = Figures()
    measure_cancel(tmp_path / "cancel", servers, figures, 24, 4)
    measure_fairness(tmp_path / "fair", servers, figures, 150, 1)
    assert figures.values["cancel.seconds"] < 20, "a call lasts 20 s: it was cut short"
    assert figures.values["fair.ratio"] > 0
