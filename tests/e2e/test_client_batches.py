"""The client's batches against the real service: posted, waited for, read on, cancelled, tried again."""

import base64
import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire_client import BatchRunning, NotFound, Quire, RequestInvalid
from tests.e2e.conftest import Running
from tests.samples.archives import zipped


@pytest.fixture(scope="module")
def quire(running: Running) -> Iterator[Quire]:
    with Quire(running.url, trust_env=False) as client:
        yield client


def test_an_archive_its_members_and_its_results(quire: Quire, invoice: bytes, tmp_path: Path) -> None:
    packed = tmp_path / "july.zip"
    packed.write_bytes(zipped({"a.pdf": invoice, "b/same.pdf": invoice, "notes.txt": b"no document"}))
    batch = quire.batches.archive(packed, schema="invoice", labels={"lot": "july"})
    told: list[str] = []
    batch = quire.batches.wait(batch["id"], timeout_s=120, told=lambda now: told.append(now["state"]))
    assert (batch["state"], batch["filename"], told[-1]) == ("partial", "july.zip", "partial")
    assert (batch["counts"]["succeeded"], batch["counts"]["refused"]) == (2, 1)
    assert batch["id"] in [one["id"] for one in quire.batches.list()]

    members = [*quire.batches.documents(batch["id"])]
    assert [member["name"] for member in members] == ["a.pdf", "b/same.pdf", "notes.txt"]
    (refused,) = quire.batches.documents(batch["id"], state="refused")
    assert refused["error"]["code"] == "unsupported_media_type"

    lines = [*quire.batches.results(batch["id"], follow=True)]
    assert sorted(line["number"] for line in lines) == [1, 2, 3]
    (first,) = [line for line in lines if line["name"] == "a.pdf"]
    assert first["result"] is not None
    assert first["result"]["document"]["labels"] == {"lot": "july"}
    numbers = [line["sequence"] for line in lines]
    assert numbers == sorted(set(numbers))
    rest = [*quire.batches.results(batch["id"], after=numbers[0], include=())]
    assert [line["sequence"] for line in rest] == numbers[1:]

    quire.batches.save(batch["id"], tmp_path / "all.csv", "csv")
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8-sig") as rows:
        assert len([*csv.DictReader(rows)]) == 3
    quire.batches.save(batch["id"], tmp_path / "all.zip")
    assert "members.csv" in zipfile.ZipFile(tmp_path / "all.zip").namelist()


def test_the_same_post_makes_one_batch(quire: Quire, invoice: bytes) -> None:
    packed = zipped({"a.pdf": invoice})
    first = quire.batches.archive(packed, idempotency_key="once-and-for-all")
    again = quire.batches.archive(packed, idempotency_key="once-and-for-all")
    assert first["id"] == again["id"]
    with pytest.raises(RequestInvalid, match="idempotency_key_reused"):
        quire.batches.archive(packed, idempotency_key="once-and-for-all", pages="1")


def test_what_failed_is_tried_again_and_adds_a_line(quire: Quire, invoice: bytes) -> None:
    batch = quire.batches.sources(
        [
            {"base64": base64.b64encode(invoice).decode(), "filename": "a.pdf", "external_id": "erp-1"},
            {"url": "http://127.0.0.1:9/nobody.pdf", "external_id": "erp-2"},
        ]
    )
    batch = quire.batches.wait(batch["id"], timeout_s=120)
    before = {line["external_id"]: line for line in quire.batches.results(batch["id"], include=())}
    assert before["erp-1"]["state"] == "succeeded"
    assert before["erp-2"]["error"] is not None
    assert before["erp-2"]["error"]["code"] == "source_failed"
    quire.batches.retry(batch["id"])
    quire.batches.wait(batch["id"], timeout_s=120)
    newest = max(line["sequence"] for line in before.values())
    (added,) = quire.batches.results(batch["id"], after=newest, include=())
    assert (added["external_id"], added["sequence"] > newest) == ("erp-2", True)


def test_cancelling_leaves_what_was_read(quire: Quire, long: bytes) -> None:
    batch = quire.batches.archive(zipped({f"{n}.pdf": long for n in range(3)}), reuse=False)
    with pytest.raises(BatchRunning):
        quire.batches.wait(batch["id"], timeout_s=0)
    quire.batches.cancel(batch["id"])
    ended = quire.batches.wait(batch["id"], timeout_s=120)
    assert ended["state"] == "cancelled"
    assert quire.batches.cancel(batch["id"])["state"] == "cancelled"
    with pytest.raises(NotFound):
        quire.batches.get("bat_00000000000000000000000000")
