"""The short drill of webhooks: a receiver that is down, a service that is killed, and no event lost."""

from pathlib import Path

from tests.bench.webhooks import FAULTS, drill


def test_no_event_is_lost(tmp_path: Path) -> None:
    figures = drill(tmp_path, documents=30, kills=1)
    assert (figures.values["hooks.documents"], figures.values["hooks.kills"]) == (30, 1)
    for name in FAULTS:
        assert figures.values[f"hooks.{name}"] == 0, figures.values
    assert figures.values["hooks.tries_per_event"] > 1, "the receiver was down"
    assert figures.values["hooks.redelivered"] == 5
