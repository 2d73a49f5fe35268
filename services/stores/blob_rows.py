"""Who owns which bytes: rows that say what may be uploaded, referred to and collected.

Uploading: `touch` and commit, upload, `mark_live` and commit. Referring: `require_live` in the transaction
that refers. Collecting: `collect` and commit, delete the bytes, `forget` and commit. A crash between any
two of these leaves rows from which the next one continues; bytes without a row never exist.

No generation is used twice, not even after its row is gone: a request to delete that was given up may still
be on its way to the store, and another collector may be about to send the same.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from pipeline.ports import BlobKey
from schemas.errors import StoreUnavailable
from schemas.ids import Digest, DocumentId, TenantId
from services.stores import jobs
from services.stores.batch_tables import batch_members, batches
from services.stores.engine import now_us
from services.stores.tables import blobs, documents, pages

_EPOCH_US = 1_767_225_600_000_000
"""2026-01-01: generations are seconds since then, which fit into 32 bits for the rest of the century."""


# Built once: every page image comes through here.
_NEWEST = (
    sa.select(blobs.c.generation, blobs.c.state)
    .where(blobs.c.tenant_id == sa.bindparam("of_tenant"), blobs.c.digest == sa.bindparam("of_digest"))
    .order_by(blobs.c.generation.desc())
    .limit(1)
    .with_for_update()
)
_LIVE = (
    sa.update(blobs)
    .where(
        blobs.c.tenant_id == sa.bindparam("of_tenant"),
        blobs.c.digest == sa.bindparam("of_digest"),
        blobs.c.generation == sa.bindparam("of_generation"),
        blobs.c.state.in_(("uploading", "live")),
    )
    .values(state="live", touched_at=now_us())
)


def touch(connection: sa.Connection, tenant: TenantId, digest: Digest, size: int) -> tuple[BlobKey, bool]:
    """Announce bytes before they are uploaded: the key to upload under, and whether that is still needed."""
    row = connection.execute(_NEWEST, {"of_tenant": tenant, "of_digest": digest}).one_or_none()
    if row is not None and row.state != "deleting":
        key = BlobKey(tenant, digest, row.generation)
        connection.execute(sa.update(blobs).where(_is(key)).values(touched_at=now_us()))
        return key, row.state == "uploading"
    least = row.generation + 1 if row is not None else 1
    key = BlobKey(tenant, digest, max(least, _seconds(connection)))
    values = {"state": "uploading", "bytes": size, "touched_at": now_us(), **_columns(key)}
    # Two identical posts may both come here: the second finds the first's row and uploads the same bytes, or
    # (in another second) makes a row of its own and stores them twice.
    connection.execute(jobs.insert(connection.dialect.name, blobs).values(values).on_conflict_do_nothing())
    return key, True


def mark_live(connection: sa.Connection, key: BlobKey) -> None:
    """The bytes are there."""
    named = {"of_tenant": key.tenant, "of_digest": key.digest, "of_generation": key.generation}
    changed = connection.execute(_LIVE, named).rowcount
    if not changed:
        raise StoreUnavailable("upload_too_slow", "the upload was collected before it ended; send it again")


def require_live(connection: sa.Connection, key: BlobKey) -> None:
    """Hold the bytes for the rest of this transaction, so that a reference to them can be written."""
    state = connection.scalar(sa.select(blobs.c.state).where(_is(key)).with_for_update())
    if state != "live":
        raise StoreUnavailable("blob_gone", "the stored file was being collected; send it again")


def require_all_live(connection: sa.Connection, keys: Iterable[BlobKey]) -> None:
    """The same for many, locked in one order."""
    wanted = sorted(set(keys))
    if not wanted:
        return
    columns = sa.tuple_(blobs.c.tenant_id, blobs.c.digest, blobs.c.generation)
    live = connection.execute(
        sa.select(blobs.c.digest)
        .where(columns.in_([tuple(key) for key in wanted]), blobs.c.state == "live")
        .order_by(blobs.c.tenant_id, blobs.c.digest)
        .with_for_update()
    ).all()
    if len(live) < len(wanted):
        raise StoreUnavailable("blob_gone", "the stored file was being collected; send it again")


def collect(connection: sa.Connection, grace_us: int, limit: int = 100) -> list[BlobKey]:
    """Mark what nobody refers to and nobody touched for a while; also what an earlier collection left."""
    rows = connection.execute(
        sa.select(blobs.c.tenant_id, blobs.c.digest, blobs.c.generation)
        .where(blobs.c.touched_at < now_us() - grace_us, sa.or_(blobs.c.state == "deleting", ~_used()))
        .order_by(blobs.c.touched_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    keys = [BlobKey(TenantId(row.tenant_id), Digest(row.digest), row.generation) for row in rows]
    return [key for key in keys if _mark(connection, key)]


def keys_of(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> list[BlobKey]:
    """The bytes a document refers to: its own and the images of its pages."""
    own = sa.select(documents.c.digest, documents.c.generation).where(
        documents.c.id == document, documents.c.tenant_id == tenant
    )
    images = sa.select(pages.c.image_digest, pages.c.image_generation).where(
        pages.c.document_id == document, pages.c.tenant_id == tenant, pages.c.image_digest.is_not(None)
    )
    rows = connection.execute(own.union(images)).all()
    return [BlobKey(tenant, Digest(row.digest), row.generation) for row in rows]


def unused_of_batch(connection: sa.Connection, tenant: TenantId, batch: str) -> list[BlobKey]:
    """Bytes that the batch has or had, its archive and its members, and that nobody refers to now."""
    archive = sa.select(batches.c.digest).where(batches.c.id == batch)
    members = sa.select(batch_members.c.digest).where(batch_members.c.batch_id == batch)
    of_batch = sa.or_(blobs.c.digest.in_(archive), blobs.c.digest.in_(members))
    query = sa.select(blobs.c.digest, blobs.c.generation).where(
        blobs.c.tenant_id == tenant, of_batch, ~_used()
    )
    return [BlobKey(tenant, Digest(row.digest), row.generation) for row in connection.execute(query)]


def release(connection: sa.Connection, key: BlobKey) -> bool:
    """Mark bytes for deletion now if nobody refers to them; who was about to must send them again."""
    state = connection.scalar(sa.select(blobs.c.state).where(_is(key)).with_for_update())
    return state == "live" and _mark(connection, key)


def _mark(connection: sa.Connection, key: BlobKey) -> bool:
    """Mark locked bytes for deletion unless they are in use.

    A statement of its own: the one that waited for the lock sees what was committed before it began to wait,
    and so misses the very reference it waited for.
    """
    unused = sa.or_(blobs.c.state == "deleting", ~_used())
    return bool(
        connection.execute(sa.update(blobs).where(_is(key), unused).values(state="deleting")).rowcount
    )


def forget(connection: sa.Connection, key: BlobKey) -> None:
    """The bytes are gone."""
    connection.execute(sa.delete(blobs).where(_is(key), blobs.c.state == "deleting"))


def _seconds(connection: sa.Connection) -> int:
    now = connection.scalar(sa.select(now_us()))
    assert now is not None
    return (int(now) - _EPOCH_US) // 1_000_000


def _used() -> sa.ColumnElement[bool]:
    return sa.or_(
        sa.exists().where(
            documents.c.tenant_id == blobs.c.tenant_id,
            documents.c.digest == blobs.c.digest,
            documents.c.generation == blobs.c.generation,
            documents.c.deleted_at.is_(None),
        ),
        sa.exists().where(
            pages.c.image_digest == blobs.c.digest,
            pages.c.tenant_id == blobs.c.tenant_id,
            pages.c.image_generation == blobs.c.generation,
        ),
        sa.exists().where(
            batch_members.c.tenant_id == blobs.c.tenant_id,
            batch_members.c.digest == blobs.c.digest,
            batch_members.c.generation == blobs.c.generation,
            batch_members.c.state == sa.literal_column("'waiting'"),
        ),
        sa.exists().where(
            batches.c.tenant_id == blobs.c.tenant_id,
            batches.c.digest == blobs.c.digest,
            batches.c.generation == blobs.c.generation,
        ),
    )


def _is(key: BlobKey) -> sa.ColumnElement[bool]:
    return sa.and_(
        blobs.c.tenant_id == key.tenant, blobs.c.digest == key.digest, blobs.c.generation == key.generation
    )


def _columns(key: BlobKey) -> dict[str, str | int]:
    return {"tenant_id": key.tenant, "digest": key.digest, "generation": key.generation}
