"""Corrections by people: kept beside the machine's value, counted instead of it, told in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pipeline.fields.correcting import Unfit, typed
from pipeline.ports import Cage
from schemas.errors import Conflict, ErrorItem, RequestInvalid
from schemas.field import Correction, Field, FieldType
from schemas.ids import DocumentId, RunId, TenantId
from schemas.webhook import EventType
from services.faults import summary
from services.lookup import Lookup, Row
from services.stores import audit_rows, outbox_rows, transitions
from services.stores.audit_rows import Action
from services.stores.engine import Database
from services.stores.field_rows import spread, values
from services.stores.query_tables import fields
from services.stores.tables import runs
from workers import steps


@dataclass(frozen=True, slots=True)
class Change:
    """A value for a path; ``withdraw``: the machine's counts again."""

    path: str
    value: Any = None
    withdraw: bool = False


@dataclass(frozen=True, slots=True)
class Corrected:
    """What the changed fields say now, and the extraction with every correction in it."""

    fields: list[Field]
    extraction: dict[str, Any] | None
    extraction_valid: bool | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A run as it was read: its fields in order, and how often it had been corrected."""

    leaves: list[Field]
    outcome: dict[str, Any]

    @property
    def count(self) -> int:
        return int((self.outcome.get("corrected") or {}).get("count", 0))


class Corrections:
    """Corrects fields of a document's newest finished run."""

    def __init__(self, database: Database, lookup: Lookup, cage: Cage) -> None:
        self._database = database
        self._lookup = lookup
        self._cage = cage

    def apply(self, tenant: TenantId, document: DocumentId, by: str, changes: Sequence[Change]) -> Corrected:
        """All of the changes or none. Raises `RequestInvalid` with a pointer for each that does not fit."""
        run = self._lookup.finished_run(tenant, document, None)
        if run.schema is None:
            raise Conflict("no_fields", "the newest finished run had no schema, so it has no fields")
        choices = self._cage.run(steps.choices, run.schema)
        while True:
            seen = self._read(tenant, run.id)
            changed = _changed(seen, changes, choices, by)
            outcome = self._reconciled(run, seen, changed)
            if self._write(run, seen, changed, outcome):
                shown = [changed[change.path] for change in changes]
                return Corrected(shown, outcome["extraction"], outcome["extraction_valid"])

    def _read(self, tenant: TenantId, run: str) -> _Seen:
        query = (
            sa.select(fields.c.content)
            .where(fields.c.run_id == run, fields.c.tenant_id == tenant)
            .order_by(fields.c.ordinal)
        )
        with self._database.read() as connection:
            leaves = [Field(**content) for content in connection.scalars(query)]
            outcome = connection.scalar(sa.select(runs.c.outcome).where(runs.c.id == run))
        return _Seen(leaves, outcome or {})

    def _reconciled(self, run: Row, seen: _Seen, changed: Mapping[str, Field]) -> dict[str, Any]:
        """The extraction with all corrections in it; the machine's own stays in the run as it was."""
        leaves = [changed.get(leaf.path, leaf) for leaf in seen.leaves]
        corrected = [(leaf.path, leaf.correction.value) for leaf in leaves if leaf.correction is not None]
        extraction, valid = seen.outcome.get("extraction"), seen.outcome.get("extraction_valid")
        count = seen.count + 1
        if not corrected or extraction is None:
            return {"extraction": extraction, "extraction_valid": valid, "complaints": None, "count": count}
        extraction, valid, complaints = self._cage.run(steps.replaced, run.schema, extraction, corrected)
        said = [complaint.model_dump() for complaint in complaints]
        return {"extraction": extraction, "extraction_valid": valid, "complaints": said, "count": count}

    def _write(self, run: Row, seen: _Seen, changed: Mapping[str, Field], outcome: dict[str, Any]) -> bool:
        """False when somebody else corrected the run meanwhile."""
        with self._database.write() as connection:
            query = sa.select(runs.c.outcome).where(runs.c.id == run.id).with_for_update()
            now = _Seen([], connection.scalar(query) or {})
            if now.count != seen.count:
                return False
            for ordinal, leaf in enumerate(seen.leaves):
                if leaf.path in changed:
                    new = changed[leaf.path]
                    connection.execute(
                        sa.update(fields)
                        .where(fields.c.run_id == run.id, fields.c.ordinal == ordinal)
                        .values(**values(new), content=new.model_dump(mode="json"))
                    )
            stored = {**now.outcome, "corrected": outcome}
            connection.execute(sa.update(runs).where(runs.c.id == run.id).values(outcome=stored))
            data = {"state": run.state, "paths": sorted(changed)}
            owner = (TenantId(run.tenant_id), DocumentId(run.document_id), RunId(run.id))
            transitions.tell(connection, owner, EventType.DOCUMENT_CORRECTED, data)
            outbox_rows.document_changed(connection, run, EventType.DOCUMENT_CORRECTED, run.state)
            audit_rows.note(connection, owner[0], Action.DOCUMENT_CORRECTED, run.document_id)
        return True


def _changed(
    seen: _Seen, changes: Sequence[Change], choices: Mapping[str, tuple[Any, ...]], by: str
) -> dict[str, Field]:
    known = {leaf.path: leaf for leaf in seen.leaves}
    lists = {list_path for leaf in seen.leaves if (list_path := spread(leaf.path)[1]) is not None}
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    changed: dict[str, Field] = {}
    faults: list[ErrorItem] = []
    for index, change in enumerate(changes):
        place = f"/corrections/{index}"
        leaf = known.get(change.path)
        if leaf is None or leaf.path in lists or _is_list(seen.outcome, leaf.path):
            detail = "the newest finished run has no such field"
            faults.append(ErrorItem(pointer=f"{place}/path", code="field_not_found", detail=detail))
        elif change.path in changed:
            faults.append(ErrorItem(pointer=f"{place}/path", code="repeated", detail="corrected twice"))
        elif change.withdraw:
            changed[leaf.path] = leaf.model_copy(update={"correction": None})
        else:
            try:
                value = _fitting(leaf, change.value, choices)
            except Unfit as unfit:
                faults.append(ErrorItem(pointer=f"{place}/value", code="type_mismatch", detail=str(unfit)))
                continue
            correction = Correction(value=value, by=by, at=at)
            changed[leaf.path] = leaf.model_copy(update={"correction": correction})
    if faults:
        raise RequestInvalid(detail=summary(faults), errors=faults[:50])
    return changed


def _fitting(leaf: Field, value: Any, choices: Mapping[str, tuple[Any, ...]]) -> Any:
    fit = typed(leaf.type, value)
    allowed = choices.get(spread(leaf.path)[0])
    if leaf.type is FieldType.ENUM and fit is not None and allowed is not None and fit not in allowed:
        raise Unfit(f"one of {', '.join(map(str, allowed[:20]))}, or null")
    return fit


def _is_list(outcome: dict[str, Any], path: str) -> bool:
    """An empty list has one field in its own name, which is no value."""
    return isinstance((outcome.get("extraction") or {}).get(path), list)
