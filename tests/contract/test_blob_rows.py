"""Ingest and collection of the same bytes never end with a reference to bytes that are gone."""

import hashlib
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.ports import BlobKey, Blobs
from schemas.errors import StoreUnavailable
from schemas.ids import DEFAULT_TENANT, Digest
from services.stores import blob_rows, commands
from services.stores.engine import Database
from services.stores.tables import blobs as blob_table
from services.stores.tables import documents
from services.stores.upkeep import Upkeep
from tests.contract.store import Store

DIGEST = Digest(hashlib.sha256(b"bytes").hexdigest())


def _touch(database: Database) -> tuple[BlobKey, bool]:
    with database.write() as connection:
        return blob_rows.touch(connection, DEFAULT_TENANT, DIGEST, 5)


def _collect(database: Database) -> list[BlobKey]:
    with database.write() as connection:
        return blob_rows.collect(connection, -1)


def test_bytes_are_uploaded_once(store: Store) -> None:
    key, needed = _touch(store.database)
    assert needed
    assert _touch(store.database) == (key, True)  # the first upload may have died
    with store.database.write() as connection:
        blob_rows.mark_live(connection, key)
    assert _touch(store.database) == (key, False)


def test_only_live_bytes_can_be_referred_to(store: Store) -> None:
    key, _ = _touch(store.database)
    new = commands.NewDocument(DEFAULT_TENANT, key, "application/pdf", 5)
    with pytest.raises(StoreUnavailable), store.database.write() as connection:
        commands.create_document(connection, new, commands.NewRun({}))


def test_bytes_in_use_are_not_collected(store: Store) -> None:
    document, _ = store.document()
    assert _collect(store.database) == []
    with store.database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, document)
    assert [key.digest for key in _collect(store.database)] == [DIGEST]


def test_bytes_just_touched_are_not_collected(store: Store) -> None:
    store.blob()
    with store.database.write() as connection:
        assert blob_rows.collect(connection, 60_000_000) == []


def test_an_upload_during_collection_gets_a_generation_of_its_own(store: Store) -> None:
    old = store.blob()
    assert _collect(store.database) == [old]
    new, needed = _touch(store.database)
    assert new.generation > old.generation
    assert needed
    with store.database.write() as connection:
        blob_rows.mark_live(connection, new)
    assert _collect(store.database)[:1] == [old]  # a collection that died is taken up again
    with store.database.write() as connection:
        blob_rows.forget(connection, old)
        with pytest.raises(StoreUnavailable):
            blob_rows.require_live(connection, old)
        blob_rows.forget(connection, new)


def test_bytes_that_come_back_are_not_those_that_were_forgotten(store: Store) -> None:
    """A request to delete the old ones may still be on its way."""
    old = store.blob()
    assert _collect(store.database) == [old]
    with store.database.write() as connection:
        blob_rows.forget(connection, old)
    time.sleep(1)
    new, needed = _touch(store.database)
    assert new.generation > old.generation
    assert needed


def test_an_upload_that_was_collected_meanwhile_must_be_sent_again(store: Store) -> None:
    key, _ = _touch(store.database)
    assert _collect(store.database) == [key]
    with pytest.raises(StoreUnavailable), store.database.write() as connection:
        blob_rows.mark_live(connection, key)


def test_upkeep_removes_bytes_and_documents_that_have_expired(
    store: Store, blobs: Blobs, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"bytes")
    key = store.blob()
    blobs.put(key, source)
    document, _ = store.document()
    with store.database.write() as connection:
        connection.execute(sa.update(documents).values(expires_at=1))
    upkeep = Upkeep(store.database, blobs, blobs_kept_us=-1)
    upkeep.tidy()
    assert blobs.size(key) is None
    with store.database.read() as connection:
        assert connection.execute(sa.select(blob_table)).all() == []
        row = connection.execute(sa.select(documents).where(documents.c.id == document)).one()
    assert row.deleted_at is not None
    assert row.expires_at == 1  # it answers 410, not 404


def test_one_call_collects_all_that_nobody_refers_to(store: Store, blobs: Blobs) -> None:
    for number in range(230):
        store.blob(content=b"%d" % number)
    assert Upkeep(store.database, blobs, blobs_kept_us=-1).collect_blobs() == 230


def test_a_reference_written_while_a_deletion_waits_for_it_keeps_the_bytes(store: Store) -> None:
    key = store.blob()
    released: list[bool] = []

    def release() -> None:
        with store.database.write() as connection:
            released.append(blob_rows.release(connection, key))

    waiting = threading.Thread(target=release)
    new = commands.NewDocument(DEFAULT_TENANT, key, "application/pdf", 5)
    with store.database.write() as connection:
        commands.create_document(connection, new, commands.NewRun({}))
        waiting.start()
        time.sleep(0.5)  # it has begun, and waits for the bytes we hold
    waiting.join()
    assert released == [False]
    with store.database.write() as connection:
        blob_rows.require_live(connection, key)
