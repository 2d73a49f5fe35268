"""The work of `quire watch`: files dropped into a folder, sent once, put away with their results.

A file is taken by moving it into a folder of its own, whose name is its key at the service: where it lies
is all there is to remember, so whoever starts after a crash finds what to go on with.
"""

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

from quire_client import Document, Problem, Quire, Request
from schemas.errors import Unsupported
from services.intake.crew import Crew
from services.intake.files import FileGone, open_regular
from services.intake.names import safe, shown
from services.intake.sending import sent_once
from services.intake.verdicts import fault_of, of_all

OWN = ".quire-watch"
_LOOK_S = 0.5
_LONG = 230
_RESULT = ".result.json"
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", "~")

Said = Callable[[str], None]
Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Places:
    """The folder, and what is below it: what is being worked on, what is done, what failed."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / OWN / "work"

    def end(self, *, well: bool) -> Path:
        return self.folder / ("done" if well else "failed")

    def make(self) -> None:
        for place in (self.work, self.end(well=True), self.end(well=False)):
            place.mkdir(parents=True, exist_ok=True)
        probe, link = self.folder / OWN / "probe", self.end(well=True) / ".quire-probe"
        probe.touch()
        try:
            os.link(probe, link)
            link.unlink()
        except OSError:
            raise Unsupported(
                detail=f"{self.folder}: its file system has no hard links, without which files cannot be "
                "put away safely"
            ) from None
        finally:
            probe.unlink()


class Dropped:
    """One folder being watched."""

    def __init__(
        self, quire: Quire, places: Places, request: Request, *, in_flight: int, settle_s: float, said: Said
    ) -> None:
        """A file is taken when it has not changed for ``settle_s``."""
        self._quire = quire
        self._places = places
        self._request = request
        self._settle_s = settle_s
        self._said = said
        self._crew = Crew(in_flight, self._one)
        self._seen: dict[str, tuple[Signature, float]] = {}

    def run(self, stop: threading.Event, *, once: bool) -> None:
        """Until ``stop`` is set; with ``once`` until nothing is left in the folder."""
        for left in sorted(self._places.work.iterdir()):
            self._crew.hand(left)
        while not stop.is_set():
            idle = self._crew.idle
            complete = self._settled()
            for name in complete:
                self._crew.hand(self._take(name))
            self._crew.check()
            if once and idle and not complete and not self._seen:
                return
            stop.wait(min(_LOOK_S, self._settle_s))

    def _settled(self) -> list[str]:
        """Names of files that are complete, as far as can be told: they have stopped changing."""
        now, seen = monotonic(), {}
        for name, signature in self._present():
            before, since = self._seen.get(name, (None, now))
            seen[name] = signature, (since if before == signature else now)
        self._seen = seen
        return sorted(name for name, (_, since) in seen.items() if now - since >= self._settle_s)

    def _present(self) -> Iterator[tuple[str, Signature]]:
        for entry in os.scandir(self._places.folder):
            hidden = entry.name.startswith(".") or entry.name.casefold().endswith(_UNFINISHED)
            with suppress(OSError):  # gone since
                if not hidden and entry.is_file(follow_symlinks=False):
                    yield entry.name, _signature(entry.stat(follow_symlinks=False))

    def _take(self, name: str) -> Path:
        own = self._places.work / f"watch-{secrets.token_hex(16)}"
        own.mkdir()
        with suppress(FileNotFoundError):  # somebody took it back: the folder stays empty, and goes
            (self._places.folder / name).rename(own / name)
        self._seen.pop(name, None)
        return own

    def _one(self, own: Path) -> None:
        """``own`` is the folder of one file; however far it was brought before, it is brought to its end."""
        # What is hidden is ours: a result, or the half of one that a crash left.
        file = next((path for path in own.iterdir() if not path.name.startswith(".")), None)
        if file is not None:
            try:
                while (well := self._read(own, file)) is None:
                    own = own.rename(own.with_name(f"watch-{secrets.token_hex(16)}"))
                    file = own / file.name
            except (FileGone, FileNotFoundError) as error:
                well = self._unopened(own, file, error)
            if well is not None:
                self._put_away(own, file, self._places.end(well=well))
        for left in own.iterdir():
            if left.name.startswith("."):
                left.unlink()
        own.rmdir()  # and nothing that is not ours with it

    def _unopened(self, own: Path, file: Path, error: FileGone | FileNotFoundError) -> bool | None:
        """None where there is nothing to put away."""
        if not os.path.lexists(file):
            self._said(f"{shown(file.name)}: it is gone")
            return None
        detail = error.detail if isinstance(error, FileGone) else "it cannot be opened"
        return self._fault(own, file, None, ("file_unreadable", detail, True))

    def _read(self, own: Path, file: Path) -> bool | None:
        """Whether there is a result; None when the file was written to meanwhile."""
        before = _signature(file.lstat())
        try:
            with open_regular(file) as content:
                document = sent_once(self._quire, own.name, content, file.name, self._request)
            document = self._quire.documents.wait(document["id"])
        except Problem as problem:
            if of_all(problem):
                raise
            return self._fault(own, file, None, (problem.code, problem.detail, problem.retryable))
        if _signature(file.lstat()) != before:
            return None
        if document["state"] not in ("succeeded", "partial"):
            return self._fault(own, file, document, fault_of(document))
        self._quire.documents.save(document["id"], own / _RESULT)
        self._said(f"{shown(file.name)}: {document['state']} ({document['id']})")
        return True

    def _fault(self, own: Path, file: Path, document: Document | None, fault: tuple[str, str, bool]) -> bool:
        code, detail, retryable = fault
        said: dict[str, Any] = {
            "error": {"code": code, "detail": detail, "retryable": retryable},
            "document": document,
        }
        (own / _RESULT).write_text(json.dumps(said, indent=1), "utf-8")
        self._said(f"{shown(file.name)}: {detail} ({code})")
        return False

    def _put_away(self, own: Path, file: Path, end: Path) -> None:
        """Under its name, or one beside it where that is taken; never over anything."""
        own_name = Path(file.name if len(os.fsencode(file.name)) <= _LONG else safe([file.name]))
        for number in count():
            name = f"{own_name.stem}~{number}{own_name.suffix}" if number else own_name.name
            target, beside = end / name, end / f"{name}.json"
            try:
                os.link(file, target, follow_symlinks=False)
            except FileExistsError:
                if not target.samefile(file):  # not what a crash left of this
                    continue
            except PermissionError:  # some systems link nothing that its user may not read
                if os.path.lexists(target) or beside.exists():
                    continue
                file.rename(target)
            else:
                if beside.exists():
                    target.unlink()
                    continue
            (own / _RESULT).replace(beside)
            file.unlink(missing_ok=True)
            return


def _signature(about: os.stat_result) -> Signature:
    return about.st_ino, about.st_size, about.st_mtime_ns
