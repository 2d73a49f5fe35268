"""Makes documents of the parts of a file, in the transaction that ends the run which found them.

A file's parts are known by their first page: there is one document for each, whatever runs the file has.
A later run that finds the same pages and class keeps the document, and has it read again only where it asks
something else or the last reading went wrong; what it does not find any more is deleted.
"""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from pipeline.ledger import Claim, Outcome
from pipeline.ports import BlobKey
from schemas.errors import ResultWarning
from schemas.ids import BatchId, Digest, DocumentId, TenantId
from schemas.request import Task
from schemas.result import RunState
from schemas.split import DocumentClass, Split, SplitPart
from services.builtin_schemas import Builtins
from services.stores import batch_log, commands, named_schemas
from services.stores.commands import NewDocument, NewRun
from services.stores.tables import documents, labels, runs

_BUILTINS = Builtins()
_Key = tuple[str, str]
"""Pages and class."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A part that an earlier run found."""

    document: DocumentId
    run: Any


def divide(connection: sa.Connection, claim: Claim, outcome: Outcome) -> None:
    """Children for the parts, unless a newer run of the file has ended already."""
    assert outcome.split is not None
    parent = connection.execute(
        sa.select(documents).where(documents.c.id == claim.document).with_for_update()
    ).one()
    if parent.finished_run_id != claim.run or parent.parent_id is not None:
        return
    known, asked = _known(connection, parent), _Asked(connection, claim)
    wanted = [(part, asked.of(part.class_)) for part in outcome.split.parts]
    _forget(connection, claim.tenant, known, {_key(part) for part, _ in wanted})
    new = [(part, run) for part, run in wanted if _key(part) not in known]
    made = dict(zip((_key(part) for part, _ in new), _create(connection, parent, new), strict=True))
    for part, run in wanted:
        if _key(part) in known:
            _read_again(connection, claim.tenant, known[_key(part)], run)
    ids = made | {key: old.document for key, old in known.items()}
    split = Split(
        parts=[part.model_copy(update={"document_id": ids[_key(part)]}) for part, _ in wanted],
        separators=outcome.split.separators,
    )
    _record(connection, claim, outcome, split, asked.warnings)


def _key(part: SplitPart) -> _Key:
    return part.pages, str(part.class_)


def _known(connection: sa.Connection, parent: sa.Row[Any]) -> dict[_Key, _Known]:
    rows = connection.execute(
        sa.select(runs, documents.c.id.label("part"), documents.c.part_pages, documents.c.part_class)
        .join(documents, documents.c.newest_run_id == runs.c.id)
        .where(documents.c.parent_id == parent.id, documents.c.deleted_at.is_(None))
        .order_by(documents.c.part_first)
    ).all()
    return {(row.part_pages, row.part_class): _Known(DocumentId(row.part), row) for row in rows}


def _forget(
    connection: sa.Connection, tenant: TenantId, known: dict[_Key, _Known], wanted: set[_Key]
) -> None:
    """Their bytes are the file's, which stays."""
    gone = [known.pop(key).document for key in list(known) if key not in wanted]
    for document in gone:
        commands.delete_document(connection, tenant, document)


def _create(
    connection: sa.Connection, parent: sa.Row[Any], new: list[tuple[SplitPart, NewRun]]
) -> list[DocumentId]:
    if not new:
        return []
    tenant = TenantId(parent.tenant_id)
    marks = connection.execute(sa.select(labels).where(labels.c.document_id == parent.id))
    whole = NewDocument(
        tenant=tenant,
        blob=BlobKey(tenant, Digest(parent.digest), parent.generation),
        media_type=parent.media_type,
        size=parent.bytes,
        filename=parent.filename,
        external_id=parent.external_id,
        batch_id=BatchId(parent.batch_id) if parent.batch_id else None,
        parent_id=DocumentId(parent.id),
        callback_url=parent.callback_url,
        labels={row.key: row.value for row in marks},
        expires_at=parent.expires_at,
    )
    pairs = [(replace(whole, part=part), run) for part, run in new]
    made = [
        document for document, _ in commands.create_documents(connection, tenant, pairs, new[0][1].priority)
    ]
    for document in made:
        batch_log.note(connection, _Member(document, tenant, parent.batch_id), None, None, batch_log.PENDING)
    return made


