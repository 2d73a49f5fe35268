"""What rows say: values of fields, labels and members of documents, fetched for a page of rows at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from schemas.field import FieldType
from schemas.ids import TenantId
from services.query.ast import About
from services.query.conditions import member
from services.query.plan import Group, Source
from services.query.rows import Key
from services.stores.field_rows import NUMERIC, SCALE
from services.stores.query_tables import fields
from services.stores.tables import documents, labels

_EPOCH = date(1970, 1, 1)
_ROW = ("run_id", "path", "item_index", "type", "state", "value_text", "scaled", "number", "currency", "date",
        "bool", "confidence")  # fmt: skip


def fetch(
    connection: sa.Connection, tenant: TenantId, keys: Sequence[Key], columns: Sequence[tuple[str, Source]]
) -> list[dict[str, Any]]:
    """A dictionary for each key, its columns in order; lists where a field has several values."""
    sources = [source for _, source in columns]
    found = _fields(connection, tenant, keys, sources)
    marks = _labels(connection, keys, sources)
    facts = _members(connection, keys, sources)
    rows = []
    for key in keys:
        row: dict[str, Any] = {"document_id": key.document, "run_id": key.run}
        if key.item is not None:
            row["item_index"] = key.item
        for name, source in columns:
            if source.about is About.DOCUMENT:
                row[name] = facts[key.document][source.name]
            elif source.about is About.LABEL:
                row[name] = marks.get((key.document, source.name))
            else:
                row[name] = _of_key(found, key, source)
        rows.append(row)
    return rows


_Found = Mapping[tuple[str, str], Mapping[int | None, Any]]


def _of_key(found: _Found, key: Key, source: Source) -> Any:
    rows = found.get((key.run, source.name), {})
    if source.list_path is None:
        return said(rows.get(None), source)
    if key.item is not None and key.item in rows:
        return said(rows[key.item], source)
    if key.item is not None:
        return None
    return [said(rows[index], source) for index in sorted(rows, key=lambda index: index or 0)]


def _fields(
    connection: sa.Connection, tenant: TenantId, keys: Sequence[Key], sources: Sequence[Source]
) -> _Found:
    paths = sorted({source.name for source in sources if source.of_field and source.known})
    if not paths or not keys:
        return {}
    query = sa.select(*(fields.c[name] for name in _ROW)).where(
        fields.c.tenant_id == tenant,
        fields.c.run_id.in_(sorted({key.run for key in keys})),
        fields.c.path.in_(paths),
    )
    if all(key.item is not None for key in keys):
        items = sorted({key.item for key in keys if key.item is not None})
        query = query.where(sa.or_(fields.c.item_index.is_(None), fields.c.item_index.in_(items)))
    found: dict[tuple[str, str], dict[int | None, Any]] = {}
    for row in connection.execute(query):
        found.setdefault((row.run_id, row.path), {})[row.item_index] = row
    return found


def said(row: Any, source: Source) -> Any:
    """The value of a field's row as Python has it: exact decimals, dates, texts."""
    if row is None:
        return None
    if source.about is not About.FIELD:
        return getattr(row, str(source.about))
    if row.bool is not None:
        return bool(row.bool)
    if row.date is not None:
        return day(row.date)
    if FieldType(row.type) in NUMERIC and row.number is not None:
        exact = Decimal(row.scaled).scaleb(-SCALE) if row.scaled is not None else Decimal(repr(row.number))
        return int(exact) if row.type == FieldType.INTEGER and exact == int(exact) else exact
    return row.value_text


def day(days: int) -> date:
    return _EPOCH + timedelta(days=days)


def moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def _labels(
    connection: sa.Connection, keys: Sequence[Key], sources: Sequence[Source]
) -> dict[tuple[str, str], str]:
    names = sorted({source.name for source in sources if source.about is About.LABEL})
    if not names or not keys:
        return {}
    query = sa.select(labels.c.document_id, labels.c.key, labels.c.value).where(
        labels.c.document_id.in_(sorted({key.document for key in keys})), labels.c.key.in_(names)
    )
    return {(row.document_id, row.key): row.value for row in connection.execute(query)}


def _members(
    connection: sa.Connection, keys: Sequence[Key], sources: Sequence[Source]
) -> dict[str, dict[str, Any]]:
    wanted = {source.name: source for source in sources if source.about is About.DOCUMENT}
    if not wanted or not keys:
        return {}
    columns = [member(name).label(f"m{at}") for at, name in enumerate(wanted)]
    query = sa.select(documents.c.id, *columns).where(documents.c.id.in_(sorted({k.document for k in keys})))
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(query):
        facts = dict(zip(wanted, list(row)[1:], strict=True))
        for name, source in wanted.items():
            if source.group is Group.TIME and facts[name] is not None:
                facts[name] = moment(facts[name])
        found[row.id] = facts
    # A document deleted between the two reads is shown as it is now: with nothing.
    return {key.document: found.get(key.document, dict.fromkeys(wanted)) for key in keys}
