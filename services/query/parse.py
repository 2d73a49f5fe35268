"""Reads the JSON of a query: every fault of its form has a pointer; what fields are is found out later."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.numbers import OF_JSON
from services.faults import escaped, fault, invalid
from services.query.ast import (
    About,
    Aggregate,
    AggregateOp,
    All,
    AnyItem,
    Column,
    Node,
    Not,
    Op,
    Operand,
    Query,
    Some,
    Sort,
    Test,
)

MAX_DEPTH = 12
MAX_CONDITIONS = 100
MAX_VALUES = 500
MAX_TEXT = 2000

_NAMES = frozenset(about.value for about in About)
_MEMBERS = {"and", "or", "not", "any", "where", "op", "value", *_NAMES}
Named = str | dict[str, str]


class OrderIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: Named
    dir: Literal["asc", "desc"] = "asc"


class AggregateIn(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    op: AggregateOp
    field: Named | None = None
    as_: str | None = Field(default=None, alias="as", min_length=1, max_length=200)


class QueryIn(BaseModel):
    """`POST /v1/query`."""

    model_config = ConfigDict(extra="forbid")

    where: dict[str, Any] | None = None
    rows: str = Field(default="documents", min_length=1, max_length=500)
    select: list[Named] | None = Field(default=None, max_length=100)
    order: list[OrderIn] = Field(default=[], max_length=5)
    aggregate: list[AggregateIn] = Field(default=[], max_length=20)
    group_by: list[Named] = Field(default=[], max_length=5)
    limit: Annotated[int, Field(ge=1), OF_JSON] | None = None
    cursor: str | None = Field(default=None, max_length=4000)


def parse(members: Mapping[str, Any]) -> Query:
    """Raises `RequestInvalid`."""
    try:
        given = QueryIn.model_validate(members)
    except ValidationError as error:
        raise invalid(error) from None
    aggregate = tuple(_aggregate(a, f"/aggregate/{at}") for at, a in enumerate(given.aggregate))
    group_by = tuple(_column(name, f"/group_by/{at}") for at, name in enumerate(given.group_by))
    if group_by and not aggregate:
        aggregate = (Aggregate(AggregateOp.COUNT, None, "count", "/group_by"),)
    if aggregate and given.select is not None:
        raise fault(
            "/select", "query_contradiction", "an aggregate has no select; group_by names its columns"
        )
    select = None
    if given.select is not None:
        select = tuple(_column(name, f"/select/{at}") for at, name in enumerate(given.select))
    _no_doubles([*group_by, *(select or ())], aggregate)
    where = _Where().read(given.where, "/where") if given.where is not None else All(())
    kept = given.model_dump(mode="json", exclude={"cursor", "limit"})
    return Query(
        where=where,
        list_path=None if given.rows == "documents" else given.rows.removesuffix("[]"),
        select=select,
        order=tuple(
            Sort(_operand(item.by, f"/order/{at}/by"), item.dir == "desc")
            for at, item in enumerate(given.order)
        ),
        aggregate=aggregate,
        group_by=group_by,
        limit=given.limit,
        cursor=given.cursor,
        fingerprint=hashlib.sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16],
    )


def _no_doubles(columns: list[Column], aggregate: tuple[Aggregate, ...]) -> None:
    seen: set[str] = set()
    for name, pointer in [(c.name, c.operand.pointer) for c in columns] + [
        (a.name, a.pointer) for a in aggregate
    ]:
        if name in seen:
            raise fault(
                pointer, "repeated", f"there are two columns {name[:100]!r}; give one a name with `as`"
            )
        seen.add(name)


def _aggregate(given: AggregateIn, pointer: str) -> Aggregate:
    if given.field is None:
        if given.op is not AggregateOp.COUNT:
            raise fault(f"{pointer}/field", "operand_missing", f"{given.op} needs a field")
        return Aggregate(given.op, None, given.as_ or "count", pointer)
    operand = _operand(given.field, f"{pointer}/field")
    return Aggregate(given.op, operand, given.as_ or f"{given.op}({operand.column})", pointer)


def _column(given: Named, pointer: str) -> Column:
    if isinstance(given, str):
        operand = _operand(given, pointer)
        return Column(operand, given)
    operand = _operand({k: v for k, v in given.items() if k != "as"}, pointer)
    return Column(operand, given.get("as") or operand.column)


def _operand(given: Named, pointer: str) -> Operand:
    """`total`, `label.dept`, `document.created_at`, or an object: `{"confidence": "total"}`."""
    if isinstance(given, str):
        for about in (About.LABEL, About.DOCUMENT):
            if given.startswith(f"{about}."):
                return Operand(about, given[len(about) + 1 :], pointer)
        return Operand(About.FIELD, _name(given, pointer), pointer)
    if len(given) != 1 or next(iter(given)) not in _NAMES:
        raise fault(pointer, "operand_malformed", f"exactly one of {', '.join(sorted(_NAMES))}")
    kind, name = next(iter(given.items()))
    return Operand(About(kind), _name(name, f"{pointer}/{kind}"), pointer)


def _name(text: object, pointer: str) -> str:
    if not isinstance(text, str) or not text or len(text) > MAX_TEXT:
        raise fault(pointer, "operand_malformed", "a name of a field, label or member")
    return text


class _Where:
    """Counts as it reads, so that no query is deeper or longer than a database should be asked."""

    def __init__(self) -> None:
        self._count = 0

    def read(self, given: Any, at: str, depth: int = 0) -> Node:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_CONDITIONS:
            raise fault(at, "query_too_large", f"at most {MAX_CONDITIONS} conditions, {MAX_DEPTH} deep")
        if not isinstance(given, dict):
            raise fault(at, "dict_type", "a condition is a JSON object")
        for member in given:
            if member not in _MEMBERS:
                raise fault(f"{at}/{escaped(member)}", "extra_forbidden", f"unknown member {member[:100]!r}")
        kinds = [kind for kind in ("and", "or", "not", "any", *sorted(_NAMES)) if kind in given]
        if not given and depth == 0:
            return All(())
        if len(kinds) != 1:
            detail = "a condition has exactly one of and, or, not, any, field, label, document, confidence, "
            raise fault(at, "condition_malformed", f"{detail}state, currency")
        return self._of_kind(kinds[0], given, at, depth)

    def _of_kind(self, kind: str, given: dict[str, Any], at: str, depth: int) -> Node:
        if kind in ("and", "or"):
            _only(given, {kind}, at)
            parts = tuple(self._each(given[kind], f"{at}/{kind}", depth))
            return All(parts) if kind == "and" else Some(parts)
        if kind == "not":
            _only(given, {kind}, at)
            return Not(self.read(given[kind], f"{at}/not", depth + 1))
        if kind == "any":
            _only(given, {"any", "where"}, at)
            name = _name(given["any"], f"{at}/any").removesuffix("[]")
            inner = self.read(given["where"], f"{at}/where", depth + 1) if "where" in given else All(())
            return AnyItem(name, inner)
        return _test(About(kind), given, at)

    def _each(self, given: Any, at: str, depth: int) -> Iterator[Node]:
        if not isinstance(given, list):
            raise fault(at, "list_type", "a list of conditions")
        for index, part in enumerate(given):
            yield self.read(part, f"{at}/{index}", depth + 1)


def _only(given: dict[str, Any], allowed: set[str], at: str) -> None:
    for member in given:
        if member not in allowed:
            raise fault(
                f"{at}/{member}", "extra_forbidden", f"has no place beside {', '.join(sorted(allowed))}"
            )


def _test(about: About, given: dict[str, Any], at: str) -> Test:
    _only(given, {about.value, "op", "value"}, at)
    operand = Operand(about, _name(given[about.value], f"{at}/{about}"), f"{at}/{about}")
    try:
        op = Op(given.get("op", "exists" if "value" not in given else "eq"))
    except ValueError:
        raise fault(f"{at}/op", "op_unknown", f"one of {', '.join(Op)}") from None
    return Test(operand, op, _value(op, given, f"{at}/value"), at)


def _value(op: Op, given: dict[str, Any], at: str) -> Any:
    value = given.get("value", True if op is Op.EXISTS else None)
    if op is Op.EXISTS:
        if not isinstance(value, bool):
            raise fault(at, "type_mismatch", "exists takes true or false", whole="type_mismatch")
        return value
    if "value" not in given:
        raise fault(at, "operand_missing", f"{op} needs a value")
    if value is None:
        raise fault(at, "type_mismatch", "null equals nothing: use exists", whole="type_mismatch")
    if (op is Op.IN) != isinstance(value, list):
        detail = "in takes a list of values" if op is Op.IN else f"{op} takes one value"
        raise fault(at, "type_mismatch", detail, whole="type_mismatch")
    if op is Op.IN and len(value) > MAX_VALUES:
        raise fault(at, "query_too_large", f"at most {MAX_VALUES} values")
    for index, one in enumerate(value if op is Op.IN else [value]):
        place = f"{at}/{index}" if op is Op.IN else at
        if one is None or isinstance(one, dict | list):
            raise fault(place, "type_mismatch", "a text, number or boolean", whole="type_mismatch")
        if isinstance(one, str) and len(one) > MAX_TEXT:
            raise fault(place, "query_too_large", f"a text of at most {MAX_TEXT} characters")
    return value
