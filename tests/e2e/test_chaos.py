"""The short form of `make chaos`: everything dies once or more, and every document ends as if nothing had."""

from pathlib import Path

from tests.bench.chaos import corpus, drill, passed
from tests.bench.havoc import Blows
from tests.samples.long import long_pdf

_BLOWS = Blows(kills=5, api_kills=1, redis_kills=1, postgres_restarts=1, s3_cut_s=3, pause_s=1)


def test_every_document_ends_as_if_nothing_had_died(tmp_path: Path) -> None:
    files = [*corpus(tmp_path, None, 16)[2::3], long_pdf(tmp_path / "scans.pdf", 10, 1)]
    figures = drill(tmp_path, files, _BLOWS)
    assert passed(figures), figures.remarks
    assert figures.values["chaos.documents"] == len(files)
    assert figures.values["chaos.kills"] == 5
    # Calls lost with their process are paid for again: at most those in flight.
    assert figures.values["chaos.engine_calls"] >= 10
