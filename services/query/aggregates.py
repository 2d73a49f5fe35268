"""Counts, sums and extremes over groups of rows, exact: sums cannot overflow, currencies are never mixed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import sqlalchemy as sa

from schemas.field import FieldType
from services.faults import fault
from services.query import places
from services.query.ast import About, AggregateOp
from services.query.conditions import Bool, Conditions, Item, column_of, member, sortable
from services.query.plan import Group, Source
from services.query.rows import Selection
from services.query.values import day, moment
from services.stores.field_rows import SCALE
from services.stores.query_tables import fields
from services.stores.tables import documents, labels

_LOW = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Wanted:
    """One aggregate; ``pointer`` leads to it in the request."""

    op: AggregateOp
    source: Source | None
    name: str
    pointer: str


@dataclass(frozen=True, slots=True)
class Grouped:
    source: Source
    name: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group's row, and its place in the order of groups."""

    row: dict[str, Any]
    place: str


class Aggregates:
    """One query for a page of groups, in the order of their keys; those without a key come last."""

    def __init__(self, selection: Selection, wanted: Sequence[Wanted], group_by: Sequence[Grouped]) -> None:
        self._selection = selection
        self._wanted = wanted
        self._group_by = group_by
        self._conditions = Conditions(selection.tenant)
        self._joined: dict[str, Any] = {}

    def page(self, connection: sa.Connection, after: str | None, limit: int) -> list[GroupRow]:
        found = []
        for row in connection.execute(self._statement(after, limit)):
            values = list(row)
            keys = values[: len(self._group_by)]
            shown = {g.name: _shown(key, g.source) for g, key in zip(self._group_by, keys, strict=True)}
            rest = values[len(keys) :]
            for wanted in self._wanted:
                mine, rest = rest[: _WIDTH[wanted.op]], rest[_WIDTH[wanted.op] :]
                shown[wanted.name] = _result(wanted, mine)
            found.append(GroupRow(shown, places.spell(keys)))
        return found

    def _statement(self, after: str | None, limit: int) -> sa.Select[Any]:
        chosen = self._selection
        self._joined = {}
        source, where, item = self._conditions.domain(chosen.list_path)
        where.append(self._conditions.of(chosen.where, item))
        keys, columns = [], []
        for grouped in self._group_by:
            source, key = self._key(source, grouped.source, item)
            keys.append(key)
        for wanted in self._wanted:
            source, more = self._columns(source, wanted, item)
            columns += more
        order: list[sa.ColumnElement[Any]] = []
        for key in keys:
            order += [sa.case((key.is_(None), 1), else_=0), key]
        labelled = [column.label(f"c{at}") for at, column in enumerate([*keys, *columns])]
        statement = sa.select(*labelled).select_from(source).where(*where).limit(limit)
        if keys:
            statement = statement.group_by(*keys).order_by(*order)
            if after is not None:
                statement = statement.where(_behind(keys, after))
        return statement

    def _row(self, source: sa.FromClause, wanted: Source, item: Item | None) -> tuple[sa.FromClause, Any]:
        """The row of a field, joined once however often it is spoken of."""
        known = self._joined.get(wanted.name)
        if known is None:
            row = fields.alias()
            known = self._joined[wanted.name] = row.c
            source = source.outerjoin(row, sa.and_(*self._conditions.rows_of(row.c, wanted, item)))
        return source, known

    def _key(
        self, source: sa.FromClause, wanted: Source, item: Item | None
    ) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
        if wanted.about is About.DOCUMENT:
            return source, member(wanted.name)
        if wanted.about is About.LABEL:
            mark = labels.alias()
            same = sa.and_(mark.c.document_id == documents.c.id, mark.c.key == wanted.name)
            return source.outerjoin(mark, same), mark.c.value
        if not wanted.known:
            return source, sa.cast(sa.null(), sa.Text)
        source, row = self._row(source, wanted, item)
        plain = wanted.about is About.FIELD and wanted.group is Group.TEXT
        return source, row.value_text if plain else sortable(column_of(row, wanted))

    def _columns(
        self, source: sa.FromClause, wanted: Wanted, item: Item | None
    ) -> tuple[sa.FromClause, list[sa.ColumnElement[Any]]]:
        about = wanted.source
        if about is None:
            return source, [sa.func.count()]
        if about.about is About.DOCUMENT:
            return source, _of_plain(wanted.op, member(about.name))
        if not about.known:
            return source, _of_plain(wanted.op, sa.cast(sa.null(), sa.Float(53)))
        source, row = self._row(source, about, item)
        column = column_of(row, about)
        if about.about is not About.FIELD or about.group is not Group.NUMBER:
            textual = about.about is About.FIELD and about.group is Group.TEXT
            return source, _of_plain(wanted.op, row.value_text if textual else column)
        return source, _of_numbers(wanted.op, row)


