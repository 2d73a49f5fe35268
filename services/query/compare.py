"""Comparisons as SQL that means the same on SQLite and Postgres."""

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from services.query.ast import Op
from services.query.plan import Group
from services.stores.columns import clean
from services.stores.field_rows import FOLDED, SCALE, fold

_INT64 = 2**63 - 1
_LAST = "\U0010ffff"
Bool = sa.ColumnElement[bool]


class found_at(FunctionElement[int]):  # noqa: N801  # reads as the SQL function it is
    """Where a text begins inside another, from 1; 0 when it is not in it."""

    type = sa.Integer()
    inherit_cache = True


@compiles(found_at, "sqlite")
def _found_sqlite(element: found_at, compiler: Any, **kw: Any) -> str:
    return f"instr({compiler.process(element.clauses, **kw)})"


@compiles(found_at, "postgresql")
def _found_postgres(element: found_at, compiler: Any, **kw: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **kw)})"


_COMPARE: Mapping[Op, Callable[[Any, Any], Any]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
}


def ordered(column: sa.ColumnElement[Any], op: Op, value: Any) -> Bool:
    """Plain comparisons of a column with a value of its type."""
    compared: Bool = _COMPARE[op](column, value)
    return compared


def field_value(row: Any, group: Group, op: Op, values: Sequence[Any]) -> Bool:
    """Whether the row of a field has such a value; ``op`` is neither `ne` nor `exists`."""
    if op is Op.IN:
        return sa.or_(*(field_value(row, group, Op.EQ, [value]) for value in values))
    (value,) = values
    if group is Group.NUMBER:
        return number(row.number, row.scaled, op, value)
    if group is Group.DATE:
        return ordered(row.date, op, value)
    if group is Group.BOOLEAN:
        return sa.and_(row.bool.is_not(None), row.bool if value else ~row.bool)
    return _field_text(row, op, value)


def number(column: sa.ColumnElement[Any], scaled: sa.ColumnElement[Any], op: Op, value: Decimal) -> Bool:
    """Exact where the value is kept exactly, by its nearest float otherwise.

    The float column is what the index has. Rounding keeps order, so what is greater as a float is greater:
    the exact column decides among those that are equal as floats.
    """
    near = float(value)
    if op is Op.EQ:
        narrow: Bool = column == near
    else:
        narrow = column <= near if op in (Op.LT, Op.LTE) else column >= near
    met = sa.or_(
        sa.and_(scaled.is_not(None), _exact(scaled, op, value)),
        sa.and_(scaled.is_(None), ordered(column, op, near)),
    )
    # Said as what is left out: a second bound would count as a second condition, and where the planner
    # expects five rows of fifteen thousand, it reads them all before it sorts.
    return sa.and_(narrow, sa.not_(sa.and_(column == near, sa.not_(met))))


def _exact(scaled: sa.ColumnElement[Any], op: Op, value: Decimal) -> Bool:
    with localcontext(prec=400):
        moved = value.scaleb(SCALE)
        whole = int(moved.to_integral_value(ROUND_CEILING if op in (Op.LT, Op.GTE) else ROUND_FLOOR))
        is_whole = moved == whole
    if op is Op.EQ and not is_whole:
        return sa.false()
    if abs(whole) > _INT64:
        return sa.true() if (whole > 0) == (op in (Op.LT, Op.LTE)) and op is not Op.EQ else sa.false()
    # The bound is rounded so that it compares with whole numbers as the value itself would.
    return ordered(scaled, op, whole)


def _field_text(row: Any, op: Op, value: str) -> Bool:
    folded = fold(value)
    if op is Op.EQ:
        return sa.and_(row.folded == folded[:FOLDED], row.value_text == clean(value))
    if op is Op.CONTAINS:
        whole = row.folded.concat(sa.func.coalesce(row.folded_rest, ""))
        return sa.and_(row.folded.is_not(None), found_at(whole, folded) > 0)
    if op is Op.STARTS_WITH:
        head, rest = folded[:FOLDED], folded[FOLDED:]
        begins = sa.and_(
            row.folded >= head, row.folded < head + _LAST, sa.func.substr(row.folded, 1, len(head)) == head
        )
        if not rest:
            return begins
        return sa.and_(begins, sa.func.substr(row.folded_rest, 1, len(rest)) == rest)
    return ordered(row.folded, op, folded[:FOLDED])


def plain_text(column: sa.ColumnElement[Any], op: Op, values: Sequence[str]) -> Bool:
    """Of labels and members of documents: exact, but parts are found without the case of ASCII letters."""
    if op is Op.IN:
        return column.in_([clean(value) for value in values])
    (value,) = values
    value = clean(value)
    if op in (Op.CONTAINS, Op.STARTS_WITH):
        lowered, part = sa.func.lower(column), lower_ascii(value)
        if op is Op.CONTAINS:
            return found_at(lowered, part) > 0
        return sa.func.substr(lowered, 1, len(part)) == part
    return ordered(column, op, value)


def lower_ascii(text: str) -> str:
    """As `lower` does in SQLite, and in Postgres under the C collation."""
    return "".join(char.lower() if char.isascii() else char for char in text)
