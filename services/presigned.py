"""Uploads that go from the client straight to the bucket, and become documents afterwards."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import sqlalchemy as sa
from minio import Minio

from schemas.errors import Conflict, NotFound, RequestInvalid, StoreUnavailable, Unsupported
from schemas.ids import TenantId, UploadId, upload_id
from services.ingest import Commit
from services.stores import audit_rows, upload_rows
from services.stores.audit_rows import Action
from services.stores.blob_names import tenant_name
from services.stores.engine import Database
from services.stores.s3_client import connect, translated
from services.stores.s3_url import S3Location
from services.stores.upload_rows import Announced
from services.uploads import PayloadTooLarge, Receiver, Staged

_CHUNK = 262_144
_LARGEST_PUT = 5 << 30
"""What S3 takes in one request."""

_LATE_S = 3600
"""An upload may begin in the last second of its URL, and take this long."""

_SOME = 100


class UploadMismatch(RequestInvalid):
    """Not the bytes that were announced."""

    code = "upload_mismatch"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where to send the bytes, and until when."""

    upload_id: UploadId
    url: str
    expires_at: int


class Presigned:
    """Staged objects lie apart from blobs; what is read of them is hashed and counted like any upload."""

    def __init__(
        self, database: Database, location: S3Location | None, lifetime_s: int, max_bytes: int
    ) -> None:
        self._database = database
        self._location = location
        self._lifetime_s = lifetime_s
        self._max_bytes = min(max_bytes, _LARGEST_PUT)
        self._client = connect(location) if location is not None else None
        self._signer = connect(location, public=True) if location is not None else None

    def begin(self, tenant: TenantId, what: Announced) -> Ticket:
        location, _ = self._bucket()
        assert self._signer is not None
        if what.bytes > self._max_bytes:
            raise PayloadTooLarge(detail=f"the document is larger than {self._max_bytes} bytes")
        upload = upload_id()
        # The row comes first: nothing is ever staged that nobody would sweep.
        with self._database.write() as connection:
            expires_at = upload_rows.announce(connection, tenant, upload, what, self._lifetime_s)
            audit_rows.note(connection, tenant, Action.UPLOAD_CREATED, upload)
        with translated():  # the region of a bucket at Amazon may have to be asked for
            url = self._signer.presigned_put_object(
                location.bucket, self._name(tenant, upload), timedelta(seconds=self._lifetime_s)
            )
        return Ticket(upload, url, expires_at)

    def receive(self, tenant: TenantId, upload: str, receiver: Receiver, filename: str | None) -> Staged:
        """The staged bytes, if they are those that were announced."""
        with self._database.read() as connection:
            row = upload_rows.find(connection, tenant, upload)
        if row is None:
            raise NotFound("upload_not_found", "there is no such upload")
        if row.used:
            raise Conflict("upload_used", "this upload has become a document already")
        if row.expired:
            raise NotFound("upload_expired", "the upload has expired", status=410)
        self._stream(self._name(tenant, UploadId(upload)), receiver, row.bytes)
        staged = receiver.finish(filename or row.filename)
        if row.sha256 is not None and staged.digest != row.sha256:
            staged.discard()
            raise UploadMismatch(detail="what was uploaded has another SHA-256 than was announced")
        return staged

    def using(self, tenant: TenantId, upload: str | None) -> Commit | None:
        """What has to happen in the transaction that makes a document of an upload."""
        if upload is None:
            return None
        return lambda connection, _document, _run: self.use(connection, tenant, upload)

    def use(self, connection: sa.Connection, tenant: TenantId, upload: str) -> None:
        """Once: of two requests at the same moment one may have it."""
        upload_rows.use(connection, tenant, upload)

    def discard(self, tenant: TenantId, upload: str) -> None:
        """Remove the staged object of an upload that has been used; the row goes when its URL has expired."""
        with suppress(StoreUnavailable):  # then the sweep does it
            self._remove(tenant, UploadId(upload))

    def sweep(self) -> None:
        """Uploads that nobody turned into a document, and objects sent again after one was made."""
        if self._location is None:
            return
        with self._database.read() as connection:
            due = upload_rows.expired(connection, _LATE_S, _SOME)
        for tenant, upload in due:
            self._remove(tenant, upload)
            with self._database.write() as connection:
                upload_rows.forget(connection, upload)

    def _stream(self, name: str, receiver: Receiver, announced: int) -> None:
        location, client = self._bucket()
        try:
            with translated():
                response = client.get_object(location.bucket, name)
        except NotFound:
            raise Conflict("upload_not_received", "nothing has been sent to the URL of this upload") from None
        try:
            if int(response.headers.get("content-length", announced)) != announced:
                raise UploadMismatch(detail=f"the upload has not the {announced} bytes that were announced")
            while True:
                with translated():
                    data = response.read(_CHUNK)
                if not data:
                    return
                receiver.write(data)
        finally:
            response.close()
            response.release_conn()

    def _remove(self, tenant: TenantId, upload: UploadId) -> None:
        location, client = self._bucket()
        with suppress(NotFound), translated():
            client.remove_object(location.bucket, self._name(tenant, upload))

    def _bucket(self) -> tuple[S3Location, Minio]:
        if self._location is None:
            raise Unsupported(
                "unsupported",
                "direct uploads need a bucket (QUIRE_BLOBS_URL=s3://…); "
                "POST the file to /v1/documents instead, which takes files as large",
            )
        return self._location, cast("Minio", self._client)

    def _name(self, tenant: TenantId, upload: UploadId) -> str:
        assert self._location is not None
        return f"{self._location.prefix}staging/{tenant_name(tenant)}/{upload}"
