"""Names, files and the journal of bulk runs: nothing leads elsewhere, nothing is forgotten."""

import os
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import names
from services.intake.files import FileGone, Look, Skipped, open_regular
from services.intake.journal import Journal, Kind, New, OtherRequest, State

PDF = b"%PDF-1.7\n"


@given(st.lists(st.text(st.characters(), max_size=300), max_size=40))
def test_a_name_leads_nowhere_and_fits_any_file_system(parts: list[str]) -> None:
    name = names.safe(parts)
    assert name == names.safe(parts)
    path = PurePosixPath(name)
    assert not path.is_absolute()
    assert len(path.parts) <= 24
    assert str(path) == name
    for part in path.parts:
        assert part not in ("", ".", "..")
        assert len(f"{part}~{'0' * 12}.json".encode()) <= 255
        assert not part.startswith((".", "-", "~", " "))
        assert not part.endswith((".", " "))
        assert not any(unicodedata.category(char) == "Cc" for char in part)
    assert not PureWindowsPath(name).drive
    assert not any(part.casefold().endswith((".json", ".md", ".csv")) for part in path.parts[:-1])


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("2026", "a.pdf"), "2026/a.pdf"),
        (("..", "..", "etc", "passwd"), "etc/passwd"),
        (("C:\\x", "con.pdf"), "C__x/_con.pdf"),
        (("a.json", "b"), "a.json_/b"),
        ((".hidden.pdf",), "_hidden.pdf"),
        (("Rechnung März.pdf",), "Rechnung März.pdf"),
        (("\N{RIGHT-TO-LEFT OVERRIDE}fdp.exe",), "_fdp.exe"),
        ((), "document"),
    ],
)
def test_names_stay_readable(parts: tuple[str, ...], name: str) -> None:
    assert names.safe(parts) == name


def look(*paths: Path, leave_out: Path | None = None) -> tuple[dict[str, bool], Look]:
    one = Look(list(paths), frozenset({leave_out} if leave_out else ()))
    return {"/".join(found.parts): found.archive for found in one.found()}, one


def test_a_folder_is_looked_through_without_being_led_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "below").mkdir(parents=True)
    (root / "results").mkdir()
    outside.mkdir()
    for path in (root / "a.pdf", root / "below/b.pdf", outside / "c.pdf", root / "results/d.pdf"):
        path.write_bytes(PDF)
    (root / "notes.txt").write_text("no document")
    (root / "table.docx").write_bytes(b"PK\x03\x04 an office document")
    (root / "many.zip").write_bytes(b"PK\x03\x04")
    (root / "empty.pdf").write_bytes(b"")
    (root / "empty.zip").write_bytes(b"")
    (root / "out.pdf").symlink_to(outside / "c.pdf")
    (root / "in.pdf").symlink_to(root / "a.pdf")
    (root / "elsewhere").symlink_to(outside)
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.pdf")
    found, one = look(root, leave_out=root / "results")
    assert found == {"a.pdf": False, "below/b.pdf": False, "many.zip": True}
    assert one.skipped == {
        Skipped.LINK: 4, Skipped.EMPTY: 2, Skipped.TYPE: 2, Skipped.UNREADABLE: 1,
    }  # fmt: skip


def test_what_is_named_itself_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no document")
    (tmp_path / "link.pdf").symlink_to(tmp_path / "notes.txt")
    assert look(tmp_path / "notes.txt", tmp_path / "link.pdf")[0] == {"notes.txt": False}


def test_a_file_that_became_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(PDF)
    (tmp_path / "below").mkdir()
    (tmp_path / "below/a.pdf").symlink_to(tmp_path / "secret")
    with pytest.raises(FileGone):
        open_regular(tmp_path / "below/a.pdf")
    (tmp_path / "turned").symlink_to(tmp_path)
    with pytest.raises(FileGone):
        open_regular(tmp_path / "turned/secret")
    with pytest.raises(FileGone):
        open_regular(tmp_path / "below")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    (tmp_path / "results").mkdir()
    with closing(Journal(tmp_path / "journal.db", tmp_path / "results")) as one:
        yield one


def new(name: str, size: int = 1) -> New:
    return New(Kind.FILE, f"/docs/{name}".encode(), tuple(name.split("/")), size, 7)


