"""Deletes documents and batches, and all that was made of them: rows in one transaction, then bytes."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from pipeline.ports import BlobKey, Blobs
from schemas.errors import NotFound, StoreUnavailable
from schemas.ids import DocumentId, TenantId
from services.acting import Actor, acting
from services.stores import audit_rows, batch_rows, blob_rows, commands
from services.stores.audit_rows import Action
from services.stores.batch_tables import batches
from services.stores.engine import Database, now_us
from services.stores.tables import documents

_SOME = 50
_MOST = 5_000
"""Of expired documents in one go, so that other duties have their turn."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Bytes that another document has too stay."""

    database: Database
    blobs: Blobs

    def delete(self, tenant: TenantId, document: DocumentId) -> None:
        """Raises `NotFound`. Afterwards it answers 404, as if it had never been; so do its parts."""
        with self.database.write() as connection:
            keys = self._delete(connection, tenant, document)
            # After the file, so that parts which a run of it was just making are seen.
            for part in commands.parts_of(connection, tenant, document):
                keys |= self._delete(connection, tenant, part)
            gone = _released(connection, keys)
        self._remove(gone)
        self.database.scrub()

    def _delete(self, connection: sa.Connection, tenant: TenantId, document: DocumentId) -> set[BlobKey]:
        """The bytes that it referred to."""
        keys = blob_rows.keys_of(connection, tenant, document)
        commands.delete_document(connection, tenant, document)
        audit_rows.note(connection, tenant, Action.DOCUMENT_DELETED, document)
        return set(keys)

    def delete_batch(self, tenant: TenantId, batch: str, *, documents_too: bool) -> None:
        """Raises `NotFound`. Its documents stay, or their time is over and `expire` deletes them."""
        self._delete_batch(tenant, batch, Action.BATCH_DELETED, documents_too=documents_too)
        self.database.scrub()

    def _delete_batch(self, tenant: TenantId, batch: str, action: Action, *, documents_too: bool) -> None:
        def write(connection: sa.Connection) -> set[BlobKey]:
            keys = batch_rows.delete(connection, tenant, batch, documents_too=documents_too)
            audit_rows.note(connection, tenant, action, batch)
            return keys

        # Members that never became documents may be very many; what a kill leaves of them is collected.
        keys = iter(self.database.settle(write))
        while some := set(islice(keys, _SOME)):
            with self.database.write() as connection:
                gone = _released(connection, some)
            self._remove(gone)

    def expire(self) -> int:
        """Documents whose time has come, which answer 410 from then on; batches, which answer 404."""
        expired = 0
        with acting(Actor("retention")):
            while expired < _MOST and (some := self._expire_some()):
                expired += some
            expired += self._expire_batches()
        if expired:
            self.database.scrub()
        return expired

    def _expire_some(self) -> int:
        keys: set[BlobKey] = set()
        with self.database.write() as connection:
            due = connection.execute(_DUE).all()
            for row in due:
                tenant, document = TenantId(row.tenant_id), DocumentId(row.id)
                keys.update(blob_rows.keys_of(connection, tenant, document))
                if commands.erase(connection, document):
                    audit_rows.note(connection, tenant, Action.DOCUMENT_EXPIRED, document)
            gone = _released(connection, keys)
        self._remove(gone)
        return len(due)

    def _expire_batches(self) -> int:
        """What they say of members that never became documents has no other end."""
        with self.database.read() as connection:
            due = connection.execute(_BATCHES_DUE).all()
        for row in due:
            with suppress(NotFound):  # deleted in this moment
                self._delete_batch(TenantId(row.tenant_id), row.id, Action.BATCH_EXPIRED, documents_too=False)
        return len(due)

    def _remove(self, gone: list[BlobKey]) -> None:
        try:
            for key in gone:
                self.blobs.delete(key)
        except StoreUnavailable:
            return  # they are marked, and collected once the store is back
        if gone:
            with self.database.write() as connection:
                for key in gone:
                    blob_rows.forget(connection, key)


def _released(connection: sa.Connection, keys: set[BlobKey]) -> list[BlobKey]:
    """Those that nobody refers to any more; locked in one order."""
    order = sorted(keys, key=lambda key: (key.tenant, key.digest, key.generation))
    return [key for key in order if blob_rows.release(connection, key)]


_DUE = (
    sa.select(documents.c.id, documents.c.tenant_id)
    .where(documents.c.expires_at <= now_us(), documents.c.deleted_at.is_(None))
    .order_by(documents.c.expires_at)
    .limit(_SOME)
)

_HOUR_US = sa.literal(3_600_000_000, sa.BigInteger)
_KEPT_US = sa.cast(batches.c.request["retention_hours"].as_integer(), sa.BigInteger) * _HOUR_US
_BATCHES_DUE = (
    sa.select(batches.c.id, batches.c.tenant_id)
    .where(batches.c.finished_at + _KEPT_US <= now_us())
    .limit(_SOME)
)
