"""A query set against what is known: which paths there are, of which types, what its values mean to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite
from typing import Any, TypeAlias

from schemas.errors import RequestInvalid
from schemas.field import FieldState, FieldType
from schemas.result import RunState
from services.faults import fault
from services.query.ast import About, All, AnyItem, Node, Not, Op, Operand, Some, Test
from services.stores.field_rows import NUMERIC, TEXTUAL, days
from services.views import parse_time


class Group(StrEnum):
    """Types that compare with each other; each has columns of its own."""

    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    TEXT = "text"
    TIME = "time"


GROUPS: Mapping[FieldType, Group] = {
    **dict.fromkeys(NUMERIC, Group.NUMBER),
    **dict.fromkeys(TEXTUAL, Group.TEXT),
    FieldType.DATE: Group.DATE,
    FieldType.BOOLEAN: Group.BOOLEAN,
}

MEMBERS: Mapping[str, Group] = {
    "id": Group.TEXT,
    "state": Group.TEXT,
    "filename": Group.TEXT,
    "media_type": Group.TEXT,
    "bytes": Group.NUMBER,
    "sha256": Group.TEXT,
    "external_id": Group.TEXT,
    "batch_id": Group.TEXT,
    "parent_id": Group.TEXT,
    "class": Group.TEXT,
    "schema": Group.TEXT,
    "created_at": Group.TIME,
    "finished_at": Group.TIME,
    "expires_at": Group.TIME,
}
"""Members of a document that can be asked for."""

_CHOICES = {("document", "state"): frozenset(RunState), ("state", None): frozenset(FieldState)}
_LONGEST_NUMBER = 100
_ORDERED = frozenset({Op.LT, Op.LTE, Op.GT, Op.GTE})
_TEXT_ONLY = frozenset({Op.CONTAINS, Op.STARTS_WITH})


@dataclass(frozen=True, slots=True)
class Path:
    """A path that a tenant's fields have."""

    types: frozenset[FieldType]
    list_path: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """An operand resolved. ``list_path``: it belongs to items of that list; ``known``: such fields exist."""

    about: About
    name: str
    groups: frozenset[Group]
    list_path: str | None = None
    known: bool = True
    types: frozenset[FieldType] = frozenset()

    @property
    def of_field(self) -> bool:
        return self.about not in (About.LABEL, About.DOCUMENT)

    @property
    def group(self) -> Group:
        """The one that sorts and groups: numbers before dates before texts where a path has several."""
        return next((group for group in Group if group in self.groups), Group.TEXT)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Against the columns of one group; several values only for `in`."""

    group: Group
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    source: Source
    op: Op
    comparisons: tuple[Comparison, ...] = ()
    exists: bool = True


@dataclass(frozen=True, slots=True)
class PlannedAny:
    list_path: str
    where: "PlannedNode"


@dataclass(frozen=True, slots=True)
class PlannedAll:
    parts: "tuple[PlannedNode, ...]"


@dataclass(frozen=True, slots=True)
class PlannedSome:
    parts: "tuple[PlannedNode, ...]"


@dataclass(frozen=True, slots=True)
class PlannedNot:
    part: "PlannedNode"


PlannedNode: TypeAlias = Planned | PlannedAny | PlannedAll | PlannedSome | PlannedNot


class Planner:
    """Resolves names among the paths of one tenant; ``unknown`` collects those that no field has."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths
        self.unknown: dict[str, str] = {}

    def node(self, node: Node, scope: str | None) -> PlannedNode:
        """``scope`` is the list whose items are spoken of."""
        match node:
            case All(parts):
                return PlannedAll(tuple(self.node(part, scope) for part in parts))
            case Some(parts):
                return PlannedSome(tuple(self.node(part, scope) for part in parts))
            case Not(part):
                return PlannedNot(self.node(part, scope))
            case AnyItem(list_path, where):
                return PlannedAny(list_path, self.node(where, list_path))
            case Test():
                return self._test(node, scope)

    def source(self, operand: Operand, scope: str | None) -> Source:
        if operand.about is About.LABEL:
            return Source(About.LABEL, operand.name, frozenset({Group.TEXT}))
        if operand.about is About.DOCUMENT:
            return self._member(operand)
        name = self._path(operand.name, scope)
        path = self.paths.get(name)
        if path is None:
            if operand.about is About.FIELD and operand.name in MEMBERS:
                return self._member(operand)
            self.unknown.setdefault(operand.pointer, operand.name)
        own = {
            About.CONFIDENCE: frozenset({Group.NUMBER}),
            About.STATE: frozenset({Group.TEXT}),
            About.CURRENCY: frozenset({Group.TEXT}),
        }
        types = path.types if path is not None else frozenset[FieldType]()
        groups = own.get(operand.about) or frozenset(GROUPS[kind] for kind in types)
        list_path = path.list_path if path is not None else None
        return Source(operand.about, name, groups, list_path, path is not None, types)

    def _path(self, name: str, scope: str | None) -> str:
        """An item's own field first, then the document's; `$.total` is always the document's."""
        if name.startswith("$."):
            return name[2:]
        if scope is not None and f"{scope}[].{name}" in self.paths:
            return f"{scope}[].{name}"
        if name in self.paths:
            return name
        head, dot, rest = name.partition(".")
        if dot and f"{head}[].{rest}" in self.paths:
            return f"{head}[].{rest}"
        return name

    def _member(self, operand: Operand) -> Source:
        group = MEMBERS.get(operand.name)
        if group is None:
            names = ", ".join(MEMBERS)
            raise fault(operand.pointer, "member_unknown", f"a document has: {names}", whole="member_unknown")
        return Source(About.DOCUMENT, operand.name, frozenset({group}))

    def _test(self, test: Test, scope: str | None) -> Planned:
        source = self.source(test.operand, scope)
        if test.op is Op.EXISTS:
            return Planned(source, test.op, exists=bool(test.value))
        values = test.value if test.op is Op.IN else [test.value]
        if source.about is About.STATE or (source.about, source.name) == (About.DOCUMENT, "state"):
            _check_choice(source, values, test)
        if not source.known:
            return Planned(source, test.op)
        comparisons = []
        for group in sorted(source.groups):
            converted = [_converted(group, test.op, value) for value in values]
            usable = tuple(value for value in converted if value is not None)
            if usable:
                comparisons.append(Comparison(group, usable))
        at = f"{test.pointer}/value"
        for index, value in enumerate(values):
            if all(_converted(group, test.op, value) is None for group in source.groups):
                place = f"{at}/{index}" if test.op is Op.IN else at
                raise fault(place, "type_mismatch", _mismatch(source, test), whole="type_mismatch")
        return Planned(source, test.op, tuple(comparisons))


