"""Answers queries: one short read for a page of rows, streams as one page after the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from schemas.errors import ResultWarning
from schemas.field import FieldType
from schemas.ids import TenantId
from services.faults import fault
from services.query.aggregates import Aggregates, Grouped, Wanted
from services.query.ast import About, AggregateOp, Operand, Query
from services.query.plan import Group, Path, Planner, Source
from services.query.rows import Order, Rows, Selection
from services.query.values import fetch
from services.stores.engine import Database
from services.stores.query_tables import field_paths

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000
_MOST_COLUMNS = 200
_FACTS = ("filename", "state", "schema", "created_at")


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of rows. ``columns`` in order with what they come from (None: an aggregate)."""

    columns: Mapping[str, Source | None]
    rows: list[dict[str, Any]]
    next_place: str | None
    warnings: list[ResultWarning] = field(default_factory=list)


class Queries:
    """The queries of one database. A row of another tenant does not exist for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, tenant: TenantId, query: Query, after: str | None, limit: int) -> Answer:
        """Up to ``limit`` rows behind a place. Raises `RequestInvalid` for what cannot be compared."""
        with self._database.read() as connection:
            run = _Run(connection, tenant, query)
            return run.groups(after, limit) if query.aggregate else run.rows(after, limit)

    def pages(self, tenant: TenantId, query: Query, after: str | None, limit: int | None) -> Iterator[Answer]:
        """All rows, or ``limit`` of them, page by page; no connection is held in between."""
        left = limit
        while True:
            answer = self.page(tenant, query, after, min(MAX_LIMIT, left) if left is not None else MAX_LIMIT)
            yield answer
            after = answer.next_place
            left = None if left is None else left - len(answer.rows)
            if after is None or left == 0:
                return


class _Run:
    """One page of one query on an open connection."""

    def __init__(self, connection: sa.Connection, tenant: TenantId, query: Query) -> None:
        self._connection = connection
        self._tenant = tenant
        self._query = query
        self._planner = Planner(known_paths(connection, tenant))
        scope = query.list_path
        self._selection = Selection(tenant, self._planner.node(query.where, scope), scope, ())

    def rows(self, after: str | None, limit: int) -> Answer:
        query = self._query
        order = tuple(Order(self._single(sort.by), sort.descending) for sort in query.order)
        columns = self._columns()
        keys = Rows(replace(self._selection, order=order)).page(self._connection, after, limit + 1)
        more = keys[limit - 1].place if len(keys) > limit else None
        rows = fetch(self._connection, self._tenant, keys[:limit], columns)
        fixed: dict[str, Source | None] = {"document_id": _TEXT, "run_id": _TEXT}
        if query.list_path is not None:
            fixed["item_index"] = _NUMBER
        return Answer({**fixed, **dict(columns)}, rows, more, self._warnings())

    def groups(self, after: str | None, limit: int) -> Answer:
        query = self._query
        if query.order:
            detail = "groups come in the order of their keys; sort the answer"
            raise fault("/order", "query_contradiction", detail)
        wanted = [Wanted(a.op, self._summed(a.op, a.operand), a.name, a.pointer) for a in query.aggregate]
        grouped = [Grouped(self._grouped(column.operand, wanted), column.name) for column in query.group_by]
        found = Aggregates(self._selection, wanted, grouped).page(self._connection, after, limit + 1)
        more = found[limit - 1].place if len(found) > limit else None
        columns: dict[str, Source | None] = {g.name: g.source for g in grouped}
        columns |= dict.fromkeys(w.name for w in wanted)
        return Answer(columns, [group.row for group in found[:limit]], more, self._warnings())

    def _single(self, operand: Operand) -> Source:
        """A source with one value for each row."""
        source = self._planner.source(operand, self._query.list_path)
        if source.list_path is not None and source.list_path != self._query.list_path:
            detail = (
                f"{operand.name[:100]} has many values in a document; use rows: {source.list_path[:100]!r}"
            )
            raise fault(operand.pointer, "field_in_list", detail, whole="field_in_list")
        return source

    def _summed(self, op: AggregateOp, operand: Operand | None) -> Source | None:
        if operand is None:
            return None
        source = self._single(operand)
        sums = op in (AggregateOp.SUM, AggregateOp.AVG)
        if sums and source.known and source.groups != {Group.NUMBER}:
            kinds = ", ".join(sorted(source.types or source.groups))
            detail = f"{operand.name[:100]} is {kinds}: {op} needs numbers"
            raise fault(operand.pointer, "type_mismatch", detail, whole="type_mismatch")
        if source.about is About.LABEL and op is not AggregateOp.COUNT:
            raise fault(operand.pointer, "type_mismatch", f"{op} of a label", whole="type_mismatch")
        return source

    def _grouped(self, operand: Operand, wanted: list[Wanted]) -> Source:
        """`currency` is that of the amounts which are summed up, where there are any."""
        if (operand.about, operand.name) == (About.FIELD, "currency"):
            money = next((w.source for w in wanted if w.source and FieldType.MONEY in w.source.types), None)
            if money is not None:
                return replace(money, about=About.CURRENCY, groups=frozenset({Group.TEXT}))
        return self._single(operand)

    def _columns(self) -> list[tuple[str, Source]]:
        if self._query.select is not None:
            scope = self._query.list_path
            return [(c.name, self._planner.source(c.operand, scope)) for c in self._query.select]
        facts = [(name, Operand(About.DOCUMENT, name, "")) for name in _FACTS]
        scope = self._query.list_path
        prefix = f"{scope}[]." if scope is not None else ""
        own = sorted(name for name, path in self._planner.paths.items() if path.list_path == scope)
        fields = [(name.removeprefix(prefix), Operand(About.FIELD, name, "")) for name in own]
        return [(name, self._planner.source(o, scope)) for name, o in [*facts, *fields[:_MOST_COLUMNS]]]

    def _warnings(self) -> list[ResultWarning]:
        return [
            ResultWarning(
                code="field_unknown", detail=f"no document has a field {name[:100]!r}", path=name[:200]
            )
            for name in dict.fromkeys(self._planner.unknown.values())
        ]


_TEXT = Source(About.DOCUMENT, "id", frozenset({Group.TEXT}))
_NUMBER = Source(About.DOCUMENT, "bytes", frozenset({Group.NUMBER}))


def known_paths(connection: sa.Connection, tenant: TenantId) -> dict[str, Path]:
    """The paths of a tenant's fields with their types."""
    found: dict[str, tuple[set[FieldType], str | None]] = {}
    for row in connection.execute(sa.select(field_paths).where(field_paths.c.tenant_id == tenant)):
        kinds, list_path = found.setdefault(row.path, (set(), row.list_path))
        kinds.add(FieldType(row.type))
        found[row.path] = (kinds, list_path if list_path is not None else row.list_path)
    return {path: Path(frozenset(kinds), list_path) for path, (kinds, list_path) in found.items()}
