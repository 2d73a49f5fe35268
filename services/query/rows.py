"""Pages of rows in order: keyset pages that go on where the last one ended, whatever was added meanwhile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schemas.ids import TenantId
from services.query import places
from services.query.ast import About, Op
from services.query.compare import ordered
from services.query.conditions import Bool, Conditions, Item, column_of, member, of_row, some, sortable
from services.query.plan import Planned, PlannedAll, PlannedNode, Source
from services.stores.query_tables import fields
from services.stores.tables import documents, labels


@dataclass(frozen=True, slots=True)
class Key:
    """Which row: a document in its newest finished run, or one item of it; ``place`` is where it stands."""

    document: str
    run: str
    item: int | None
    place: str


@dataclass(frozen=True, slots=True)
class Order:
    source: Source
    descending: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What rows there are, and in which order. ``list_path`` None: documents."""

    tenant: TenantId
    where: PlannedNode
    list_path: str | None
    order: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class _Term:
    """One expression of an order; ``bound`` its value in the row that the page follows."""

    column: sa.ColumnElement[Any]
    descending: bool

    @property
    def clause(self) -> sa.UnaryExpression[Any]:
        return self.column.desc() if self.descending else self.column.asc()

    def behind(self, value: Any) -> Bool:
        return ordered(self.column, Op.LT if self.descending else Op.GT, value)

    def not_before(self, value: Any) -> Bool:
        return ordered(self.column, Op.LTE if self.descending else Op.GTE, value)


class Rows:
    """Reads keys of rows. Rows that have the value they are sorted by come first, then those without."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._conditions = Conditions(selection.tenant)
        self._tie: sa.ColumnElement[Any] = documents.c.id
        self._leader = fields.alias("first")
        first = selection.order[0].source if selection.order else None
        self._phases = 2 if first is not None and first.of_field and first.known else 1

    def page(self, connection: sa.Connection, after: str | None, limit: int) -> list[Key]:
        phase, place = _place(after, self._phases)
        found: list[Key] = []
        while phase < self._phases and len(found) < limit:
            statement, terms = self._statement(phase, place, limit - len(found))
            found += self._keys(connection.execute(statement), phase, len(terms))
            phase, place = phase + 1, None
        return found

    def _keys(self, rows: Any, phase: int, terms: int) -> Iterator[Key]:
        for row in rows:
            values = list(row)
            place = places.spell([phase, *values[3 : 3 + terms]])
            yield Key(values[0], values[1], values[2], place)

    def _statement(
        self, phase: int, place: Sequence[Any] | None, limit: int
    ) -> tuple[sa.Select[Any], list[_Term]]:
        chosen = self._selection
        source, where, item = self._conditions.domain(chosen.list_path)
        rest = chosen.where
        terms: list[_Term] = []
        for at, order in enumerate(chosen.order):
            if at == 0 and self._phases == 2:
                source, where, more = self._first(phase, order, source, where, item)
                if phase == 0:
                    own, rest = _parted(rest, order.source)
                    where += [of_row(self._leader.c, test) for test in own]
            else:
                source, more = self._further(order, source, item)
            terms += more
        last = chosen.order[0].descending if chosen.order else True
        tie = self._tie if self._phases == 2 and phase == 0 else documents.c.id
        terms.append(_Term(tie, last))
        if item is not None:
            terms.append(_Term(item.index, descending=False))
        where.append(self._conditions.of(rest, item))
        if place is not None:
            where += _after(terms, place)
        index = item.index if item is not None else sa.null()
        columns = [documents.c.id, documents.c.finished_run_id, index, *(term.column for term in terms)]
        labelled = [column.label(f"c{at}") for at, column in enumerate(columns)]
        statement = (
            sa.select(*labelled)
            .select_from(source)
            .where(*where)
            .order_by(*(term.clause for term in terms))
            .limit(limit)
        )
        return statement, terms

    def _first(
        self, phase: int, order: Order, source: sa.FromClause, where: list[Bool], item: Item | None
    ) -> tuple[sa.FromClause, list[Bool], list[_Term]]:
        """Led by the index of the values, or (the second phase) everything without such a value."""
        row = self._leader
        same = self._conditions.rows_of(row.c, order.source, item)
        column = sortable(column_of(row.c, order.source))
        if phase == 1:
            none = ~some(row, *same, column.is_not(None))
            return source, [*where, none], []
        self._tie = row.c.document_id  # behind the values in their index
        joined = source.join(row, sa.and_(*same))
        return joined, [*where, column.is_not(None)], [_Term(column, order.descending)]

    def _further(
        self, order: Order, source: sa.FromClause, item: Item | None
    ) -> tuple[sa.FromClause, list[_Term]]:
        """Whatever has no value comes last, in either direction."""
        wanted = order.source
        if wanted.about is About.DOCUMENT:
            column = member(wanted.name)
        elif wanted.about is About.LABEL:
            mark = labels.alias()
            same = sa.and_(mark.c.document_id == documents.c.id, mark.c.key == wanted.name)
            source, column = source.outerjoin(mark, same), mark.c.value
        elif not wanted.known:
            return source, []
        else:
            row = fields.alias()
            source = source.outerjoin(row, sa.and_(*self._conditions.rows_of(row.c, wanted, item)))
            column = sortable(column_of(row.c, wanted))
        absent = sa.case((column.is_(None), 1), else_=0)
        return source, [_Term(absent, descending=False), _Term(column, order.descending)]


def _parted(where: PlannedNode, leader: Source) -> tuple[list[Planned], PlannedNode]:
    """Tests of the very value that rows are sorted by, which bound the walk of its index, and all others."""
    parts = where.parts if isinstance(where, PlannedAll) else (where,)
    own = [part for part in parts if isinstance(part, Planned) and part.source == leader and part.exists]
    return own, PlannedAll(tuple(part for part in parts if part not in own))


def _place(after: str | None, phases: int) -> tuple[int, list[Any] | None]:
    if after is None:
        return 0, None
    phase, *values = places.read(after) or [None]
    if phase not in range(phases) or isinstance(phase, bool):
        raise places.cursor_invalid()
    return int(phase), values


def _after(terms: Sequence[_Term], place: Sequence[Any]) -> list[Bool]:
    """Rows behind a place: greater in one term, equal in all before it."""
    places.check([term.column for term in terms], place)
    ways: list[Bool] = []
    equal: list[Bool] = []
    for term, value in zip(terms, place, strict=True):
        if value is None:
            continue  # told apart by the term before it, which says that there is none
        ways.append(sa.and_(*equal, term.behind(value)))
        equal.append(term.column == value)
    conditions: list[Bool] = [sa.or_(sa.false(), *ways)]
    if place and place[0] is not None:
        conditions.append(terms[0].not_before(place[0]))  # what an index can start from
    return conditions
