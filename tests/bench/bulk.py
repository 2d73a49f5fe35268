"""`quire bulk` over very many files, killed once in the middle: `make bench-bulk [FILES=10000]`."""

import argparse
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.bench.batch_archive import numbered, page
from tests.bench.figures import Figures
from tests.bench.gauge import Memory
from tests.bench.process import QuireProcess
from tests.bench.service import running

_IN_A_FOLDER = 1000


@dataclass(frozen=True, slots=True)
class _Alone:
    """The command, looked at by itself."""

    all: list[QuireProcess]


def _files(folder: Path, count: int) -> None:
    template = page()
    for number in range(count):
        path = folder / f"{number // _IN_A_FOLDER}" / f"{number}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbered(template, number))


def _written(out: Path) -> int:
    return sum(1 for _ in out.glob("*/*.json"))


def _until(command: QuireProcess, out: Path, wanted: int) -> None:
    while command.alive and _written(out) < wanted:
        time.sleep(0.5)


def measure(scratch: Path, files: int) -> Figures:
    figures, source, out = Figures(), scratch / "in", scratch / "out"
    _files(source, files)
    with running(scratch / "data", QUIRE_ENGINE_URL="scripted://") as service:
        call = ["bulk", str(source), "--out", str(out), "--url", service.url]
        command = QuireProcess(scratch / "bulk", call, "results in")
        with Memory(_Alone([command])) as memory:
            begun = time.monotonic()
            command.launch()
            _until(command, out, files // 2)
            command.kill()
            killed = _written(out)
            resumed = time.monotonic()
            command.launch()
            _until(command, out, killed + 1)
            resumed = time.monotonic() - resumed
            _until(command, out, files + 1)  # until it has ended
            whole = time.monotonic() - begun
        begun = time.monotonic()
        command.launch()
        _until(command, out, files + 1)
        again = time.monotonic() - begun
        exit_code = command.exit_code
    with closing(sqlite3.connect(service.data_dir / "quire.db")) as database:
        (documents,) = database.execute("SELECT count(*) FROM documents").fetchone()
    figures.add("bulk.files", files)
    figures.add("bulk.written_before_the_kill", killed)
    figures.add("bulk.written", _written(out))
    figures.add("bulk.exit_code", -1 if exit_code is None else exit_code)
    figures.add("bulk.documents_doubled", documents - files)
    figures.add("bulk.whole_s", round(whole, 1))
    figures.add("bulk.ms_per_file", round(1000 * whole / files, 1))
    figures.add("bulk.resumed_s", round(resumed, 1))
    figures.add("bulk.nothing_to_do_s", round(again, 2))
    figures.add("bulk.journal_mb", round((out / ".quire-bulk/journal.db").stat().st_size / 1e6, 2))
    figures.add("bulk.memory_mb_before", round(memory.first()["bulk"]))
    figures.add("bulk.memory_mb_peak", round(memory.peaks()["bulk"][0]))
    return figures


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quire-bulk-") as folder:
        figures = measure(Path(folder), options.files)
    if options.out:
        figures.write(options.out)
    found = figures.values
    return int(found["bulk.written"] != found["bulk.files"] or found["bulk.documents_doubled"] != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
