"""Blobs in a folder: written aside, synced, renamed into place; a name always means whole bytes."""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pipeline.ports import BlobKey
from schemas.errors import NotFound, StoreUnavailable
from services.stores.blob_names import blob_name

_CHUNK = 1 << 20
_ABANDONED_S = 3600.0


class LocalBlobs:
    """`Blobs` under their names in a folder; `.incoming/` holds what is being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / ".incoming"  # no tenant's folder begins with a dot
        self._incoming.mkdir(parents=True, exist_ok=True)

    def put(self, key: BlobKey, source: Path) -> None:
        path = self._path(key)
        if path.exists():
            return
        aside = self._incoming / uuid4().hex
        try:
            _copy_verified(source, aside, key.digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.rename(path)
            _sync_folders(path.parent, self._folder)
        except OSError as error:
            raise StoreUnavailable("store_unavailable", "the blob store could not be written") from error
        finally:
            aside.unlink(missing_ok=True)

    def open(self, key: BlobKey) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise NotFound("blob_not_found", "the stored file is gone") from None
        except OSError as error:
            raise StoreUnavailable("store_unavailable", "the blob store could not be read") from error

    @contextmanager
    def local(self, key: BlobKey) -> Iterator[Path]:
        path = self._path(key)
        if not path.exists():
            raise NotFound("blob_not_found", "the stored file is gone")
        yield path

    def delete(self, key: BlobKey) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable("store_unavailable", "the blob store could not be written") from error

    def size(self, key: BlobKey) -> int | None:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreUnavailable("store_unavailable", "the blob store could not be read") from error

    def sweep(self) -> None:
        before = time.time() - _ABANDONED_S
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def close(self) -> None:
        """Nothing is held."""

    def _path(self, key: BlobKey) -> Path:
        return self._folder / blob_name(key)


def _copy_verified(source: Path, target: Path, digest: str) -> None:
    """Copy while hashing: bytes that are not what their name says are refused."""
    sha = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as written:
        while chunk := read.read(_CHUNK):
            sha.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())
    if sha.hexdigest() != digest:
        raise StoreUnavailable("digest_mismatch", "the bytes changed on their way to the blob store")


def _sync_folders(folder: Path, last: Path) -> None:
    """Make the new name durable, and the names of folders made for it."""
    while True:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if folder == last:
            return
        folder = folder.parent
