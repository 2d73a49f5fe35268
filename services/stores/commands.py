"""What a caller may do to documents and runs; each takes an open write transaction and leaves it open."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from pipeline.ports import BlobKey
from pipeline.select import first_page
from schemas.errors import Conflict, NotFound
from schemas.ids import BatchId, DocumentId, RunId, TenantId, document_id, run_id
from schemas.page import PageState
from schemas.result import RunState
from schemas.split import Part
from services.origin import here
from services.stores import (
    audit_rows,
    batch_log,
    blob_rows,
    jobs,
    outbox_rows,
    reuse,
    search_rows,
    transitions,
    usage_rows,
)
from services.stores.audit_rows import Action
from services.stores.engine import now_us
from services.stores.kept import KEPT
from services.stores.tables import documents, events, idempotency, labels, pages, runs

INTERACTIVE, BULK = 0, 1


@dataclass(frozen=True, slots=True)
class NewRun:
    """``request`` is JSON and never holds the password; ``schema`` is what ``schema_ref`` means now.

    ``based_on``: pages that ended well in that run are copied.
    """

    request: dict[str, Any]
    password: str | None = field(default=None, repr=False)
    priority: int = INTERACTIVE
    schema_ref: str | None = None
    schema: dict[str, Any] | None = None
    based_on: RunId | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """Bytes that are live in the blob store, and what the tenant says about them."""

    tenant: TenantId
    blob: BlobKey
    media_type: str
    size: int
    filename: str | None = None
    external_id: str | None = None
    batch_id: BatchId | None = None
    parent_id: DocumentId | None = None
    part: Part | None = None
    callback_url: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    expires_at: int | None = None


def create_document(connection: sa.Connection, new: NewDocument, run: NewRun) -> tuple[DocumentId, RunId]:
    """A document, its first run and that run's first job."""
    document, first = create_documents(connection, new.tenant, [(new, run)], run.priority)[0]
    audit_rows.note(connection, new.tenant, Action.DOCUMENT_CREATED, document)
    return document, first


def create_documents(
    connection: sa.Connection,
    tenant: TenantId,
    pairs: Sequence[tuple[NewDocument, NewRun]],
    priority: int,
) -> list[tuple[DocumentId, RunId]]:
    """Many at a time, of one tenant and priority."""
    if not pairs:
        return []
    blob_rows.require_all_live(connection, [new.blob for new, _ in pairs])
    ids = [(document_id(), run_id()) for _ in pairs]
    made = list(zip(pairs, ids, strict=True))
    connection.execute(_NEW_DOCUMENT, [_document_row(new, *names) for (new, _), names in made])
    marks = [
        {"document_id": document, "tenant_id": tenant, "key": key, "value": value}
        for (new, _), (document, _run) in made
        for key, value in new.labels.items()
    ]
    if marks:
        connection.execute(labels.insert(), marks)
    rows = [_run_row((tenant, document, first), 1, run) for (_, run), (document, first) in made]
    connection.execute(_NEW_RUN, rows)
    work = [(document, first, jobs.Work()) for document, first in ids]
    jobs.add_for(connection, tenant, "plan", priority, work)
    return ids


_NEW_DOCUMENT = documents.insert().values(created_at=now_us())
_NEW_RUN = runs.insert().values(created_at=now_us())


def _document_row(new: NewDocument, document: DocumentId, first: RunId) -> dict[str, Any]:
    return {
        "id": document,
        "tenant_id": new.tenant,
        "digest": new.blob.digest,
        "generation": new.blob.generation,
        "filename": new.filename,
        "media_type": new.media_type,
        "bytes": new.size,
        "external_id": new.external_id,
        "batch_id": new.batch_id,
        "parent_id": new.parent_id,
        "part_first": first_page(new.part.pages) if new.part is not None else None,
        "part_pages": new.part.pages if new.part is not None else None,
        "part_class": str(new.part.class_) if new.part is not None else None,
        "newest_run_id": first,
        "state": str(RunState.QUEUED),
        "callback_url": new.callback_url,
        "expires_at": new.expires_at,
    }


