"""A small archive of documents with fields of every type, and a slow reader of queries to compare with."""

import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from schemas.field import Correction, Field, FieldState, FieldType
from schemas.ids import DEFAULT_TENANT, TenantId
from schemas.result import RunState
from services.stores import commands, field_rows, transitions
from services.stores.engine import Database
from tests.contract.store import Store

LONG = "Ünïcode" * 60
NAMES = ("Nordlicht", "nordlicht", "Ärzte & Söhne", "ÄRZTE & SÖHNE", "東京商事", "x'y%_\\z", "", LONG,
         LONG + "b", "12", "2024-03-14")  # fmt: skip
CODES = ("A", "B", "a", "AB")
AMOUNTS = ("0", "0.1", "-5.25", "100", "100.000001", "99.99", "1234567.89", "-1234567.89", "9000000000")
RATES = (*AMOUNTS, "0.12345678", "1e30", "33.33333333333")


@dataclass
class Paper:
    """What one document says; ``leaves`` are its fields as they are stored."""

    id: str
    filename: str
    labels: dict[str, str]
    leaves: list[Field] = field(default_factory=list)


def stored(database: Database, count: int, seed: int, tenant: TenantId = DEFAULT_TENANT) -> list[Paper]:
    """Documents of random content, each with an older run whose values no query may see."""
    chance = random.Random(seed)
    store = Store(database)
    papers = []
    for number in range(count):
        marks = {"dept": chance.choice(("hr", "it", "IT"))} if chance.random() < 0.7 else {}
        name = chance.choice((f"a{number}.pdf", "Beleg.PDF", "Ümlaut.pdf"))
        key = store.blob(tenant)
        with database.write() as connection:
            new = commands.NewDocument(tenant, key, "application/pdf", number * 100, name, labels=marks)
            document, old = commands.create_document(connection, new, commands.NewRun({}))
            newer = commands.create_run(
                connection, tenant, document, commands.NewRun({}, schema_ref="invoice@2")
            )
            paper = Paper(document, name, marks, list(_leaves(chance)))
            for run, leaves in ((newer, paper.leaves), (old, list(_leaves(random.Random(number))))):
                field_rows.write(connection, (tenant, document, run), leaves)
                transitions.end_run(connection, run, RunState.SUCCEEDED)
        papers.append(paper)
    return papers


def _leaves(chance: random.Random) -> Iterator[Field]:
    yield _maybe(chance, "total", FieldType.MONEY, lambda: _amount(chance, AMOUNTS))
    yield _maybe(chance, "rate", FieldType.NUMBER, lambda: {"value": float(chance.choice(RATES))})
    yield _maybe(chance, "count", FieldType.INTEGER, lambda: {"value": chance.randint(-3, 3)})
    yield _maybe(chance, "seller.name", FieldType.TEXT, lambda: {"value": chance.choice(NAMES)})
    yield _maybe(chance, "due", FieldType.DATE, lambda: {"value": _day(chance)})
    yield _maybe(chance, "paid", FieldType.BOOLEAN, lambda: {"value": chance.random() < 0.5})
    yield _maybe(chance, "status", FieldType.ENUM, lambda: {"value": chance.choice(("open", "closed"))})
    kind = chance.choice((FieldType.TEXT, FieldType.INTEGER))
    yield _maybe(chance, "mixed", kind, lambda: {"value": "7" if kind is FieldType.TEXT else 7})
    items = chance.randint(0, 4)
    if not items:
        yield Field(path="items", type=FieldType.TEXT, state=FieldState.MISSING)
    for index in range(items):
        yield _maybe(chance, f"items[{index}].code", FieldType.TEXT, lambda: {"value": chance.choice(CODES)})
        yield _maybe(chance, f"items[{index}].sum", FieldType.MONEY, lambda: _amount(chance, AMOUNTS))
    for index in range(chance.randint(0, 2)):
        yield _maybe(chance, f"tags[{index}]", FieldType.TEXT, lambda: {"value": chance.choice(CODES)})


def _amount(chance: random.Random, texts: tuple[str, ...]) -> dict[str, Any]:
    text = chance.choice(texts)
    return {"value": float(text), "decimal": text, "currency": chance.choice(("EUR", "USD", None))}


def _day(chance: random.Random) -> str:
    return str(date(2024, 3, 10) + timedelta(chance.randint(0, 8)))


def _maybe(chance: random.Random, path: str, kind: FieldType, make: Callable[[], dict[str, Any]]) -> Field:
    if chance.random() < 0.2:
        return Field(path=path, type=kind, state=FieldState.MISSING)
    confidence = chance.choice((None, 0.5, 0.75, 0.99))
    leaf = Field(path=path, type=kind, state=FieldState.FOUND, confidence=confidence, **make())
    if chance.random() < 0.15:
        value = None if chance.random() < 0.3 else make()["value"]
        correction = Correction(value=value, by="somebody", at="2024-01-01T00:00:00Z")
        return leaf.model_copy(update={"correction": correction})
    return leaf


# The slow reader: conditions on plain values, nothing of SQL.


@dataclass(frozen=True)
class Said:
    """A field as a query sees it."""

    path: str
    list_path: str | None
    index: int | None
    type: FieldType
    value: Any
    currency: str | None
    confidence: float | None
    state: str


