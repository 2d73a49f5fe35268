"""The client against the real service: its README's examples, and what they leave out."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from quire_client import Conflict, DocumentFailed, NotFound, Quire, RequestInvalid, StillRunning
from tests.e2e.conftest import Running

README = Path(__file__).resolve().parents[2] / "clients/python/README.md"


@pytest.fixture(scope="module")
def quire(running: Running) -> Iterator[Quire]:
    with Quire(running.url, trust_env=False) as client:
        yield client


def test_the_examples_of_the_readme_run(
    running: Running, invoice: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = README.read_text("utf-8").replace("http://127.0.0.1:8088", running.url)
    text = re.sub(r'"((?:invoice|searchable|chunks|totals|july)\.\w+)"', rf'"{tmp_path}/\1"', text)
    (tmp_path / "invoice.pdf").write_bytes(invoice)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert len(blocks) == 11
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)
    said = capsys.readouterr().out
    assert "number RE-2024-00815" in said
    assert "succeeded {'pages_total': 1" in said
    assert "document_not_found" in said
    assert (tmp_path / "searchable.pdf").read_bytes().startswith(b"%PDF")
    assert "RE-2024-00815,685.68" in (tmp_path / "totals.csv").read_text()


def test_a_document_without_a_result_says_why(quire: Quire) -> None:
    with pytest.raises(DocumentFailed) as caught:
        quire.read(b"%PDF-1.7\nno")
    assert (caught.value.code, "cannot be opened" in caught.value.detail) == ("document_corrupt", True)
    with pytest.raises(Conflict, match="no_result"):
        quire.documents.result(caught.value.document["id"])
    with pytest.raises(RequestInvalid) as refused:
        quire.documents.submit(b"no document")
    assert (refused.value.status, refused.value.code) == (415, "unsupported_media_type")


def test_a_request_is_refused_with_pointers(quire: Quire, invoice: bytes) -> None:
    with pytest.raises(RequestInvalid) as caught:
        quire.documents.submit(invoice, pages="x", schema="unheard-of")
    assert {fault.pointer for fault in caught.value.errors} == {"/request/pages"}


def test_waiting_reading_again_asking_and_cancelling(quire: Quire, long: bytes) -> None:
    mark = uuid4().hex
    document = quire.documents.submit(long, filename="lang.pdf", external_id=mark, reuse=False)
    with pytest.raises(StillRunning):
        quire.documents.wait(document["id"], timeout_s=0)
    seen = []
    document = quire.documents.wait(document["id"], told=lambda now: seen.append(now["state"]))
    assert (document["state"], document["filename"], seen[-1]) == ("succeeded", "lang.pdf", "succeeded")
    assert [page["number"] for page in quire.documents.pages(document["id"])] == list(range(1, 41))
    run = quire.documents.read_again(document["id"], pages="1", schema="invoice")
    document = quire.documents.wait(document["id"])
    assert document["run_id"] == run["id"]
    assert next(quire.documents.runs(document["id"]))["id"] == run["id"]
    lean = quire.documents.result(document["id"], include=())
    assert "fields" not in lean
    with pytest.raises(Conflict):
        quire.documents.cancel(document["id"])
    assert [found["id"] for found in quire.documents.list(external_id=mark)] == [document["id"]]
    quire.documents.delete(document["id"])
    with pytest.raises(NotFound):
        quire.documents.get(document["id"])


def test_what_an_export_writes_is_what_the_service_says(quire: Quire, invoice: bytes, tmp_path: Path) -> None:
    document = quire.documents.submit(invoice, wait_s=60)
    size = quire.documents.save(document["id"], tmp_path / "a.json", include="tables")
    written = json.loads((tmp_path / "a.json").read_bytes())
    assert (tmp_path / "a.json").stat().st_size == size
    assert written == quire.documents.result(document["id"], include=("tables",))
    table = written["tables"][0]["id"]
    assert "Artikel-Nr." in quire.documents.table(document["id"], table)
    assert quire.documents.page(document["id"], 1)["state"] == "read"
    assert "RE-2024-00815" in quire.documents.markdown(document["id"])
    assert quire.engines()[0]["name"] == "scripted"