def test_what_is_found_again_stays_as_it_was(journal: Journal) -> None:
    journal.add([new("a.pdf"), new("b.pdf")])
    first, second = journal.open_after(0)
    journal.sent(first, "doc_1")
    journal.ended(second, State.SUCCEEDED)
    journal.add([new("a.pdf"), new("b.pdf"), new("c.pdf")])
    assert [(item.shown, item.state, item.remote_id) for item in journal.open_after(0)] == [
        ("a.pdf", State.SENT, "doc_1"), ("c.pdf", State.WAITING, None),
    ]  # fmt: skip


def test_what_has_changed_is_done_again_under_its_name(journal: Journal) -> None:
    journal.add([new("a.pdf")])
    (item,) = journal.open_after(0)
    journal.ended(item, State.SUCCEEDED)
    journal.add([new("a.pdf", size=2)])
    (again,) = journal.open_after(0)
    assert (again.output, again.attempt) == (item.output, 1)


def test_members_of_an_archive_that_has_changed_are_others(journal: Journal, tmp_path: Path) -> None:
    def archive(size: int) -> New:
        return replace(new("many.zip", size), kind=Kind.ARCHIVE)

    def member(name: str, document: str) -> New:
        return New(Kind.MEMBER, b"/docs/many.zip\x001", ("many.zip", name), remote_id=document)

    journal.add([archive(1), new("many.zip.pdf"), member("jan.pdf", "doc_old")])
    for item in journal.open_after(0):
        journal.ended(item, State.SUCCEEDED)
    result = tmp_path / "results/many.zip/jan.pdf.json"
    result.parent.mkdir()
    result.write_text("{}")
    journal.add([archive(2), new("many.zip.pdf")])
    journal.add([member("feb.pdf", "doc_new")])
    assert [(item.shown, item.output, item.remote_id) for item in journal.open_after(0)] == [
        ("many.zip", "many.zip", None), ("many.zip/feb.pdf", "many.zip/feb.pdf", "doc_new"),
    ]  # fmt: skip
    assert not result.exists()


def test_members_of_an_archive_that_was_sent_once_more_are_asked_for_anew(journal: Journal) -> None:
    member = New(Kind.MEMBER, b"/docs/a.zip\x001", ("a.zip", "1.pdf"), remote_id="dead")
    done = New(Kind.MEMBER, b"/docs/a.zip\x002", ("a.zip", "2.pdf"), remote_id="read")
    journal.add([member, done])
    journal.ended(journal.open_after(0)[1], State.SUCCEEDED)
    journal.add([replace(member, remote_id="fresh"), replace(done, remote_id="fresh too")])
    assert [(item.shown, item.remote_id) for item in journal.open_after(0)] == [("a.zip/1.pdf", "fresh")]


def test_what_failed_for_good_is_left_unless_it_is_wanted(journal: Journal) -> None:
    journal.add([new("a.pdf"), new("b.pdf")])
    first, second = journal.open_after(0)
    journal.failed(first, "document_corrupt", "it is broken")
    journal.failed(second, "unavailable", "not now", retryable=True)
    assert [fault[1] for fault in journal.faults()] == ["document_corrupt", "unavailable"]
    journal.again(failed=False)
    assert [(item.shown, item.attempt) for item in journal.open_after(0)] == [("b.pdf", 1)]
    journal.again(failed=True)
    assert [item.shown for item in journal.open_after(0)] == ["a.pdf", "b.pdf"]


def test_names_that_some_file_system_takes_for_one_stay_apart(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "results/d.pdf.md").write_text("somebody else's")
    journal.add(
        [
            new("a.pdf"),
            new("A.pdf"),
            new("é.pdf"),
            new("e\u0301.pdf"),
            new("a:.pdf"),
            new("a?.pdf"),
            new("d.pdf"),
        ]
    )
    outputs = [item.output for item in journal.open_after(0)]
    assert len({names.claim(output) for output in outputs}) == 7
    assert outputs[0] == "a.pdf"
    assert outputs[1].startswith("A.pdf~")
    assert outputs[-1].startswith("d.pdf~")


def test_a_folder_holds_the_results_of_one_request(journal: Journal) -> None:
    journal.bind("a")
    journal.bind("a")
    with pytest.raises(OtherRequest):
        journal.bind("b")