_WIDTH = {
    AggregateOp.COUNT: 1,
    AggregateOp.SUM: 5,
    AggregateOp.AVG: 5,
    AggregateOp.MIN: 3,
    AggregateOp.MAX: 3,
}


def _of_plain(op: AggregateOp, column: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    """Of confidences, times, sizes, texts: they have no exact column and no currency."""
    if op is AggregateOp.COUNT:
        return [sa.func.count(column)]
    if op in (AggregateOp.SUM, AggregateOp.AVG):
        number = sa.cast(column, sa.Float(53))
        return [sa.null(), sa.null(), sa.func.sum(number), sa.func.count(column), sa.literal(0)]
    pick = sa.func.min if op is AggregateOp.MIN else sa.func.max
    return [pick(column), sa.null(), sa.literal(0)]


def _of_numbers(op: AggregateOp, row: Any) -> list[sa.ColumnElement[Any]]:
    """Rows and columns of fields: exact parts, what is not exact, and how many currencies there are."""
    if op is AggregateOp.COUNT:
        return [sa.func.count(row.number)]
    there = row.number.is_not(None)
    currencies = sa.func.count(sa.distinct(sa.case((there, sa.func.coalesce(row.currency, "")))))
    if op in (AggregateOp.SUM, AggregateOp.AVG):
        # In halves: SQLite refuses a sum beyond 64 bits, and no sum of halves of 2**31 rows is.
        return [
            sa.func.sum(row.scaled.bitwise_rshift(sa.literal_column("32"))),
            sa.func.sum(row.scaled.bitwise_and(_LOW)),
            sa.func.sum(sa.case((row.scaled.is_(None), row.number))),
            sa.func.count(row.number),
            currencies,
        ]
    pick = sa.func.min if op is AggregateOp.MIN else sa.func.max
    return [pick(row.number), pick(row.scaled), currencies]


def _result(wanted: Wanted, values: Sequence[Any]) -> Any:
    if wanted.op is AggregateOp.COUNT:
        return int(values[0])
    if values[-1] is not None and values[-1] > 1:
        detail = "the amounts are of several currencies, or some have none; group_by currency, or filter one"
        raise fault(wanted.pointer, "mixed_currency", detail, whole="mixed_currency")
    if wanted.op in (AggregateOp.SUM, AggregateOp.AVG):
        return _sum(wanted.op, values)
    number, scaled, _ = values
    source = wanted.source
    assert source is not None
    if source.about is About.FIELD and source.group is Group.NUMBER and number is not None:
        near = scaled is not None and float(Decimal(scaled).scaleb(-SCALE)) == number
        exact = Decimal(scaled).scaleb(-SCALE) if near else Decimal(repr(float(number)))
        return int(exact) if source.types == {FieldType.INTEGER} else exact
    return _shown(number, source)


def _sum(op: AggregateOp, values: Sequence[Any]) -> str | None:
    """A text of digits: no reader of JSON rounds it."""
    high, low, inexact, count, _ = values
    if not count:
        return None
    with localcontext(prec=60):
        total = Decimal((int(high or 0) << 32) + int(low or 0)).scaleb(-SCALE)
        if inexact is not None:
            total += Decimal(repr(float(inexact)))
        if op is AggregateOp.AVG:
            total = (total / count).quantize(Decimal(1).scaleb(-SCALE))
    text = f"{total:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown(key: Any, source: Source) -> Any:
    if key is None:
        return None
    if source.group is Group.DATE and source.about is About.FIELD:
        return day(int(key))
    if source.group is Group.TIME:
        return moment(int(key))
    if source.group is Group.BOOLEAN:
        return bool(key)
    if source.group is Group.NUMBER and isinstance(key, float) and source.about is About.FIELD:
        return Decimal(repr(key))
    return key


def _behind(keys: Sequence[sa.ColumnElement[Any]], after: str) -> Bool:
    place = places.read(after)
    places.check(keys, place)
    ways: list[Bool] = []
    equal: list[Bool] = []
    for key, value in zip(keys, place, strict=True):
        if value is None:
            equal.append(key.is_(None))
        else:
            ways.append(sa.and_(*equal, sa.or_(key > value, key.is_(None))))
            equal.append(key == value)
    return sa.or_(sa.false(), *ways)