def said(paper: Paper) -> list[Said]:
    found = []
    for leaf in paper.leaves:
        path, list_path, index = field_rows.spread(leaf.path)
        value: Any = leaf.decimal if leaf.decimal is not None else leaf.value
        confidence, state = leaf.confidence, str(leaf.state)
        if leaf.correction is not None:
            value, confidence = leaf.correction.value, 1.0
            state = "missing" if value is None else "found"
        found.append(
            Said(
                path,
                list_path,
                index,
                leaf.type,
                comparable(leaf.type, value),
                leaf.currency,
                confidence,
                state,
            )
        )
    return found


def comparable(kind: FieldType, value: Any) -> Any:
    """Numbers are exact to six places and below nine trillion, otherwise their nearest float."""
    if value is None:
        return None
    if kind in (FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER):
        number = Decimal(str(value))
        exact = number == number.quantize(Decimal("0.000001")) if abs(number) < 10**20 else False
        return number if exact and abs(number) < Decimal(2**63) / 10**6 else float(number)
    if kind is FieldType.DATE:
        return date.fromisoformat(value)
    return value if isinstance(value, bool) else str(value)


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def holds(  # noqa: PLR0911  # one line a kind of value
    value: Any, op: str, wanted: Any
) -> bool:
    """Whether a value of a field compares so with JSON."""
    if op == "exists":
        return (value is not None) is bool(wanted)
    if value is None:
        return False
    if op == "ne":
        return not holds(value, "eq", wanted)
    if op == "in":
        return any(holds(value, "eq", one) for one in wanted)
    if isinstance(value, bool):
        return op == "eq" and isinstance(wanted, bool) and value == wanted
    if isinstance(value, date):
        return _ordered(value, op, date.fromisoformat(wanted)) if _is_day(wanted) else False
    if isinstance(value, str):
        return isinstance(wanted, str) and _text(value, op, wanted)
    if isinstance(wanted, bool):
        return False
    try:
        number: Any = Decimal(str(wanted))
    except ArithmeticError:
        return False
    return _ordered(value, op, float(number) if isinstance(value, float) else number)


def _is_day(text: Any) -> bool:
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        return False
    return True


def _text(value: str, op: str, wanted: str) -> bool:
    if op == "eq":
        return value == wanted
    if op == "contains":
        return folded(wanted) in folded(value)
    if op == "starts_with":
        return folded(value).startswith(folded(wanted))
    return _ordered(folded(value)[:200], op, folded(wanted)[:200])


def _ordered(value: Any, op: str, wanted: Any) -> bool:
    return bool(
        {"eq": value == wanted, "lt": value < wanted, "lte": value <= wanted, "gt": value > wanted,
         "gte": value >= wanted}.get(op, False)
    )  # fmt: skip


def meets(  # noqa: C901, PLR0911  # one line a kind of condition
    paper: Paper, node: dict[str, Any], item: tuple[str, int] | None = None
) -> bool:
    """Whether a document, or one item of it, meets a condition."""
    if not node:
        return True
    if "and" in node:
        return all(meets(paper, part, item) for part in node["and"])
    if "or" in node:
        return any(meets(paper, part, item) for part in node["or"])
    if "not" in node:
        return not meets(paper, node["not"], item)
    if "any" in node:
        return any(meets(paper, node["where"], one) for one in items_of(paper, node["any"]))
    op, wanted = node["op"], node["value"]
    if "label" in node:
        value = paper.labels.get(node["label"])
        if op in ("contains", "starts_with") and value is not None:
            return _text_ascii(value, op, wanted)
        return (
            holds(value, op, wanted)
            if op not in ("lt", "gt") or value is None
            else _ordered(value, op, wanted)
        )
    if "document" in node:
        return _text_ascii(paper.filename, op, wanted)
    about = next(name for name in ("field", "confidence", "state", "currency") if name in node)
    rows = rows_of(paper, node[about], item)
    values = [getattr(row, "value" if about == "field" else about) for row in rows]
    if op == "exists" and not wanted:
        return not any(value is not None for value in values)
    if about == "currency":
        return any(value is not None and holds(value, op, wanted) for value in values)
    return any(holds(value, op, wanted) for value in values)


def _text_ascii(value: str, op: str, wanted: str) -> bool:
    if op == "contains":
        return lower_ascii(wanted) in lower_ascii(value)
    if op == "starts_with":
        return lower_ascii(value).startswith(lower_ascii(wanted))
    return holds(value, op, wanted)


def lower_ascii(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def rows_of(paper: Paper, name: str, item: tuple[str, int] | None) -> list[Said]:
    every = said(paper)
    if item is not None:
        own = f"{item[0]}[].{name}" if not name.startswith(f"{item[0]}[]") else name
        if any(own == path for path in PATHS):
            return [row for row in every if row.path == own and row.index == item[1]]
    return [row for row in every if row.path == name]


def items_of(paper: Paper, name: str) -> list[tuple[str, int]]:
    return sorted(
        {(name, row.index) for row in said(paper) if row.list_path == name and row.index is not None}
    )


PATHS = ("total", "rate", "count", "seller.name", "due", "paid", "status", "mixed", "items[].code",
         "items[].sum", "tags[]")  # fmt: skip
