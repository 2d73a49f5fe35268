"""`quire watch`: files dropped into a folder are read once, and put away with what was found."""

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Running
from tests.e2e.test_bulk import documents, pictures
from tests.e2e.test_cli import QUIRE, quire

Process = subprocess.Popen[str]


@contextmanager
def watching(running: Running, folder: Path, *options: str) -> Iterator[Process]:
    call = [QUIRE, "watch", str(folder), "--url", running.url, "--settle", "0.3", *options]
    with subprocess.Popen(call, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"Quire watches {folder}\n"
        try:
            yield process
        finally:
            process.kill()


def until(what: Callable[[], bool], process: Process) -> None:
    while not what():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)


def names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()} if place.is_dir() else set()


def test_files_are_put_away_with_their_results(running: Running, tmp_path: Path, invoice: bytes) -> None:
    folder = tmp_path / "in"
    (folder / "done").mkdir(parents=True)
    (folder / "done/a.pdf.json").write_text("mine")
    with watching(running, folder, "--schema", "invoice") as process:
        (folder / "a.pdf").write_bytes(invoice + b"% a")
        (folder / "notes.txt").write_text("hello")
        (folder / ("long" * 62 + ".pdf")).write_bytes(b"%PDF-1.7\nno")
        (folder / ".hidden.pdf").write_bytes(invoice)
        (folder / "half.pdf.part").write_bytes(invoice)
        (folder / "link.pdf").symlink_to(folder / "done/a.pdf.json")
        (folder / "below").mkdir()
        until(lambda: len(names(folder / "done")) == 3 and len(names(folder / "failed")) == 4, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert names(folder / "done") == {"a.pdf.json", "a~1.pdf", "a~1.pdf.json"}
    assert (folder / "done/a.pdf.json").read_text() == "mine"
    assert (folder / "done/a~1.pdf").read_bytes() == invoice + b"% a"
    assert json.loads((folder / "done/a~1.pdf.json").read_text())["extraction"]["number"] == "RE-2024-00815"
    refused = json.loads((folder / "failed/notes.txt.json").read_text())
    assert (refused["error"]["code"], refused["document"]) == ("unsupported_media_type", None)
    broken = next(
        name for name in names(folder / "failed") if name.startswith("long") and name.endswith(".json")
    )
    assert json.loads((folder / "failed" / broken).read_text())["document"]["state"] == "failed"
    assert names(folder) == {
        "done",
        "failed",
        "below",
        ".quire-watch",
        ".hidden.pdf",
        "half.pdf.part",
        "link.pdf",
    }


def test_a_file_is_not_taken_while_it_grows(running: Running, tmp_path: Path, invoice: bytes) -> None:
    with watching(running, tmp_path) as process:
        with (tmp_path / "slow.pdf").open("wb", buffering=0) as file:
            for start in range(0, len(invoice), len(invoice) // 12):
                file.write(invoice[start : start + len(invoice) // 12])
                time.sleep(0.1)
        until(lambda: names(tmp_path / "done") == {"slow.pdf", "slow.pdf.json"}, process)
    result = json.loads((tmp_path / "done/slow.pdf.json").read_text())
    assert result["document"]["sha256"] == hashlib.sha256(invoice).hexdigest()


def test_killed_and_started_again_nothing_is_doubled(running: Running, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 8)
    sent = {hashlib.sha256(path.read_bytes() + b"watched").hexdigest() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() + b"watched")
    with watching(running, folder) as process:
        until(lambda: len(names(folder / "done")) >= 2, process)
    done = quire("watch", str(folder), "--url", running.url, "--settle", "0.1", "--once")
    assert done.returncode == 0, done.stderr
    assert names(folder / "done") == {f"{n}.png{end}" for n in range(8) for end in ("", ".json")}
    assert not names(folder / ".quire-watch/work")
    assert sorted(digest for digest in documents(running.data) if digest in sent) == sorted(sent)


def test_half_a_result_that_a_crash_left_is_not_taken_for_the_file(running: Running, tmp_path: Path) -> None:
    work = tmp_path / ".quire-watch/work"
    work.mkdir(parents=True)
    own = pictures(work / "watch-0123456789abcdef0123456789abcdef", 1)
    for letter in "abcdef":  # whichever of them the folder lists first
        (own / f".quire-{letter}0a1b2c3d4e5f607.part").write_text('{"document": {"st')
    sent = (own / "0.png").read_bytes()
    assert quire("watch", str(tmp_path), "--url", running.url, "--settle", "0.1", "--once").returncode == 0
    assert names(tmp_path / "done") == {"0.png", "0.png.json"}
    assert (tmp_path / "done/0.png").read_bytes() == sent
    assert not names(tmp_path / ".quire-watch/work")


def test_what_cannot_be_opened_is_put_away_and_not_lost(running: Running, tmp_path: Path) -> None:
    """It became a link while it waited; a file that its user may not read goes the same way."""
    work = tmp_path / ".quire-watch/work/watch-0123456789abcdef0123456789abcdef"
    work.mkdir(parents=True)
    (work / "contract.pdf").symlink_to("/etc/hostname")
    assert quire("watch", str(tmp_path), "--url", running.url, "--settle", "0.1", "--once").returncode == 0
    assert names(tmp_path / "failed") == {"contract.pdf", "contract.pdf.json"}
    said = json.loads((tmp_path / "failed/contract.pdf.json").read_text())["error"]
    assert (said["code"], said["retryable"]) == ("file_unreadable", True)
    assert not names(tmp_path / ".quire-watch/work")


def test_what_failed_and_is_dropped_again_is_read_again(running: Running, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\nno")
    call = ("watch", str(tmp_path), "--url", running.url, "--settle", "0.1", "--once")
    assert quire(*call).returncode == 0
    first = json.loads((tmp_path / "failed/a.pdf.json").read_text())
    (tmp_path / "failed/a.pdf").rename(tmp_path / "a.pdf")
    assert quire(*call).returncode == 0
    second = json.loads((tmp_path / "failed/a~1.pdf.json").read_text())
    assert first["document"]["id"] != second["document"]["id"]


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        (["--schema", "unheard-of"], (2, "there is no schema")),
        (["--url", "http://127.0.0.1:1"], (1, "does not answer")),
    ],
)
def test_what_stands_against_all_files_ends_it_and_leaves_them(
    running: Running, tmp_path: Path, invoice: bytes, options: list[str], ends: tuple[int, str]
) -> None:
    (tmp_path / "a.pdf").write_bytes(invoice)
    call = ("watch", str(tmp_path), "--url", running.url, "--settle", "0.1", "--patience", "0", *options)
    done = quire(*call)
    assert (done.returncode, ends[1] in done.stderr) == (ends[0], True), done.stderr
    assert not names(tmp_path / "failed")
    assert not names(tmp_path / "done")
    assert [path.read_bytes() for path in tmp_path.rglob("a.pdf")] == [invoice]