def _check_choice(source: Source, values: list[Any], test: Test) -> None:
    choices = _CHOICES[("document", "state") if source.about is About.DOCUMENT else ("state", None)]
    if any(value not in choices for value in values):
        detail = f"one of {', '.join(sorted(choices))}"
        raise fault(f"{test.pointer}/value", "type_mismatch", detail, whole="type_mismatch")


def _mismatch(source: Source, test: Test) -> str:
    kinds = ", ".join(sorted(source.types or source.groups))
    return f"{source.name[:100]} is {kinds}: {test.op} cannot compare it with this value"


def _converted(group: Group, op: Op, value: Any) -> Any:
    """The value as the columns of a group have it; None when it is not of that kind."""
    if (op in _TEXT_ONLY and group is not Group.TEXT) or (op in _ORDERED and group is Group.BOOLEAN):
        return None
    convert = _CONVERT.get(group)
    if convert is not None:
        return convert(value)
    return _of_text(group, value) if isinstance(value, str) else None


def _of_text(group: Group, value: str) -> Any:
    if group is Group.TEXT:
        return value
    if group is Group.DATE:
        return days(value)
    try:
        return parse_time(value, "")
    except RequestInvalid:
        return None


def _decimal(value: Any) -> Decimal | None:
    """Exactly what was written: a JSON number by its shortest form, or a text of digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip()
    try:
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER else Decimal("nan")
    except InvalidOperation:
        return None
    return number if number.is_finite() and isfinite(float(number)) else None


_CONVERT: Mapping[Group, Callable[[Any], Any]] = {
    Group.BOOLEAN: lambda value: value if isinstance(value, bool) else None,
    Group.NUMBER: _decimal,
}
