"""`quire bulk` as a user runs it: all of a folder, once, however often it is cut off."""

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.conftest import Running
from tests.e2e.test_cli import QUIRE, quire
from tests.samples.invoice import invoice_pdf


@pytest.fixture
def folder(tmp_path: Path, invoice: bytes) -> Path:
    """Three invoices, a broken one, and what is none."""
    root = tmp_path / "in"
    (root / "2026" / "März").mkdir(parents=True)
    for name in ("a.pdf", "2026/b.pdf", "2026/März/c.pdf"):
        (root / name).write_bytes(invoice + f"% {name}".encode())
    (root / "broken.pdf").write_bytes(b"%PDF-1.7\nno")
    (root / "notes.txt").write_text("hello")
    (root / "way-out").symlink_to("/etc")
    return root


def documents(data: Path) -> list[str]:
    """The digests of all documents that the service of a folder has."""
    with closing(sqlite3.connect(data / "quire.db")) as db:
        return [row[0] for row in db.execute("SELECT digest FROM documents ORDER BY id")]


def written(out: Path) -> set[str]:
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith(".quire-bulk")}


def test_a_folder_is_read_and_then_there_is_nothing_left_to_do(running: Running, folder: Path) -> None:
    out = folder / "results"  # in the folder itself: never taken for documents
    call = ("bulk", str(folder), "--out", str(out), "--schema", "invoice", "--also", "md", "--also", "csv")
    done = quire(*call, "--url", running.url)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    stems = ("a.pdf", "2026/b.pdf", "2026/März/c.pdf")
    assert written(out) == {f"{stem}.{end}" for stem in stems for end in ("json", "md", "csv")}
    result = json.loads((out / "2026/März/c.pdf.json").read_text())
    assert result["extraction"]["number"] == "RE-2024-00815"
    assert "RE-2024-00815" in (out / "a.pdf.csv").read_text()
    summary = dict(re.findall(r"^([a-z: ]+?) {2,}(\d+)$", done.stderr, re.M))
    assert summary == {
        "documents": "4", "succeeded": "3", "partial": "0", "failed": "1",
        "skipped: links": "1", "skipped: files of other types": "1",
    }  # fmt: skip
    assert "! broken.pdf: " in done.stderr
    assert "document_corrupt" in done.stderr

    before = documents(running.data)
    (out / "a.pdf.json").write_text("touched")
    again = quire(*call, "--url", "http://127.0.0.1:1")
    assert (again.returncode, again.stderr) == (3, done.stderr), "not even the service was asked"
    assert (out / "a.pdf.json").read_text() == "touched"
    assert documents(running.data) == before

    (folder / "a.pdf").write_bytes(invoice_pdf() + b"% changed")
    changed = quire(*call, "--url", running.url)
    assert changed.returncode == 3
    assert len(documents(running.data)) == len(before) + 1
    assert json.loads((out / "a.pdf.json").read_text())["document"]["external_id"] is None

    other = quire("bulk", str(folder), "--out", str(out), "--schema", "receipt", "--url", running.url)
    assert (other.returncode, "another request" in other.stderr) == (2, True)


