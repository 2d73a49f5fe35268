"""Turns received bytes and a checked request into rows: bytes first, one transaction, then a wake."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from pipeline.ledger import Queue
from pipeline.ports import BlobKey, Blobs, Clock, Waker
from schemas.errors import StoreUnavailable
from schemas.ids import DocumentId, RunId, TenantId
from services.asks import Ask
from services.retention import Retention
from services.stores import blob_rows, commands
from services.stores.engine import Database
from services.stores.erasure import Erasure
from services.uploads import Staged

PLAN_QUEUE = "plan"
_FOREVER = Retention()

Commit = Callable[[sa.Connection, DocumentId, RunId], None]
"""Something else that must happen in the transaction that creates a document or a run."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new run and its document."""

    document_id: DocumentId
    run_id: RunId


class Ingest:
    """The write side of the API."""

    def __init__(
        self, database: Database, blobs: Blobs, waker: Waker, clock: Clock, retention: Retention = _FOREVER
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._waker = waker
        self._clock = clock
        self.retention = retention

    def create(self, tenant: TenantId, staged: Staged, ask: Ask, also: Commit | None = None) -> Made:
        """Store the file, make the document and its first run. The staged file is removed by its holder."""
        for last in (False, True):
            try:
                return self._create(tenant, staged, ask, also)
            except StoreUnavailable as error:
                # The last document with the same bytes was deleted between our upload and our row.
                if last or error.code != "blob_gone":
                    raise
        raise AssertionError("unreachable")

    def _create(self, tenant: TenantId, staged: Staged, ask: Ask, also: Commit | None) -> Made:
        blob = self.store(tenant, staged)
        request = ask.request
        now = self._clock.now()
        with self._database.write() as connection:
            new = commands.NewDocument(
                tenant=tenant,
                blob=blob,
                media_type=staged.media_type,
                size=staged.size,
                filename=staged.filename,
                external_id=request.external_id,
                labels=request.labels,
                expires_at=self.retention.expires_at(connection, tenant, request.retention_hours, now),
            )
            document, run = commands.create_document(connection, new, ask.new_run())
            if also is not None:
                also(connection, document, run)
        self._waker.wake(PLAN_QUEUE)
        return Made(document, run)

    def read_again(
        self, tenant: TenantId, document: DocumentId, ask: Ask, also: Commit | None = None
    ) -> Made:
        with self._database.write() as connection:
            run = commands.create_run(connection, tenant, document, ask.new_run())
            if also is not None:
                also(connection, document, run)
        self._waker.wake(PLAN_QUEUE)
        return Made(document, run)

    def retry(self, tenant: TenantId, document: DocumentId, password: str | None = None) -> Made:
        with self._database.write() as connection:
            run = commands.retry_run(connection, tenant, document, password=password)
        self._waker.wake(PLAN_QUEUE)
        return Made(document, run)

    def ask_more(
        self, tenant: TenantId, document: DocumentId, run: RunId, ask: Ask, also: Commit | None = None
    ) -> Made:
        """A run with further questions over the pages that ``run`` read."""
        with self._database.write() as connection:
            new = commands.create_run(connection, tenant, document, ask.new_run(), based_on=run)
            if also is not None:
                also(connection, document, new)
        self._waker.wake(PLAN_QUEUE)
        return Made(document, new)

    def cancel(self, tenant: TenantId, document: DocumentId) -> RunId:
        with self._database.write() as connection:
            run = commands.cancel_run(connection, tenant, document)
        self._waker.wake(Queue.DELIVER)
        return run

    def delete(self, tenant: TenantId, document: DocumentId) -> None:
        Erasure(self._database, self._blobs).delete(tenant, document)

    def delete_batch(self, tenant: TenantId, batch: str, *, documents_too: bool) -> None:
        Erasure(self._database, self._blobs).delete_batch(tenant, batch, documents_too=documents_too)

    def store(self, tenant: TenantId, staged: Staged) -> BlobKey:
        return keep(self._database, self._blobs, tenant, staged)


def keep(database: Database, blobs: Blobs, tenant: TenantId, staged: Staged) -> BlobKey:
    """The bytes under the tenant's key; bytes the tenant has stored before are not written again."""
    with database.write() as connection:
        key, needed = blob_rows.touch(connection, tenant, staged.digest, staged.size)
    if needed:
        blobs.put(key, staged.path)
        with database.write() as connection:
            blob_rows.mark_live(connection, key)
    return key
