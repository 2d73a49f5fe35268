"""The conditions of a query as SQL over documents, fields and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schemas.ids import TenantId
from services.query import compare
from services.query.ast import About, Op
from services.query.plan import (
    Comparison,
    Group,
    Planned,
    PlannedAll,
    PlannedAny,
    PlannedNode,
    PlannedNot,
    PlannedSome,
    Source,
)
from services.stores.kept import KEPT, WHOLE
from services.stores.query_tables import fields
from services.stores.tables import documents, labels, runs

Bool = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Item:
    """The item that conditions speak of: its list, and the columns with its run and its index."""

    list_path: str
    run: sa.ColumnElement[Any]
    index: sa.ColumnElement[Any]
    led: bool = False
    """Few items are left by a comparison before: the others are looked at one by one."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Builds conditions on `documents`, whose newest finished run is what is looked at."""

    tenant: TenantId

    def domain(self, list_path: str | None) -> tuple[sa.FromClause, list[Bool], Item | None]:
        """All documents that have been read, or all items of their lists of that name."""
        where = [
            documents.c.tenant_id == self.tenant,
            KEPT,
            WHOLE,
            documents.c.finished_run_id.is_not(None),
        ]
        if list_path is None:
            return documents, where, None
        head = fields.alias("item")
        source = documents.join(head, head.c.run_id == documents.c.finished_run_id)
        where += [head.c.tenant_id == self.tenant, head.c.list_path == list_path, head.c.item_head]
        return source, where, Item(list_path, head.c.run_id, head.c.item_index)

    def of(self, node: PlannedNode, item: Item | None) -> Bool:
        match node:
            case PlannedAll(parts):
                return sa.and_(sa.true(), *(self.of(part, item) for part in parts))
            case PlannedSome(parts):
                return sa.or_(sa.false(), *(self.of(part, item) for part in parts))
            case PlannedNot(part):
                # Comparing with what is not there yields NULL, whose NOT is NULL too: here it is false.
                return sa.not_(sa.func.coalesce(self.of(part, item), sa.false()))
            case PlannedAny(list_path, where):
                return self._any(list_path, where)
            case Planned():
                return self._planned(node, item)

    def rows_of(self, row: Any, source: Source, item: Item | None) -> list[Bool]:
        """What makes ``row`` (an alias of `fields`) the row of a source for this document, or this item."""
        # Of an item, by its own row: then the items lead to the documents, not the other way round.
        run = item.run if item is not None else documents.c.finished_run_id
        same = [row.tenant_id == self.tenant, row.run_id == run, row.path == source.name]
        if item is not None and source.list_path == item.list_path:
            same.append(row.item_index == item.index)
        return same

    def _planned(self, test: Planned, item: Item | None) -> Bool:
        if test.source.about is About.DOCUMENT:
            return _of_member(test)
        if test.source.about is About.LABEL:
            return self._of_label(test)
        if not test.source.known:
            return sa.true() if test.op is Op.EXISTS and not test.exists else sa.false()
        table = fields.alias()
        apart = item is not None and item.led
        found = some(table, *self.rows_of(table.c, test.source, item), of_row(table.c, test), apart=apart)
        return sa.not_(found) if test.op is Op.EXISTS and not test.exists else found

    def _of_label(self, test: Planned) -> Bool:
        table = labels.alias()
        row = table.c
        own = [row.document_id == documents.c.id, row.tenant_id == self.tenant, row.key == test.source.name]
        if test.op is not Op.EXISTS:
            own.append(_plain(row.value, test.op, test.comparisons))
        found = some(table, *own)
        return sa.not_(found) if test.op is Op.EXISTS and not test.exists else found

    def _any(self, list_path: str, where: PlannedNode) -> Bool:
        """One item for which all holds; a plain comparison, where there is one, leads to the items."""
        parts = list(where.parts) if isinstance(where, PlannedAll) else [where]
        table = fields.alias()
        row = table.c
        lead = next((part for part in parts if _leads(part, list_path)), None)
        item = Item(list_path, row.run_id, row.item_index, led=lead is not None)
        if lead is None:
            anchor = [
                row.tenant_id == self.tenant,
                row.run_id == documents.c.finished_run_id,
                row.list_path == list_path,
                row.item_head,
            ]
        else:
            assert isinstance(lead, Planned)
            anchor = [*self.rows_of(row, lead.source, None), of_row(row, lead)]
        rest = [self.of(part, item) for part in parts if part is not lead]
        return some(table, *anchor, *rest)


