"""Queries on both databases mean the same as a plain reading of the documents."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from schemas.errors import RequestInvalid
from schemas.field import Field, FieldState, FieldType
from schemas.ids import DEFAULT_TENANT, TenantId
from schemas.result import RunState
from services.query.ast import Query
from services.query.engine import Queries
from services.query.parse import parse
from services.stores import commands, field_rows, migrate, transitions
from services.stores.engine import Database
from tests.contract import papers
from tests.contract.papers import Paper
from tests.contract.store import Store

OTHER = TenantId("other")


class Archive(NamedTuple):
    """A database and what its documents say."""

    database: Database
    papers: list[Paper]

    def __repr__(self) -> str:
        return "the archive"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Read by all tests of this module and written by none."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('archive')}/quire.db"
        else:
            url = stack.enter_context(request.getfixturevalue("databases").migrated())
        made = Database(url)
        stack.callback(made.close)
        migrate.upgrade(made)
        found = papers.stored(made, 60, 7)
        papers.stored(made, 15, 8, OTHER)
        yield Archive(made, found)


def _value(kind: str) -> st.SearchStrategy[Any]:
    numbers = st.one_of(
        st.sampled_from([float(text) for text in papers.RATES]),
        st.integers(-5, 5),
        st.sampled_from(papers.AMOUNTS),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["0.0000001", "99.9900000001", "-0.0000001"]),
    )
    if kind == "number":
        return numbers
    if kind == "date":
        return st.dates(date(2024, 3, 8), date(2024, 3, 20)).map(str)
    if kind == "boolean":
        return st.booleans()
    return st.one_of(
        st.sampled_from(
            [*papers.NAMES, *papers.CODES, "open", "n", "SÖHNE", "東京", "%", "_", "Ünïcode" * 45]
        ),
        st.text(max_size=3),
    )


KINDS = {
    "total": "number", "rate": "number", "count": "number", "seller.name": "text", "due": "date",
    "paid": "boolean", "status": "text", "items[].code": "text", "items[].sum": "number", "code": "text",
    "sum": "number", "tags[]": "text",
}  # fmt: skip
ORDERED = ["eq", "ne", "lt", "lte", "gt", "gte"]
OPS = {
    "number": [*ORDERED, "in", "exists"],
    "date": [*ORDERED, "in", "exists"],
    "boolean": ["eq", "ne", "in", "exists"],
    "text": [*ORDERED, "in", "exists", "contains", "starts_with"],
}


@st.composite
def conditions_on(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    name = draw(st.sampled_from(names))
    kind = KINDS[name]
    op = draw(st.sampled_from(OPS[kind]))
    value: Any = draw(st.booleans()) if op == "exists" else draw(_value(kind))
    if op == "in":
        value = [value, *draw(st.lists(_value(kind), max_size=2))]
    return {"field": name, "op": op, "value": value}


@st.composite
def other_conditions(draw: st.DrawFn) -> dict[str, Any]:
    about = draw(st.sampled_from(["confidence", "state", "currency", "label", "document"]))
    if about == "confidence":
        op = draw(st.sampled_from(ORDERED))
        return {
            about: draw(st.sampled_from(["total", "due"])),
            "op": op,
            "value": draw(st.sampled_from([0.5, 0.9, 1])),
        }
    if about == "state":
        value = draw(st.sampled_from(["found", "missing", "blank"]))
        return {about: "total", "op": draw(st.sampled_from(["eq", "ne"])), "value": value}
    if about == "currency":
        return {about: "total", "op": draw(st.sampled_from(["eq", "ne"])), "value": "EUR"}
    op = draw(st.sampled_from(["eq", "ne", "contains", "starts_with"]))
    if about == "label":
        return {about: "dept", "op": op, "value": draw(st.sampled_from(["hr", "it", "IT", "h", "T"]))}
    return {
        about: "filename",
        "op": op,
        "value": draw(st.sampled_from(["a1.pdf", "beleg", "Ü", "ü", ".PDF"])),
    }


DOCUMENT = [name for name in KINDS if name not in ("code", "sum")]
ITEM = ["code", "sum", "items[].code"]
LEAVES = conditions_on(DOCUMENT) | other_conditions()


def _nested(leaves: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: {"and": parts}),
            st.lists(inner, max_size=3).map(lambda parts: {"or": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=5,
    )


ANY = _nested(conditions_on(ITEM) | conditions_on(["total", "status"])).map(
    lambda where: {"any": "items", "where": where}
)
FILTERS = _nested(LEAVES | ANY)
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def answered(database: Database, query: Query, step: int = 7, tenant: TenantId = DEFAULT_TENANT) -> list[Any]:
    """All rows, a few at a time."""
    queries, after, rows = Queries(database), None, []
    while True:
        answer = queries.page(tenant, query, after, step)
        rows += answer.rows
        after = answer.next_place
        if after is None:
            return rows
        assert len(answer.rows) == step


@QUICK
@given(where=FILTERS)
def test_any_filter_finds_what_reading_finds(archive: Archive, where: dict[str, Any]) -> None:
    note(f"where: {where}")
    database, every = archive
    expected = sorted((p.id for p in every if papers.meets(p, where)), reverse=True)
    found = answered(database, parse({"where": where, "select": []}), 50)
    assert [row["document_id"] for row in found] == expected


@QUICK
@given(where=_nested(conditions_on(ITEM) | conditions_on(["total", "status"])))
def test_any_filter_of_items_finds_what_reading_finds(archive: Archive, where: dict[str, Any]) -> None:
    note(f"where: {where}")
    database, every = archive
    expected = [
        (paper.id, index)
        for paper in sorted(every, key=lambda p: p.id, reverse=True)
        for _, index in papers.items_of(paper, "items")
        if papers.meets(paper, where, ("items", index))
    ]
    found = answered(database, parse({"where": where, "rows": "items", "select": ["code"]}), 50)
    assert [(row["document_id"], row["item_index"]) for row in found] == expected


SORTS = ["total", "seller.name", "due", "paid", "rate", "document.filename", "label.dept"]


@QUICK
@given(
    by=st.lists(
        st.tuples(st.sampled_from(SORTS), st.sampled_from(["asc", "desc"])),
        min_size=1,
        max_size=3,
        unique_by=lambda s: s[0],
    ),
    step=st.integers(1, 9),
)
def test_pages_are_in_order_and_complete(archive: Archive, by: list[tuple[str, str]], step: int) -> None:
    """Rows without a value come last in either direction; ties in order of documents."""
    database, every = archive
    order = [{"by": name, "dir": direction} for name, direction in by]
    found = [row["document_id"] for row in answered(database, parse({"order": order, "select": []}), step)]
    expected = sorted((p.id for p in every), reverse=by[0][1] == "desc")
    by_id = {paper.id: paper for paper in every}
    for name, direction in reversed(by):
        filled = [i for i in expected if _sort_key(by_id[i], name) is not None]
        empty = [i for i in expected if _sort_key(by_id[i], name) is None]
        filled.sort(key=lambda i: _sort_key(by_id[i], name), reverse=direction == "desc")
        if direction == "desc":  # a stable sort in reverse keeps ties as they were
            pass
        expected = filled + empty
    assert found == expected


def _sort_key(paper: Paper, name: str) -> Any:
    if name.startswith("document."):
        return paper.filename
    if name.startswith("label."):
        return paper.labels.get("dept")
    (row,) = papers.rows_of(paper, name, None)
    if isinstance(row.value, str):
        return papers.folded(row.value)[:200]
    return float(row.value) if isinstance(row.value, Decimal | float) else row.value


def test_sums_are_exact_and_currencies_are_never_mixed(archive: Archive) -> None:
    database, every = archive
    with pytest.raises(RequestInvalid, match="mixed_currency") as refused:
        answered(database, parse({"aggregate": [{"op": "sum", "field": "total"}]}))
    assert refused.value.errors[0].pointer == "/aggregate/0"
    ops = [{"op": op, "field": "total"} for op in ("sum", "avg", "min", "max", "count")]
    query = parse({"aggregate": [*ops, {"op": "count"}], "group_by": ["currency"]})
    for row in answered(database, query, 1):
        mine = [
            s for p in every for s in papers.said(p) if s.path == "total" and s.currency == row["currency"]
        ]
        values = [s.value for s in mine if s.value is not None]
        assert Decimal(row["sum(total)"]) == sum(values)
        assert Decimal(row["avg(total)"]) == (sum(values) / len(values)).quantize(Decimal("0.000001"))
        assert (row["min(total)"], row["max(total)"]) == (min(values), max(values))
        assert (row["count(total)"], row["count"]) == (len(values), len(mine))


def test_items_are_summed_by_document_and_by_code(archive: Archive) -> None:
    database, every = archive
    query = parse(
        {
            "rows": "items",
            "where": {"currency": "sum", "op": "eq", "value": "EUR"},
            "aggregate": [{"op": "sum", "field": "sum", "as": "s"}, {"op": "count", "as": "n"}],
            "group_by": ["code", "label.dept"],
        }
    )
    expected: dict[tuple[Any, Any], tuple[Decimal, int]] = {}
    for paper in every:
        for item in papers.items_of(paper, "items"):
            (money,), (code,) = papers.rows_of(paper, "sum", item), papers.rows_of(paper, "code", item)
            if money.currency == "EUR":
                key = (code.value, paper.labels.get("dept"))
                total, n = expected.get(key, (Decimal(0), 0))
                expected[key] = (total + (money.value or 0), n + 1)
    rows = answered(database, query, 2)
    assert {(r["code"], r["label.dept"]): (Decimal(r["s"] or 0), r["n"]) for r in rows} == expected
    assert len(rows) == len(expected)


def test_sums_beyond_64_bits_are_exact(database: Database) -> None:
    key = Store(database).blob()
    with database.write() as connection:
        for _ in range(30):
            new = commands.NewDocument(DEFAULT_TENANT, key, "application/pdf", 1)
            document, run = commands.create_document(connection, new, commands.NewRun({}))
            leaf = Field(
                path="big",
                type=FieldType.NUMBER,
                state=FieldState.FOUND,
                value=9e12,
                decimal="9000000000000.000001",
            )
            field_rows.write(connection, (DEFAULT_TENANT, document, run), [leaf])
            transitions.end_run(connection, run, RunState.SUCCEEDED)
    (row,) = answered(database, parse({"aggregate": [{"op": "sum", "field": "big"}]}))
    assert row == {"sum(big)": "270000000000000.00003"}


def test_values_are_what_was_said(archive: Archive) -> None:
    database, every = archive
    names = [
        "total",
        "count",
        "due",
        "paid",
        "seller.name",
        "items[].code",
        "label.dept",
        "document.filename",
    ]
    query = parse({"select": [*names, {"confidence": "total"}, {"currency": "total", "as": "cur"}]})
    rows = {row["document_id"]: row for row in answered(database, query)}
    for paper in every:
        row = rows[paper.id]
        (total,) = papers.rows_of(paper, "total", None)
        assert (row["total"], row["total.confidence"], row["cur"]) == (
            total.value,
            total.confidence,
            total.currency,
        )
        for name in ("count", "due", "paid", "seller.name"):
            assert row[name] == papers.rows_of(paper, name, None)[0].value
        assert row["items[].code"] == [s.value for s in papers.rows_of(paper, "items[].code", None)]
        assert (row["label.dept"], row["document.filename"]) == (paper.labels.get("dept"), paper.filename)


def test_another_tenant_sees_only_its_own(archive: Archive) -> None:
    database, every = archive
    mine = {paper.id for paper in every}
    for where in ({}, {"field": "total", "op": "exists"}, {"not": {"field": "total", "op": "exists"}}):
        found = {row["document_id"] for row in answered(database, parse({"where": where}), 50, OTHER)}
        assert not found & mine
    assert len(answered(database, parse({}), 50, OTHER)) == 15
    assert answered(database, parse({"rows": "items"}), 50, TenantId("nobody")) == []


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"where": {"field": "total", "op": "gt", "value": "many"}}, "type_mismatch", "/where/value"),
        ({"where": {"field": "due", "op": "gt", "value": 5}}, "type_mismatch", "/where/value"),
        ({"where": {"field": "due", "op": "gt", "value": "soon"}}, "type_mismatch", "/where/value"),
        ({"where": {"field": "paid", "op": "gt", "value": True}}, "type_mismatch", "/where/value"),
        ({"where": {"field": "total", "op": "contains", "value": "1"}}, "type_mismatch", "/where/value"),
        ({"where": {"field": "total", "op": "in", "value": [1, "x"]}}, "type_mismatch", "/where/value/1"),
        ({"where": {"field": "total", "op": "in", "value": 1}}, "type_mismatch", "/where/value"),
        ({"where": {"field": "total", "op": "eq", "value": None}}, "type_mismatch", "/where/value"),
        (
            {"where": {"and": [{"not": {"field": "status", "op": "eq", "value": 1}}]}},
            "type_mismatch",
            "/where/and/0/not/value",
        ),
        ({"where": {"state": "total", "op": "eq", "value": "gone"}}, "type_mismatch", "/where/value"),
        ({"where": {"document": "state", "op": "eq", "value": "done"}}, "type_mismatch", "/where/value"),
        ({"where": {"document": "colour", "op": "eq", "value": "x"}}, "member_unknown", "/where/document"),
        ({"where": {"field": "total", "op": "like", "value": "x"}}, "request_invalid", "/where/op"),
        ({"where": {"field": "total", "label": "x"}}, "request_invalid", "/where"),
        ({"where": {"and": {}}}, "request_invalid", "/where/and"),
        ({"where": {"sql": "1=1"}}, "request_invalid", "/where/sql"),
        ({"order": [{"by": "items[].sum"}]}, "field_in_list", "/order/0/by"),
        ({"aggregate": [{"op": "sum", "field": "seller.name"}]}, "type_mismatch", "/aggregate/0/field"),
        ({"aggregate": [{"op": "sum", "field": "items[].sum"}]}, "field_in_list", "/aggregate/0/field"),
        ({"aggregate": [{"op": "sum"}]}, "request_invalid", "/aggregate/0/field"),
        ({"select": ["total", "total"]}, "request_invalid", "/select/1"),
        ({"limit": 0}, "request_invalid", "/limit"),
        ({"wher": {}}, "request_invalid", "/wher"),
    ],
)
def test_faults_have_pointers(archive: Archive, query: dict[str, Any], code: str, pointer: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        Queries(archive[0]).page(DEFAULT_TENANT, parse(query), None, 10)
    assert (refused.value.code, refused.value.errors[0].pointer) == (code, pointer)


def test_depth_and_length_are_bounded() -> None:
    deep: dict[str, Any] = {"field": "a", "op": "eq", "value": 1}
    for _ in range(50):
        deep = {"not": deep}
    for where in (deep, {"or": [{"field": "a", "op": "eq", "value": 1}] * 200}):
        with pytest.raises(RequestInvalid):
            parse({"where": where})


@pytest.mark.parametrize(
    "place", ["x", "[]", "[0]", "[0,1,2,3,4]", '[0,{"a":1}]', "[9]", '{"a":1}', "null", "[null]"]
)
def test_a_place_that_was_never_given_is_refused(archive: Archive, place: str) -> None:
    for query in ({"order": [{"by": "total"}]}, {}, {"aggregate": [{"op": "count"}], "group_by": ["status"]}):
        with suppress(RequestInvalid):
            Queries(archive[0]).page(DEFAULT_TENANT, parse(query), place, 10)


def test_unknown_fields_are_said_and_match_nothing(archive: Archive) -> None:
    answer = Queries(archive[0]).page(
        DEFAULT_TENANT,
        parse({"where": {"field": "totl", "op": "gt", "value": 1}, "select": ["totl"]}),
        None,
        10,
    )
    assert answer.rows == []
    assert [(w.code, w.path) for w in answer.warnings] == [("field_unknown", "totl")]
