"""The short evaluation: the service, over HTTP, finds in the samples what is printed on them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.page import PageState
from tests.bench.client import Api
from tests.bench.eval import measure
from tests.bench.figures import Figures
from tests.bench.service import running
from tests.bench.text_score import error_rate
from tests.samples.make import make_evaluation

# What must at least (or, for error rates and false tables, at most) come out of the samples.
AT_LEAST: dict[str, dict[str, float]] = {
    "facts": {"facts.pass": 0.9, "facts.absent": 1.0, "facts.order": 1.0, "facts.table": 1.0},
    "sroie": {"sroie.word_f1": 0.9, "sroie.total": 1.0, "sroie.date": 1.0, "sroie.box_hit": 0.75},
    "fields": {"fields.nested_pdf": 0.9, "fields.nested_scan": 0.8},
    "invoices": {
        "invoices.number": 1.0,
        "invoices.date": 1.0,
        "invoices.amount": 1.0,
        "invoices.currency": 1.0,
    },
    "tables": {"tables.adjacency_f1": 0.95},
    "robustness": {"robustness.terminal": 11, "robustness.readable": 4, "robustness.alive": 1},
}
AT_MOST: dict[str, dict[str, float]] = {
    "tables": {"tables.false": 0.0},
    "languages": {"cer.en": 0.01, "cer_noisy.en": 0.02},
    "pages": {"pages.japanese.ja": 0.03},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_evaluation(tmp_path_factory.mktemp("evaluation"))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("service") / "data") as service, Api(service.url) as client:
        yield client


@pytest.mark.parametrize("group", sorted({*AT_LEAST, *AT_MOST}))
def test_the_samples_are_read_as_printed(group: str, api: Api, data: Path) -> None:
    figures = Figures()
    measure(api, data, [group], figures)
    low = {n: figures.values[n] for n, least in AT_LEAST.get(group, {}).items() if figures.values[n] < least}
    high = {n: figures.values[n] for n, most in AT_MOST.get(group, {}).items() if figures.values[n] > most}
    assert not low | high, figures.remarks


def test_arabic_is_read_rightly_or_said_to_be_unread(api: Api, data: Path) -> None:
    """Its text layer is scrambled, and only an engine with its language data can read the picture."""
    outcome = api.read(data / "pages" / "arabic.ar.pdf")
    assert outcome.result is not None
    [page] = outcome.result.pages
    truth = (data / "pages" / "arabic.ar.txt").read_text(encoding="utf-8")
    said = page.state is PageState.UNREADABLE or bool(outcome.result.warnings)
    assert said or error_rate(truth, page.text, "ar") <= 0.05