def test_files_of_others_are_never_written_over(running: Running, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.pdf.json").write_text("mine")
    done = quire("bulk", str(folder / "a.pdf"), "--out", str(out), "--url", running.url)
    assert done.returncode == 0, done.stderr
    assert (out / "a.pdf.json").read_text() == "mine"
    (other,) = written(out) - {"a.pdf.json"}
    assert re.fullmatch(r"a\.pdf~[0-9a-f]{12}\.json", other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--schema", "unheard-of"], "there is no schema"),
        (["--url", "ftp://x"], "--url"),
        (["missing"], "no such file or folder: missing"),
    ],
)
def test_what_is_wrong_with_all_documents_ends_the_run(
    running: Running, folder: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    done = quire("bulk", str(folder), "--out", str(tmp_path / "out"), "--url", running.url, *options)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not written(tmp_path / "out") if (tmp_path / "out").exists() else True


def wait_for(out: Path, wanted: int, process: "subprocess.Popen[bytes]") -> None:
    while not (out.is_dir() and len(written(out)) >= wanted):
        assert process.poll() is None, "it ended too early"
        time.sleep(0.02)


def heeding_interrupts() -> None:
    """Tests that run in the background ignore SIGINT, and so would what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pictures(root: Path, count: int) -> Path:
    """Small scans, no two alike."""
    root.mkdir()
    for number in range(count):
        picture = Image.new("L", (300, 200), 255)
        picture.paste(0, (20, 20, 40 + number, 40))
        picture.save(root / f"{number}.png")
    return root


def test_killed_in_the_middle_nothing_is_doubled_and_nothing_lost(running: Running, tmp_path: Path) -> None:
    root, out = pictures(tmp_path / "in", 30), tmp_path / "out"
    call = [QUIRE, "bulk", str(root), "--out", str(out), "--url", running.url, "--in-flight", "4"]
    for wanted, how in ((2, signal.SIGKILL), (8, signal.SIGKILL), (14, signal.SIGINT)):
        with subprocess.Popen(
            call,
            stderr=subprocess.PIPE,
            preexec_fn=heeding_interrupts,  # noqa: PLW1509  # no threads here
        ) as process:
            wait_for(out, wanted, process)
            process.send_signal(how)
            assert process.stderr is not None
            said = process.stderr.read().decode()
        assert process.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL), said
    assert re.search(r"interrupted with \d+ of 30 to go; the same command goes on", said)
    assert len(written(out)) < 30
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert written(out) == {f"{number}.png.json" for number in range(30)}
    for path in out.glob("*.json"):
        assert json.loads(path.read_text())["document"]["filename"] == path.name.removesuffix(".json")
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in root.iterdir()}
    assert sorted(digest for digest in documents(running.data) if digest in sent) == sorted(sent)


def test_a_service_inside_the_command_may_die_with_it(tmp_path: Path) -> None:
    """It is kept until all is done, and then it is gone."""
    root, out = pictures(tmp_path / "in", 6), tmp_path / "out"
    call = [QUIRE, "bulk", str(root), "--out", str(out), "--in-flight", "2"]
    environment = {**os.environ, "QUIRE_ENGINE_URL": "scripted://", "QUIRE_CPU_PROCESSES": "1"}
    with subprocess.Popen(call, env=environment) as process:
        wait_for(out, 1, process)
        process.kill()
    sent = documents(out / ".quire-bulk/service")
    done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, bool(sent)) == (0, True), done.stderr
    assert written(out) == {f"{number}.png.json" for number in range(6)}
    assert not (out / ".quire-bulk/service").exists()


def test_a_service_that_is_not_there(folder: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    done = quire("bulk", str(folder), "--out", out, "--url", "http://127.0.0.1:1", "--patience", "0")
    assert (done.returncode, "does not answer" in done.stderr) == (1, True), done.stderr
    assert "the same command goes on" in done.stderr


def test_archives_are_taken_apart_by_the_service(running: Running, tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    root.mkdir()
    papers = pictures(tmp_path / "papers", 3)
    with zipfile.ZipFile(root / "many.zip", "w") as archive:
        for number, name in enumerate(("a.png", "2026/März.png", "../../way-out.png")):
            archive.writestr(name, (papers / f"{number}.png").read_bytes() + b"archived")
        archive.writestr("notes.txt", "hello")
    (root / "broken.zip").write_bytes(b"PK\x03\x04 cut off")
    call = ("bulk", str(root), "--out", str(out), "--url", running.url)
    done = quire(*call)
    assert done.returncode == 3, done.stderr
    assert written(out) == {f"many.zip/{name}.png.json" for name in ("a", "2026/März")}, done.stderr
    assert re.search(r"^failed +3$", done.stderr, re.M), done.stderr
    assert "! many.zip/notes.txt: " in done.stderr
    assert "way-out.png: " in done.stderr, "names that lead elsewhere are refused"
    assert "! broken.zip: " in done.stderr
    again = quire(*call)
    assert (again.returncode, again.stderr) == (3, done.stderr)