def create_run(
    connection: sa.Connection,
    tenant: TenantId,
    document: DocumentId,
    run: NewRun,
    *,
    based_on: RunId | None = None,
) -> RunId:
    """Read a document again. With ``based_on``, pages that ended well in that run are copied."""
    held = _hold_document(connection, tenant, document)
    if held.parent_id is not None and run.request.get("split"):
        raise Conflict(
            "already_a_part", "the document is part of a file that was split; it is not split again"
        )
    batch_log.note(connection, held, None, batch_log.kind_of(held.state), batch_log.PENDING)
    last = connection.scalar(sa.select(sa.func.max(runs.c.number)).where(runs.c.document_id == document))
    new = run_id()
    _add_run(connection, (tenant, document, new), (last or 0) + 1, replace(run, based_on=based_on))
    connection.execute(
        sa.update(documents)
        .where(documents.c.id == document)
        .values(newest_run_id=new, state=str(RunState.QUEUED))
    )
    audit_rows.note(connection, tenant, Action.RUN_CREATED, new)
    return new


def retry_run(
    connection: sa.Connection, tenant: TenantId, document: DocumentId, *, password: str | None = None
) -> RunId:
    """A new run with the newest one's request that redoes only what failed or was cancelled there."""
    old = _newest_run(connection, tenant, document)
    if not RunState(old.state).terminal:
        raise Conflict("not_finished", "the newest run is still under way")
    if old.state == RunState.SUCCEEDED:
        raise Conflict("nothing_to_retry", "no page of the newest run failed")
    return create_run(
        connection,
        tenant,
        document,
        NewRun(
            request=old.request,
            password=password,
            priority=old.priority,
            schema_ref=old.schema_ref,
            schema=old.schema,
        ),
        based_on=RunId(old.id),
    )


