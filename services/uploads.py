"""Bytes on their way in: written to a staging file while they are counted, hashed and sniffed."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from types import TracebackType

from schemas.errors import BadInput
from schemas.ids import Digest

HEAD_BYTES = 4096
"""How much of a file is looked at to tell its type."""

Sniffer = Callable[[bytes], str]
"""First bytes of a file to its media type; raises `UnsupportedMediaType` for what Quire does not read."""


class EmptyBody(BadInput):
    code = "empty_body"


class PayloadTooLarge(BadInput):
    code = "payload_too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Staged:
    """A complete upload in the staging folder. Whoever holds it removes the file or moves it away."""

    path: Path
    digest: Digest
    size: int
    media_type: str
    filename: str | None = None

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class Receiver:
    """Takes the bytes of one file as they come; stops at the first that is one too many."""

    def __init__(self, folder: Path, limit: int, sniff: Sniffer) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="upload-", dir=folder)
        self.path = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self.limit = limit
        self._sniff = sniff
        self._hash = hashlib.sha256()
        self._head = bytearray()
        self._media_type: str | None = None
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        self.size += len(data)
        if self.size > self.limit:
            raise PayloadTooLarge(detail=f"the document is larger than {self.limit} bytes")
        self._hash.update(data)
        self._file.write(data)
        if self._media_type is None:
            self._head += data[: HEAD_BYTES - len(self._head)]
            if len(self._head) >= HEAD_BYTES:
                self._media_type = self._sniff(bytes(self._head))

    def finish(self, filename: str | None = None) -> Staged:
        if self.size == 0:
            raise EmptyBody(detail="the document is empty")
        if self._media_type is None:
            self._media_type = self._sniff(bytes(self._head))
        self._file.close()
        digest = Digest(self._hash.hexdigest())
        return Staged(self.path, digest, self.size, self._media_type, clean_filename(filename))

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.discard()


def clean_filename(name: str | None) -> str | None:
    """The last component of a name, as data: never used as a path, free of control characters."""
    if name is None:
        return None
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(char for char in last if char.isprintable()).strip()
    return kept[:255] or None


def sweep_staging(folder: Path) -> int:
    """Remove what an earlier process left: uploads, exports; only for the sole owner of the folder."""
    left = list(folder.iterdir()) if folder.is_dir() else []
    for path in left:
        remove(path)
    return len(left)


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it; fine where it is gone."""
    if path.is_dir() and not path.is_symlink():
        rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