@dataclass(frozen=True, slots=True)
class _Member:
    id: DocumentId
    tenant_id: TenantId
    batch_id: str | None


def _read_again(connection: sa.Connection, tenant: TenantId, known: _Known, run: NewRun) -> None:
    old = known.run
    same = (old.request, old.schema_ref, old.schema) == (run.request, run.schema_ref, run.schema)
    if same and (old.state == RunState.SUCCEEDED or not RunState(old.state).terminal):
        return
    commands.create_run(connection, tenant, known.document, run, based_on=run.based_on)


class _Asked:
    """What is asked of parts, derived from what was asked of the file."""

    def __init__(self, connection: sa.Connection, claim: Claim) -> None:
        self._connection = connection
        self._claim = claim
        row = connection.execute(
            sa.select(runs.c.schema_ref, runs.c.priority).where(runs.c.id == claim.run)
        ).one()
        self._schema_ref, self._priority = row.schema_ref, row.priority
        self._runs: dict[DocumentClass, NewRun] = {}
        self.warnings: list[ResultWarning] = []

    def of(self, kind: DocumentClass) -> NewRun:
        if kind not in self._runs:
            self._runs[kind] = self._run(kind)
        return self._runs[kind]

    def _run(self, kind: DocumentClass) -> NewRun:
        claim, request = self._claim, dict(self._claim.facts.request)
        ref, schema = self._schema(kind)
        tasks = request.get("tasks")
        if tasks is not None:
            rest = [task for task in tasks if task != Task.FIELDS]
            request["tasks"] = [*rest, str(Task.FIELDS)] if schema is not None else rest
        request |= {"split": False, "pages": None, "schema": ref if ref is not None else schema}
        return NewRun(request, claim.facts.password, self._priority, ref, schema, based_on=claim.run)

    def _schema(self, kind: DocumentClass) -> tuple[str | None, dict[str, Any] | None]:
        """The one named for the class, else the request's, else (where fields are asked for) the built-in."""
        request = self._claim.facts.request
        split = request["split"]
        named = split["schemas"].get(str(kind)) if isinstance(split, dict) else None
        if named is not None:
            return self._named(named)
        tasks = request.get("tasks")
        if self._claim.facts.schema is not None and (tasks is None or Task.FIELDS in tasks):
            return self._schema_ref, self._claim.facts.schema
        if Task.FIELDS not in (tasks or ()) or kind is DocumentClass.OTHER:
            return None, None
        return self._named(str(kind))

    def _named(self, reference: str) -> tuple[str | None, dict[str, Any] | None]:
        found = named_schemas.find(self._connection, self._claim.tenant, _BUILTINS, reference)
        if found is not None:
            return found.ref, found.schema
        detail = f"the schema {reference!r} was deleted while the file was read: its parts have no fields"
        self.warnings.append(ResultWarning(code="schema_gone", detail=detail))
        return None, None


def _record(
    connection: sa.Connection, claim: Claim, outcome: Outcome, split: Split, warnings: list[ResultWarning]
) -> None:
    """The run says which documents it became."""
    said = [*outcome.summary["warnings"], *(warning.model_dump() for warning in warnings)]
    summary = {**outcome.summary, "warnings": said, "split": split.model_dump(mode="json", by_alias=True)}
    connection.execute(sa.update(runs).where(runs.c.id == claim.run).values(outcome=summary))
    connection.execute(
        sa.update(documents).where(documents.c.id == claim.document).values(parts=len(split.parts) or None)
    )
