"""The lock of a data folder: one process owns it."""

import fcntl
from pathlib import Path
from typing import Self, TextIO

from schemas.errors import Conflict


class FolderLock:
    """Only one process may own a data folder; the kernel frees the lock however that process ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "lock"
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *ended: object) -> None:
        self.release()

    def take(self) -> None:
        """Raises `Conflict` when another process has it."""
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise Conflict("folder_in_use", f"another Quire process is using {self._path.parent}") from None
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
