"""The command line as a user runs it: results on stdout, words on stderr, exit codes."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from pipeline.user_schema import validator
from services.result_schema import result_schema
from tests.e2e.conftest import Running
from tests.samples.broken import locked_pdf

QUIRE = str(Path(sys.executable).parent / "quire")


def quire(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUIRE_")} | settings
    return subprocess.run([QUIRE, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def files(tmp_path: Path, invoice: bytes) -> dict[str, str]:
    contents = {
        "invoice.pdf": invoice,
        "broken.pdf": b"%PDF-1.7\nno",
        "notes.txt": b"hello",
        "locked.pdf": locked_pdf(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in contents}


def extract(running: Running, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return quire("extract", "--url", running.url, *arguments)


def test_fields_are_printed_with_their_evidence(running: Running, files: dict[str, str]) -> None:
    done = extract(running, files["invoice.pdf"], "--schema", "invoice")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["field", "value", "state", "confidence", "page", "quote", "box"]
    number = next(line for line in lines if line.startswith("number "))
    assert "RE-2024-00815" in number
    assert " found " in number
    assert re.search(r"\d+(\.\d+)?(,\d+(\.\d+)?){3}$", number), "it ends in a box"


def test_json_has_the_published_shape(running: Running, files: dict[str, str]) -> None:
    done = extract(running, files["invoice.pdf"], "--schema", "invoice", "--format", "json")
    assert done.returncode == 0
    validator(result_schema()).validate(json.loads(done.stdout))
    assert done.stdout.endswith("}\n")


def test_csv_and_markdown(running: Running, files: dict[str, str]) -> None:
    done = extract(running, files["invoice.pdf"], "--schema", "invoice", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["file"] for row in rows} == {files["invoice.pdf"]}
    assert [row["value"] for row in rows if row["field"] == "number"] == ["RE-2024-00815"]
    done = extract(running, files["invoice.pdf"])
    assert "RE-2024-00815" in done.stdout
    assert "<th>Artikel-Nr.</th>" in done.stdout, "a table with spans is HTML also in Markdown"


def test_a_schema_of_one_s_own(running: Running, files: dict[str, str], tmp_path: Path) -> None:
    schema = tmp_path / "mine.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"invoice_number": {"type": "string"}}}))
    done = extract(running, files["invoice.pdf"], "--schema", str(schema), "--format", "json")
    assert json.loads(done.stdout)["extraction"] == {"invoice_number": "RE-2024-00815"}
    schema.write_text("{")
    assert extract(running, files["invoice.pdf"], "--schema", str(schema)).returncode == 2


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ((["broken.pdf"], []), 1, "cannot be opened"),
        ((["notes.txt"], []), 1, "no known type"),
        ((["invoice.pdf", "broken.pdf"], []), 3, "cannot be opened"),
        ((["locked.pdf"], []), 1, "password"),
        ((["invoice.pdf"], ["--schema", "unheard-of"]), 2, "there is no schema"),
        ((["invoice.pdf"], ["--pages", "7"]), 1, "no page 7"),
        ((["invoice.pdf"], ["--pages", "x"]), 2, "pages"),
        ((["missing.pdf"], []), 2, "no such file"),
        (([], []), 2, "FILE"),
        ((["invoice.pdf"], ["--format", "xml"]), 2, "xml"),
    ],
)
def test_exit_codes(
    running: Running, files: dict[str, str], call: tuple[Sequence[str], Sequence[str]], code: int, said: str
) -> None:
    names, more = call
    done = extract(running, *(files.get(name, name) for name in names), *more)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if "invoice.pdf" not in names or code == 2:
        assert done.stdout == ""


@pytest.mark.parametrize("form", ["md", "csv"])
def test_what_is_to_know_of_a_result_is_said_beside_it(
    running: Running, tmp_path: Path, invoice: bytes, form: str
) -> None:
    """Formats that cannot hold warnings have them on stderr, and stay clean themselves."""
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(invoice.replace(b"startxref", b"startnowhere"))
    done = extract(running, str(damaged), "--format", form)
    assert done.returncode == 0, done.stderr
    assert "damaged.pdf: the file is damaged and was repaired" in done.stderr
    assert "repaired" not in done.stdout
    assert "Bohrschrauber" in done.stdout


def test_a_partial_document_says_which_page_failed(running: Running, tmp_path: Path) -> None:
    pages = tmp_path / "pages.tif"
    first = Image.new("L", (400, 600), 255)
    first.paste(0, (50, 50, 350, 60))
    second = Image.new("1", (12_000, 16), 1)  # no engine takes a page 750 times as wide as high
    second.paste(0, (0, 4, 11_000, 8))
    first.save(pages, save_all=True, append_images=[second])
    done = extract(running, str(pages), "--format", "json")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["document"]["state"] == "partial"
    assert "partial" in done.stderr
    assert "page 2: " in done.stderr


def test_a_service_that_is_not_there(files: dict[str, str]) -> None:
    done = quire("extract", "--url", "http://127.0.0.1:1", files["invoice.pdf"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not answer" in done.stderr


def test_without_a_service_the_command_brings_its_own(files: dict[str, str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = quire(
        "extract", files["invoice.pdf"], "--schema", "invoice", QUIRE_ENGINE_URL="scripted://",
        HOME=str(home), XDG_DATA_HOME=str(home), TMPDIR=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "RE-2024-00815" in done.stdout
    assert not list(home.rglob("quire*")), "nothing is kept"
    assert not list(tmp_path.glob("quire-*"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"QUIRE_DATABASE_URL": "mysql://u:secret@db/x"},
            "QUIRE_DATABASE_URL is set to a mysql URL",
        ),
        ({"QUIRE_BROKER_URL": "redis://r"}, "QUIRE_BROKER_URL"),
        ({"QUIRE_BLOBS_URL": "gs://b"}, "QUIRE_BLOBS_URL"),
        ({"QUIRE_ENGINE_URL": "ftp://engine"}, "QUIRE_ENGINE_URL"),
        ({"QUIRE_HOST": "0.0.0.0"}, "make one with quire keys create"),
        ({"QUIRE_HOST": "0.0.0.0", "QUIRE_REQUIRE_KEYS": "false"}, "QUIRE_REQUIRE_KEYS is false"),
        ({"QUIRE_REQUIRE_KEYS": "true"}, "make one with quire keys create"),
        ({"QUIRE_PROT": "1"}, "did you mean QUIRE_PORT"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    done = quire("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), **settings)
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("process", ["api", "worker", "sweep"])
def test_processes_need_a_store_to_share(process: str, tmp_path: Path) -> None:
    done = quire(process, "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 2
    assert f"quire {process} needs QUIRE_DATABASE_URL" in done.stderr


def test_a_folder_in_use_is_refused(running: Running) -> None:
    done = quire("serve", "--port", "0", "--data-dir", str(running.data))
    assert done.returncode == 1
    assert "another Quire process is using" in done.stderr


def test_serve_says_where_it_listens_and_stops_in_good_order(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [QUIRE, "serve", "--port", "0", "--data-dir", str(tmp_path / "data")],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process:
        first = process.stderr.readline()
        assert re.search(r"http://127\.0\.0\.1:\d+", first)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait() == 0
    assert said == "Quire stops\n"


def test_migrate_and_doctor(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    assert "database was on revision none, is on" in quire("migrate", "--data-dir", data).stderr
    done = quire("doctor", "--data-dir", data)
    assert done.returncode == 0, done.stdout
    assert "embedded" in done.stdout
    assert "tesseract" in done.stdout
    unknown = quire("doctor", "--data-dir", data, QUIRE_ENGINE_URL="ftp://engine")
    assert (unknown.returncode, "broken  engine" in unknown.stdout) == (1, True)
    broken = quire("doctor", "--data-dir", data, QUIRE_BROKER_URL="redis://r")
    assert broken.returncode == 1
    assert "QUIRE_BROKER_URL" in broken.stdout


def test_keys_are_made_listed_rotated_and_revoked(tmp_path: Path) -> None:
    def keys(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return quire("keys", *arguments, "--data-dir", str(tmp_path / "data"))

    made = keys("create", "--tenant", "acme", "--name", "ci", "--scopes", "submit, read", "--expires", "90d")
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"qk_[\w-]{43}\n", made.stdout)
    assert made.stdout.strip() not in made.stderr
    (row,) = json.loads(keys("list", "--format", "json").stdout)
    assert (row["tenant"], row["name"], row["scopes"], row["state"]) == (
        "acme",
        "ci",
        "submit,read",
        "active",
    )
    rotated = keys("rotate", row["id"], "--overlap", "0s")
    assert rotated.stdout != made.stdout
    states = {line.split()[0]: line.split()[4] for line in keys("list").stdout.splitlines()[1:]}
    assert states.pop(row["id"]) == "expired"
    (other,) = states
    assert keys("revoke", other).returncode == 0
    assert "revoked" in keys("list", "--tenant", "acme").stdout
    for wrong, code in (
        (("revoke", "key_none"), 1),
        (("create", "--scopes", "root"), 2),
        (("create", "--expires", "soon"), 2),
        (("create", "--tenant", "A B"), 2),
    ):
        refused = keys(*wrong)
        assert (refused.returncode, refused.stdout) == (code, "")
        assert refused.stderr.startswith("quire: ")


def test_what_a_tenant_may_use_and_keep_is_set_and_shown(tmp_path: Path) -> None:
    def tenants(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return quire("tenants", *arguments, "--data-dir", str(tmp_path / "data"))

    assert tenants("set", "acme", "--retention", "30d", "--pages-per-month", "100").returncode == 0
    assert tenants("set", "acme", "--retention", "forever").returncode == 0
    listed = json.loads(tenants("list", "--format", "json").stdout)
    assert {"tenant": "acme", "retention_hours": 0, "pages_per_month": 100} in listed
    assert tenants("set", "acme", "--retention", "default", "--pages-per-month", "default").returncode == 0
    assert re.search(r"^acme +- +-$", tenants("list").stdout, re.MULTILINE)
    for wrong in (("--retention", "30m"), ("--pages-per-month", "many")):
        refused = tenants("set", "acme", *wrong)
        assert refused.returncode == 2
        assert wrong[1] in refused.stderr
