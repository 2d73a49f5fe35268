"""Find documents in folders, and open them, without being led elsewhere by links."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedReader
from pathlib import Path

from pipeline.sniff import HEAD_BYTES, sniff
from schemas.errors import BadInput, NotFound

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst", ".7z")


class Skipped(StrEnum):
    """Why a file in a folder is none of the documents."""

    LINK = "links"
    EMPTY = "empty files"
    TYPE = "files of other types"
    UNREADABLE = "files that cannot be opened"


class FileGone(NotFound):
    """The file is not there any more, or is no file any more."""

    code = "file_gone"


@dataclass(frozen=True, slots=True)
class Found:
    """``parts``: the name below the folder that was named, or of the file itself."""

    path: Path
    parts: tuple[str, ...]
    size: int
    mtime_ns: int
    archive: bool = False


@dataclass(slots=True)
class Look:
    """One look through what was named; ``skipped`` is complete at its end."""

    paths: list[Path]
    leave_out: frozenset[Path]
    """Folders that are ours: results may lie among documents."""

    skipped: Counter[Skipped] = field(default_factory=Counter)

    def found(self) -> Iterator[Found]:
        """Files named by themselves are taken as they are: whoever named them wants to hear why not."""
        for named in self.paths:
            path = named.resolve(strict=True)
            if path.is_dir():
                yield from self._folder(path)
            else:
                about = path.stat()
                yield Found(path, (path.name,), about.st_size, about.st_mtime_ns, is_archive(path.name))

    def _folder(self, root: Path) -> Iterator[Found]:
        def closed(_: OSError) -> None:
            self.skipped[Skipped.UNREADABLE] += 1

        for folder, below, names in os.walk(root, onerror=closed):
            links = [name for name in below if Path(folder, name).is_symlink()]
            self.skipped[Skipped.LINK] += len(links)
            below[:] = [n for n in below if n not in links and Path(folder, n) not in self.leave_out]
            for name in names:
                found = self._file(Path(folder, name), root)
                if found is not None:
                    yield found

    def _file(self, path: Path, root: Path) -> Found | None:
        if path.is_symlink():
            self.skipped[Skipped.LINK] += 1
            return None
        try:
            with open_regular(path) as file:
                head, about = file.read(HEAD_BYTES), os.fstat(file.fileno())
        except (OSError, FileGone):
            self.skipped[Skipped.UNREADABLE] += 1
            return None
        archive = is_archive(path.name) and bool(head)
        try:
            if not archive:
                sniff(head)
        except BadInput:
            self.skipped[Skipped.TYPE if head else Skipped.EMPTY] += 1
            return None
        return Found(path, path.relative_to(root).parts, about.st_size, about.st_mtime_ns, archive)


def is_archive(name: str) -> bool:
    """By its name: Office documents are archives by their content."""
    return name.casefold().endswith(_ARCHIVES)


def open_regular(path: Path) -> BufferedReader:
    """The file of this very name: no link, no pipe that never ends, nothing that blocks."""
    try:
        if Path(os.path.realpath(path.parent)) != path.parent:
            raise FileGone(detail="a folder above it has become a link")
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FileGone(detail=f"it cannot be opened ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise FileGone(detail="it is no ordinary file")
    return os.fdopen(number, "rb")
