"""Local copies of stored files: fetched once, shared by readers, bounded in size, not kept for long."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from schemas.errors import Conflict
from services.folder_lock import FolderLock

IDLE_S = 300.0
"""How long a copy is kept that nobody reads: long enough for a document's next job, and a deleted document
must not live on here."""

_PREFIX = "process-"


@dataclass(slots=True)
class _Copy:
    path: Path
    readers: int = 0
    bytes: int | None = None
    """None until it has been fetched."""

    dropped: bool = False
    used: float = 0.0
    fetching: threading.Lock = field(default_factory=threading.Lock)


class FileCache:
    """Copies of this process, in a folder of its own. What others, long dead, left beside it is removed.

    Files being read are never evicted, so many large ones read at once may exceed ``limit``.
    """

    def __init__(self, root: Path, limit: int, idle_s: float = IDLE_S) -> None:
        self._limit = limit
        self._idle_s = idle_s
        self._copies: dict[str, _Copy] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False
        _remove_orphans(root)
        # Under this name only once it is locked: a process that starts now must not take it for an orphan.
        making = root / f".{uuid4().hex}"
        self._owned = FolderLock(making)
        self._owned.take()
        self._folder = making.rename(root / f"{_PREFIX}{uuid4().hex}")

    @contextmanager
    def held(self, name: str, fetch: Callable[[Path], None]) -> Iterator[Path]:
        """A local file, for as long as the context lasts; ``fetch`` writes it if there is none yet."""
        copy = self._take(name)
        try:
            with copy.fetching:  # readers of one file wait for the first of them; of other files they do not
                if copy.bytes is None or not copy.path.exists():
                    self._fetch(copy, fetch)
            yield copy.path
        finally:
            self._give_back(name, copy)

    def drop(self, name: str) -> None:
        """Forget a copy; readers may finish with it."""
        with self._lock:
            copy = self._copies.pop(name, None)
            if copy is not None:
                copy.dropped = True
                if not copy.readers:
                    copy.path.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._copies.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._owned.release()

    def _take(self, name: str) -> _Copy:
        with self._lock:
            copy = self._copies.setdefault(name, _Copy(self._folder / uuid4().hex))
            copy.readers += 1
            return copy

    def _fetch(self, copy: _Copy, fetch: Callable[[Path], None]) -> None:
        copy.path.unlink(missing_ok=True)
        try:
            fetch(copy.path)
        except BaseException:
            copy.path.unlink(missing_ok=True)
            raise
        with self._lock:
            copy.bytes = copy.path.stat().st_size
            self._make_room()

    def _give_back(self, name: str, copy: _Copy) -> None:
        with self._lock:
            copy.readers -= 1
            copy.used = time.monotonic()
            if copy.readers:
                return
            if copy.dropped or copy.bytes is None:
                copy.path.unlink(missing_ok=True)
                if self._copies.get(name) is copy:
                    del self._copies[name]
            self._make_room()
            self._watch()

    def _make_room(self) -> None:
        """Remove the copies that were used longest ago, as far as needed."""
        total = sum(copy.bytes or 0 for copy in self._copies.values())
        for name, copy in sorted(self._copies.items(), key=lambda item: item[1].used):
            if total <= self._limit:
                return
            if not copy.readers:
                total -= copy.bytes or 0
                self._remove(name)

    def _watch(self) -> None:
        if self._copies and self._timer is None and not self._closed:
            self._timer = threading.Timer(self._idle_s / 4, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            self._timer = None
            before = time.monotonic() - self._idle_s
            for name in [n for n, copy in self._copies.items() if not copy.readers and copy.used < before]:
                self._remove(name)
            self._watch()

    def _remove(self, name: str) -> None:
        self._copies.pop(name).path.unlink(missing_ok=True)


def _remove_orphans(root: Path) -> None:
    """Folders whose process ended without removing them."""
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.glob(f"{_PREFIX}*"):
        with suppress(Conflict), FolderLock(folder):
            shutil.rmtree(folder, ignore_errors=True)
