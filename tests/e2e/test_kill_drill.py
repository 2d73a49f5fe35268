"""The short kill drill: SIGKILL in the middle of a document loses nothing and does nothing twice."""

from pathlib import Path

import pytest

from tests.bench.kill_drill import differences, drill


def test_a_document_survives_the_death_of_the_service(tmp_path: Path) -> None:
    figures = drill(tmp_path, pages=12, kills=2, scan_every=6)
    assert figures.values["kill.kills"] == 2
    for name in ("missing", "twice", "differences", "lost_pages", "orphans"):
        assert figures.values[f"kill.{name}"] == 0, figures.remarks


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ({"document": {"id": "doc_1", "state": "x"}}, {"document": {"id": "doc_2", "state": "x"}}, 0),
        ({"document": {"id": "doc_1", "state": "x"}}, {"document": {"id": "doc_1", "state": "y"}}, 1),
        ({"pages": [{"attempts": 1, "text": "a"}]}, {"pages": [{"attempts": 2, "text": "a"}]}, 0),
        ({"pages": [{"text": "a"}]}, {"pages": [{"text": "b"}]}, 1),
        ({"pages": [{"text": "a"}]}, {"pages": [{"text": "a"}, {"text": "a"}]}, 1),
        ({"tables": [{"id": "t1"}]}, {"tables": [{"id": "t2"}]}, 1),
    ],
)
def test_results_differ_by_more_than_ids_times_and_attempts(one: object, other: object, differ: int) -> None:
    assert len(list(differences(one, other))) == differ