def cancel_run(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> RunId:
    """Stop the newest run. Work under way loses its lease here and notices at its process's next beat."""
    run = _newest_run(connection, tenant, document)
    found = RunId(run.id)
    if RunState(run.state).terminal:
        if run.state == RunState.CANCELLED:
            return found
        raise Conflict("already_finished", f"the newest run has ended: {run.state}")
    # Jobs first (lock order), so that no step can commit a page between the two updates.
    transitions.drop_jobs(connection, found)
    reuse.let_go(connection, found)
    cancelled = connection.execute(
        sa.update(pages)
        .where(pages.c.run_id == found, pages.c.state.in_(transitions.OPEN_PAGES))
        .values(state=str(PageState.CANCELLED), waits_for=None, finished_at=now_us())
    ).rowcount
    connection.execute(
        sa.update(runs)
        .where(runs.c.id == found)
        .values(cancel_requested_at=now_us(), pages_left=runs.c.pages_left - cancelled)
    )
    transitions.end_run(connection, found, RunState.CANCELLED)
    audit_rows.note(connection, tenant, Action.RUN_CANCELLED, found)
    return found


def parts_of(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> list[DocumentId]:
    """The documents that a file was split into, in their order."""
    query = sa.select(documents.c.id).where(
        documents.c.parent_id == document, documents.c.tenant_id == tenant, documents.c.deleted_at.is_(None)
    )
    return [DocumentId(found) for found in connection.scalars(query.order_by(documents.c.part_first))]


def delete_document(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> None:
    """Forget everything but that there was one; its bytes are collected later."""
    _newest_run(connection, tenant, document)
    erase(connection, document)
    search_rows.purge(connection, small_only=True)
    # Deleted answers 404, expired 410.
    connection.execute(sa.update(documents).where(documents.c.id == document).values(expires_at=None))


def erase(connection: sa.Connection, document: DocumentId) -> bool:
    """Remove runs, pages, results, events and recorded answers, and what the tenant said about the document.

    What is left says that there was one, when, and that it is gone. False: it was gone already.
    """
    open_runs = _drop_runs(connection, document)
    # Only now, as documents are locked after runs: who ended a run, began one, or erased it all in the
    # meantime is waited for, and the batch counts what the document has come to by that.
    kept = sa.select(documents).where(documents.c.id == document, documents.c.deleted_at.is_(None))
    gone = connection.execute(kept.with_for_update()).one_or_none()
    if gone is None:
        return False
    open_runs += _drop_runs(connection, document)
    connection.execute(sa.delete(idempotency).where(idempotency.c.document_id == document))
    connection.execute(sa.delete(events).where(events.c.document_id == document))
    batch_log.forget_document(connection, gone)
    connection.execute(sa.delete(labels).where(labels.c.document_id == document))
    outbox_rows.forget_document(connection, document)
    connection.execute(
        sa.update(documents)
        .where(documents.c.id == document)
        .values(
            deleted_at=now_us(),
            digest="",
            generation=0,
            bytes=0,
            finished_run_id=None,
            **dict.fromkeys(("filename", "external_id", "callback_url")),
        )
    )
    for run in open_runs:
        usage_rows.spend(connection, TenantId(run.tenant_id), run)
    return True


def _drop_runs(connection: sa.Connection, document: DocumentId) -> list[sa.Row[Any]]:
    """With their jobs and pages; those that were under way."""
    of_document = sa.select(runs).where(runs.c.document_id == document).order_by(runs.c.id)
    for run in connection.execute(of_document).all():
        transitions.drop_jobs(connection, RunId(run.id))
        reuse.let_go(connection, RunId(run.id))
    under_way = connection.execute(of_document.where(runs.c.state.in_(transitions.OPEN_RUNS))).all()
    connection.execute(sa.delete(runs).where(runs.c.document_id == document))  # pages and parts follow
    return list(under_way)


def _add_run(
    connection: sa.Connection,
    owner: tuple[TenantId, DocumentId, RunId],
    number: int,
    run: NewRun,
) -> None:
    connection.execute(_NEW_RUN, [_run_row(owner, number, run)])
    jobs.add(connection, owner, "plan", run.priority, [jobs.Work()])


def _run_row(owner: tuple[TenantId, DocumentId, RunId], number: int, run: NewRun) -> dict[str, Any]:
    tenant, document, new = owner
    origin = here()
    return {
        "id": new,
        "tenant_id": tenant,
        "document_id": document,
        "number": number,
        "based_on": run.based_on,
        "request": run.request,
        "priority": run.priority,
        "password": run.password,
        "schema_ref": run.schema_ref,
        "schema": run.schema,
        "state": str(RunState.QUEUED),
        "request_id": origin.request_id,
        "traceparent": origin.traceparent,
    }


def _hold_document(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> sa.Row[Any]:
    row = connection.execute(
        sa.select(documents)
        .where(
            documents.c.id == document,
            documents.c.tenant_id == tenant,
            KEPT,
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise _missing(connection, tenant, document)
    return row


def _newest_run(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> sa.Row[Any]:
    # Read without a lock: runs are locked after jobs and pages, and every change is conditional on the state.
    row = connection.execute(
        sa.select(runs)
        .join(documents, documents.c.newest_run_id == runs.c.id)
        .where(
            documents.c.id == document,
            documents.c.tenant_id == tenant,
            KEPT,
        )
    ).one_or_none()
    if row is None:
        raise _missing(connection, tenant, document)
    return row


def _missing(connection: sa.Connection, tenant: TenantId, document: DocumentId) -> NotFound:
    """Expired documents are said to be, swept or not; of deleted ones nothing is said."""
    expired = sa.select(documents.c.id).where(
        documents.c.id == document, documents.c.tenant_id == tenant, documents.c.expires_at <= now_us()
    )
    if connection.execute(expired).first() is not None:
        return NotFound("document_expired", "the document has expired", status=410)
    return NotFound("document_not_found", "there is no such document")
