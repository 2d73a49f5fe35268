"""`quire bulk`: folders, archives and files in, a result beside each name, resumed where it was cut off."""

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import quire_client
from quire_client import Problem, Quire, Retries
from schemas.errors import Unavailable
from services.cli import FAILED, OK, PARTIAL, USAGE, DataDir, say
from services.cli_extract import request_of
from services.cli_service import Url, connected
from services.folder_lock import FolderLock
from services.intake.bulk import Bulk, Order, Written
from services.intake.files import Found, Look, Skipped
from services.intake.journal import Journal, Kind, New, State

OWN = ".quire-bulk"
"""The folder below the results that holds what the command notes for itself."""

_FAULTS_SHOWN = 20
_INTERRUPTED = 130
_TOGETHER = 500


def register(app: typer.Typer) -> None:
    app.command()(bulk)


def bulk(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="folders (with all below), files, archives")
    ],
    out: Annotated[Path, typer.Option(help="folder for the results")],
    schema: Annotated[str | None, typer.Option(help="name of a schema, or a file with a JSON Schema")] = None,
    ask: Annotated[list[str] | None, typer.Option(help="a question; repeat for more")] = None,
    also: Annotated[
        list[Written] | None, typer.Option(help="write this besides the JSON; repeat for both")
    ] = None,
    pages: Annotated[str | None, typer.Option(help="of each document, such as 1-3")] = None,
    password: Annotated[str | None, typer.Option(help="of encrypted documents")] = None,
    language: Annotated[list[str] | None, typer.Option(help="such as de; repeat for more")] = None,
    in_flight: Annotated[int, typer.Option(min=1, max=256, help="documents at once")] = 16,
    patience: Annotated[
        float, typer.Option(min=0, help="seconds to wait for a service that is busy or away")
    ] = 900,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="send again what failed")] = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Read all documents of folders; the same command again goes on where it was cut off.

    Exit code: 0 all succeeded, 1 none or the run could not go on, 2 usage, 3 some failed or are partial.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        say(f"quire: no such file or folder: {', '.join(missing)}")
        raise typer.Exit(USAGE)
    request = request_of(schema, ask, pages, password, language)
    request["priority"] = "bulk"
    signal.signal(signal.SIGTERM, _interrupt)
    with ExitStack() as stack:
        own = out.resolve() / OWN
        stack.enter_context(FolderLock(own))
        order = Order(request, frozenset(also or ()), out.resolve(), own / "parts")
        shutil.rmtree(order.parts, ignore_errors=True)  # half of what a run before this one wrote
        order.parts.mkdir()
        journal = stack.enter_context(closing(Journal(own / "journal.db", order.out)))
        journal.bind(order.identity)
        if url is None and data_dir is None and "QUIRE_DATA_DIR" not in os.environ:
            data_dir = own / "service"  # kept until all is done: a run that is cut off finds it again
        skipped = _note(journal, paths, order.out)
        journal.again(failed=retry_failed)
        service = connected(url, data_dir, "bulk", Retries(most=None, patience_s=patience))
        _work(journal, order, in_flight, service)
        code = _summary(journal, skipped, out)
        shutil.rmtree(own / "service", ignore_errors=True)
    raise typer.Exit(code)


def _note(journal: Journal, paths: list[Path], out: Path) -> Mapping[Skipped, int]:
    look = Look(paths, frozenset({out, out / OWN}))
    for some in _chunks(look.found()):
        journal.add(_new(found) for found in some)
    return look.skipped


def _new(found: Found) -> New:
    kind = Kind.ARCHIVE if found.archive else Kind.FILE
    return New(kind, os.fsencode(found.path), found.parts, found.size, found.mtime_ns)


def _chunks(found: Iterator[Found]) -> Iterator[Iterable[Found]]:
    while some := list(islice(found, _TOGETHER)):
        yield some


def _work(journal: Journal, order: Order, in_flight: int, service: AbstractContextManager[Quire]) -> None:
    if not journal.open_after(0, 1):
        return
    try:
        with service as quire, _Shown(journal) as shown:
            Bulk(quire, journal, order, in_flight, shown.told).run()
    except KeyboardInterrupt:
        counts = journal.counts()
        left, whole = counts[State.WAITING] + counts[State.SENT], sum(counts.values())
        say(f"quire: interrupted with {left} of {whole} to go; the same command goes on")
        raise typer.Exit(_INTERRUPTED) from None
    except Problem as problem:
        say(f"quire: {problem.detail}")
        raise typer.Exit(USAGE if problem.status == 422 else FAILED) from None
    except quire_client.QuireError as error:
        raise Unavailable(detail=f"{error}; the same command goes on") from None


def _summary(journal: Journal, skipped: Mapping[Skipped, int], out: Path) -> int:
    """The table at the end, and the exit code."""
    counts = journal.counts()
    ended = {state: counts[state] for state in (State.SUCCEEDED, State.PARTIAL, State.FAILED)}
    lines = [("documents", sum(ended.values())), *ended.items()]
    lines += [(f"skipped: {why}", skipped[why]) for why in Skipped if skipped[why]]
    width = max(len(name) for name, _ in lines)
    for name, count in lines:
        say(f"{name:{width}}  {count:>8}")
    for number, (shown, code, detail) in enumerate(journal.faults()):
        if number == _FAULTS_SHOWN:
            say(f"... and {ended[State.FAILED] - number} more")
            break
        say(f"! {shown}: {detail} ({code})")
    say(f"results in {out}")
    if ended[State.SUCCEEDED] == sum(ended.values()):
        return OK
    return FAILED if ended[State.FAILED] == sum(ended.values()) else PARTIAL


class _Shown:
    """How far the run is: a bar on a terminal, nothing elsewhere."""

    def __init__(self, journal: Journal) -> None:
        counts = journal.counts()
        self._journal = journal
        self._counts = Counter(counts)
        self._bar = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        done = sum(counts[state] for state in (State.SUCCEEDED, State.PARTIAL, State.FAILED))
        self._task = self._bar.add_task(
            "",
            total=sum(counts.values()) - counts[State.UNPACKED],
            completed=done,
            failed=counts[State.FAILED],
        )

    def told(self, state: State) -> None:
        if state is State.UNPACKED:  # what was in it is to be done now
            counts = self._journal.counts()
            self._bar.update(self._task, total=sum(counts.values()) - counts[State.UNPACKED])
            return
        self._counts[state] += 1
        self._bar.update(self._task, advance=1, failed=self._counts[State.FAILED])

    def __enter__(self) -> "_Shown":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