def some(table: sa.FromClause, *where: Bool, apart: bool = False) -> sa.Exists:
    """Whether the table has such a row; all other tables are those of the statements around, however deep.

    ``apart``: Postgres would join it, and expects so many rows of two such joins that it reads all documents;
    an offset keeps it out.
    """
    query = sa.select(sa.literal(1)).select_from(table).where(*where).correlate_except(table)
    return sa.exists(query.offset(0) if apart else query)


def _leads(part: PlannedNode, list_path: str) -> bool:
    return (
        isinstance(part, Planned)
        and part.source.of_field
        and part.source.list_path == list_path
        and (part.op is not Op.EXISTS or part.exists)
        and part.source.known
    )


def of_row(row: Any, test: Planned) -> Bool:
    """Whether the row of a field meets a test; the negation of `exists` is for the caller."""
    source = test.source
    if test.op is Op.EXISTS:
        return column_of(row, source).is_not(None)
    if source.about is About.FIELD:
        if test.op is Op.NE:
            return sa.and_(row.value_text.is_not(None), _differs(_any_group(row, Op.EQ, test.comparisons)))
        return _any_group(row, test.op, test.comparisons)
    if source.about is About.CONFIDENCE:
        return _numbers(row.confidence, test)
    return _plain(row.state if source.about is About.STATE else row.currency, test.op, test.comparisons)


def _any_group(row: Any, op: Op, comparisons: Sequence[Comparison]) -> Bool:
    return sa.or_(sa.false(), *(compare.field_value(row, c.group, op, c.values) for c in comparisons))


def _differs(equal: Bool) -> Bool:
    return sa.not_(sa.func.coalesce(equal, sa.false()))


def column_of(row: Any, source: Source) -> sa.ColumnElement[Any]:
    """The column that sorts, groups and shows whether there is a value."""
    if source.about is not About.FIELD:
        name = str(source.about)
    elif len(source.groups) == 1:
        name = _COLUMNS[source.group]
    else:
        name = "value_text"
    column: sa.ColumnElement[Any] = getattr(row, name)
    return column


def sortable(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Booleans as numbers: no before yes, and places in their order can be compared."""
    return sa.cast(column, sa.Integer) if isinstance(column.type, sa.Boolean) else column


_COLUMNS = {Group.NUMBER: "number", Group.DATE: "date", Group.BOOLEAN: "bool", Group.TEXT: "folded"}


def _of_member(test: Planned) -> Bool:
    column = member(test.source.name)
    if test.op is Op.EXISTS:
        return column.is_not(None) if test.exists else column.is_(None)
    if test.source.name == "schema" and test.op in (Op.EQ, Op.NE, Op.IN):
        return _schema(column, test)
    if test.source.group is Group.TEXT:
        return _plain(column, test.op, test.comparisons)
    return _numbers(column, test)


def _schema(column: sa.ColumnElement[Any], test: Planned) -> Bool:
    """`invoice` means each of its versions."""
    named: list[Bool] = []
    for value in (value for c in test.comparisons for value in c.values):
        if "@" in value:
            named.append(column == value)
        else:
            named.append(sa.func.substr(column, 1, len(value) + 1) == f"{value}@")
    same = sa.or_(sa.false(), *named)
    return sa.and_(column.is_not(None), sa.not_(same)) if test.op is Op.NE else same


def member(name: str) -> sa.ColumnElement[Any]:
    """A document's member; two of them are its newest finished run's."""
    if name in ("schema", "finished_at"):
        column = runs.c.schema_ref if name == "schema" else runs.c.finished_at
        query = sa.select(column).where(runs.c.id == documents.c.finished_run_id)
        return query.correlate_except(runs).scalar_subquery()
    return documents.c[_NAMED.get(name, name)]


_NAMED = {"sha256": "digest", "class": "part_class"}


def _plain(column: sa.ColumnElement[Any], op: Op, comparisons: Sequence[Comparison]) -> Bool:
    values = [value for comparison in comparisons for value in comparison.values]
    if op is Op.NE:
        return sa.and_(column.is_not(None), sa.not_(compare.plain_text(column, Op.IN, values)))
    return compare.plain_text(column, op, values) if values else sa.false()


def _numbers(column: sa.ColumnElement[Any], test: Planned) -> Bool:
    values = [
        float(value) if comparison.group is Group.NUMBER else value
        for comparison in test.comparisons
        for value in comparison.values
    ]
    if test.op is Op.NE:
        return sa.and_(column.is_not(None), column.not_in(values))
    if test.op is Op.IN:
        return column.in_(values)
    return compare.ordered(column, test.op, values[0])
