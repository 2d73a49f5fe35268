"""Places in an order, as cursors carry them: read back with care, for anybody can write one."""

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from schemas.errors import RequestInvalid
from services.faults import fault


def cursor_invalid() -> RequestInvalid:
    return fault("/cursor", "cursor_invalid", "not a cursor of this query", whole="cursor_invalid")


def spell(values: Sequence[Any]) -> str:
    return orjson.dumps(list(values)).decode()


def read(place: str) -> list[Any]:
    try:
        values = orjson.loads(place)
    except ValueError:
        raise cursor_invalid() from None
    if not isinstance(values, list):
        raise cursor_invalid()
    return values


def check(columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> None:
    """Refuse values that the columns could not have had."""
    if len(columns) != len(values) or not all(map(_fits, columns, values)):
        raise cursor_invalid()


def _fits(column: sa.ColumnElement[Any], value: Any) -> bool:
    if value is None:
        return True
    wanted = column.type.python_type
    if wanted is bool or isinstance(value, bool):
        return wanted is bool and isinstance(value, bool)
    if wanted is str:
        return isinstance(value, str)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    return isinstance(value, int if wanted is int else int | float)
