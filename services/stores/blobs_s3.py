"""Blobs in a bucket of any S3 server; correct without conditional writes, metadata or versions.

Bytes are verified on their way in and on their way out. Writing a key twice writes the same bytes, so nothing
has to be asked first; only a large file is, because sending it again costs more than the question.
"""

import hashlib
import io
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from minio import Minio
from minio.error import MinioException

from pipeline.ports import BlobKey
from schemas.errors import NotFound, StoreUnavailable
from schemas.ids import Digest
from services.stores.blob_cache import FileCache
from services.stores.blob_names import blob_name
from services.stores.s3_client import code_of, translated
from services.stores.s3_url import S3Location

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

PART_BYTES = 16 << 20
"""Files up to this size go in one request, larger ones in parts of it; one part is in memory at a time."""

_CHUNK = 1 << 20
_ABANDONED = timedelta(hours=24)


class S3Blobs:
    """`Blobs` as `prefix/blobs/tenant/ab/cd/digest.generation`."""

    def __init__(self, client: Minio, location: S3Location, cache: FileCache) -> None:
        self._client = client
        self._bucket = location.bucket
        self._prefix = f"{location.prefix}blobs/"
        self._cache = cache

    def put(self, key: BlobKey, source: Path) -> None:
        with translated(), source.open("rb") as file:
            size = source.stat().st_size
            if size > PART_BYTES and self.size(key) == size:
                return
            # One part after another: the client's own threads are not ended when an upload fails.
            self._client.put_object(
                self._bucket,
                self._name(key),
                cast("BinaryIO", _Checked(file, size, key.digest)),
                size,
                part_size=PART_BYTES,
                num_parallel_uploads=1,
            )

    def open(self, key: BlobKey) -> BinaryIO:
        with translated():
            response = self._client.get_object(self._bucket, self._name(key))
        return cast("BinaryIO", io.BufferedReader(_Download(response, key.digest), _CHUNK))

    def local(self, key: BlobKey) -> AbstractContextManager[Path]:
        return self._cache.held(blob_name(key), lambda path: self._fetch(key, path))

    def delete(self, key: BlobKey) -> None:
        self._cache.drop(blob_name(key))
        with suppress(NotFound), translated():
            self._client.remove_object(self._bucket, self._name(key))

    def size(self, key: BlobKey) -> int | None:
        try:
            with translated():
                return self._client.stat_object(self._bucket, self._name(key)).size
        except NotFound:
            return None

    def sweep(self) -> None:
        """Abort uploads in parts whose process has died; the parts are invisible and cost money."""
        before = datetime.now(UTC) - _ABANDONED
        with translated():
            try:
                self._abort_uploads(before)
            except MinioException as error:
                # It ended meanwhile; one server says so when there is none to list, too.
                if code_of(error) != "NoSuchUpload":
                    raise

    def close(self) -> None:
        self._cache.close()

    def _abort_uploads(self, before: datetime) -> None:
        # The client has no public name for these two requests.
        listed = self._client._list_multipart_uploads(self._bucket, prefix=self._prefix)
        for upload in listed.uploads:
            if upload.initiated_time is not None and upload.initiated_time < before:
                self._client._abort_multipart_upload(
                    self._bucket, upload.object_name, cast("str", upload.upload_id)
                )

    def _fetch(self, key: BlobKey, path: Path) -> None:
        with self.open(key) as source, _local_disk(), path.open("xb") as target:
            shutil.copyfileobj(source, target, _CHUNK)

    def _name(self, key: BlobKey) -> str:
        return self._prefix + blob_name(key)


class _Checked:
    """A file whose last bytes are given away only if all of them are what their name says.

    The request that would make the object visible is not sent otherwise.
    """

    def __init__(self, file: BinaryIO, size: int, digest: Digest) -> None:
        self._file = file
        self._left = size
        self._digest = digest
        self._hash = hashlib.sha256()
        if not size:
            self._check()

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._hash.update(data)
        self._left -= len(data)
        if not self._left or not data:
            self._check()
        return data

    def _check(self) -> None:
        if self._left or self._hash.hexdigest() != self._digest:
            raise StoreUnavailable("digest_mismatch", "the bytes changed on their way to the blob store")


class _Download(io.RawIOBase):
    """The body of an answer; reaching its end means that all of it came and is what was stored."""

    def __init__(self, response: "BaseHTTPResponse", digest: Digest) -> None:
        self._response = response
        self._digest = digest
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # the buffers there are
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        data = self._read(None)
        if data:
            self._read(None)
        return data

    def close(self) -> None:
        if not self.closed:
            self._response.close()
            self._response.release_conn()
        super().close()

    def _read(self, size: int | None) -> bytes:
        with translated():
            data = self._response.read(size)
        self._hash.update(data)
        if not data and size != 0 and self._hash.hexdigest() != self._digest:
            raise StoreUnavailable("blob_damaged", "the stored file is not what was stored")
        return data


@contextmanager
def _local_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable("store_unavailable", "no room for a local copy of the stored file") from error
