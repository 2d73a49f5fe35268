"""The short form of `make bench-batch`: a few hundred members, every one once, results while it runs."""

from pathlib import Path

import pytest

from tests.bench.batch import FAULTS, measure

MEMBERS = 300


@pytest.mark.parametrize("cluster", [False, True], ids=["embedded", "cluster"])
def test_every_member_ends_once_and_the_first_are_told_early(tmp_path: Path, cluster: bool) -> None:
    values = measure(tmp_path, MEMBERS, cluster=cluster).values
    for name in FAULTS:
        assert values[f"batch.{name}"] == 0, values
    assert (values["batch.lines"], values["batch.lines_out_of_order"]) == (MEMBERS, 0)
    assert values["batch.pages_read"] == values["batch.different"] < values["batch.documents"]
    assert values["batch.first_result_share"] < 0.7, "told only when nearly all was over"


def test_members_are_found_while_there_is_no_room_and_can_be_cancelled(tmp_path: Path) -> None:
    values = measure(tmp_path, MEMBERS, found_only=True).values
    for name in FAULTS:
        assert values[f"batch.{name}"] == 0, values
