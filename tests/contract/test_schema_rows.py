"""Named schemas on both databases: versions only grow, content is shared by none, tenants do not meet."""

import threading
from typing import Any

import pytest

from schemas.errors import Conflict, NotFound, RequestInvalid
from schemas.ids import DEFAULT_TENANT, TenantId
from services.builtin_schemas import Builtins
from services.schema_catalog import Precondition, Schemas, VersionMismatch
from services.stores.engine import Database

ANY = Precondition()
OTHER = TenantId("other")


def asking(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


@pytest.fixture
def schemas(database: Database) -> Schemas:
    return Schemas(database, Builtins())


def test_new_content_makes_a_version_and_the_same_again_none(schemas: Schemas) -> None:
    first, new = schemas.put(DEFAULT_TENANT, "note", asking("a", "b"), ANY)
    assert (first.ref, new, first.builtin) == ("note@1", True, False)
    same, new = schemas.put(DEFAULT_TENANT, "note", asking("b", "a"), ANY)
    assert (same.ref, new) == ("note@1", False), "the order of members is no content"
    second, new = schemas.put(DEFAULT_TENANT, "note", asking("c"), ANY)
    assert (second.ref, new) == ("note@2", True)
    back, new = schemas.put(DEFAULT_TENANT, "note", asking("a", "b"), ANY)
    assert (back.ref, new) == ("note@3", True), "going back is a version of its own"
    assert schemas.get(DEFAULT_TENANT, "note").version == 3
    assert schemas.get(DEFAULT_TENANT, "note@2").schema == asking("c")
    assert [number for number, _ in schemas.versions(DEFAULT_TENANT, "note")] == [3, 2, 1]


def test_deleting_forgets_content_and_never_gives_a_number_twice(schemas: Schemas) -> None:
    schemas.put(DEFAULT_TENANT, "note", asking("a"), ANY)
    schemas.put(DEFAULT_TENANT, "note", asking("b"), ANY)
    schemas.delete(DEFAULT_TENANT, "note", ANY)
    assert schemas.find(DEFAULT_TENANT, "note") is None
    assert schemas.find(DEFAULT_TENANT, "note@1") is None
    with pytest.raises(NotFound):
        schemas.delete(DEFAULT_TENANT, "note", ANY)
    again, new = schemas.put(DEFAULT_TENANT, "note", asking("b"), ANY)
    assert (again.ref, new) == ("note@3", True)
    assert schemas.find(DEFAULT_TENANT, "note@2") is None


def test_a_built_in_schema_is_the_first_version_of_its_name(schemas: Schemas) -> None:
    builtin = schemas.get(DEFAULT_TENANT, "invoice")
    assert (builtin.ref, builtin.builtin) == ("invoice@1", True)
    assert schemas.put(DEFAULT_TENANT, "invoice", builtin.schema, ANY) == (builtin, False)
    own, _ = schemas.put(DEFAULT_TENANT, "invoice", asking("a"), ANY)
    assert own.ref == "invoice@2"
    assert schemas.get(DEFAULT_TENANT, "invoice").ref == "invoice@2"
    assert schemas.get(DEFAULT_TENANT, "invoice@1") == builtin
    assert schemas.get(OTHER, "invoice") == builtin
    schemas.delete(DEFAULT_TENANT, "invoice", ANY)
    assert schemas.get(DEFAULT_TENANT, "invoice") == builtin
    with pytest.raises(Conflict, match="schema_builtin"):
        schemas.delete(DEFAULT_TENANT, "invoice", ANY)


def test_tenants_do_not_see_each_other(schemas: Schemas) -> None:
    schemas.put(DEFAULT_TENANT, "note", asking("secret"), ANY)
    assert schemas.find(OTHER, "note") is None
    assert schemas.find(OTHER, "note@1") is None
    with pytest.raises(NotFound):
        schemas.delete(OTHER, "note", ANY)
    assert "note" not in schemas.names(OTHER)
    assert schemas.put(OTHER, "note", asking("b"), ANY)[0].ref == "note@1"
    assert schemas.get(DEFAULT_TENANT, "note").schema == asking("secret")


def test_what_the_caller_demands_is_checked(schemas: Schemas) -> None:
    with pytest.raises(VersionMismatch):
        schemas.put(DEFAULT_TENANT, "note", asking("a"), Precondition(version=1))
    schemas.put(DEFAULT_TENANT, "note", asking("a"), Precondition(absent=True))
    with pytest.raises(VersionMismatch):
        schemas.put(DEFAULT_TENANT, "note", asking("b"), Precondition(absent=True))
    schemas.put(DEFAULT_TENANT, "note", asking("b"), Precondition(version=1))
    with pytest.raises(VersionMismatch):
        schemas.put(DEFAULT_TENANT, "note", asking("c"), Precondition(version=1))
    with pytest.raises(VersionMismatch):
        schemas.delete(DEFAULT_TENANT, "note", Precondition(version=1))
    schemas.delete(DEFAULT_TENANT, "note", Precondition(version=2))


def test_writers_at_once_get_numbers_of_their_own(schemas: Schemas) -> None:
    got: list[int] = []
    start = threading.Barrier(6)

    def put(number: int) -> None:
        start.wait()
        got.append(schemas.put(DEFAULT_TENANT, "note", asking(f"p{number}"), ANY)[0].version)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [1, 2, 3, 4, 5, 6]


def test_names_come_in_order_page_by_page(schemas: Schemas) -> None:
    for name in ("zeta", "Alpha", "beta"):
        schemas.put(DEFAULT_TENANT, name, asking("a"), ANY)
    names: list[str] = []
    while page := schemas.all(DEFAULT_TENANT, names[-1] if names else "", 2):
        names += [schema.name for schema in page]
    assert names == sorted(["Alpha", "beta", "zeta", *Builtins().names()])


@pytest.mark.parametrize("name", ["", "a@1", "a/b", "ä", "x" * 65, ".a", "a b"])
def test_odd_names_are_refused(schemas: Schemas, name: str) -> None:
    with pytest.raises(RequestInvalid, match="schema_name"):
        schemas.put(DEFAULT_TENANT, name, asking("a"), ANY)
    assert schemas.find(DEFAULT_TENANT, name) is None


@pytest.mark.parametrize(
    "reference", ["invoice@", "invoice@01", "invoice@x", "invoice@-1", "invoice@99999999999"]
)
def test_odd_versions_are_none(schemas: Schemas, reference: str) -> None:
    assert schemas.find(DEFAULT_TENANT, reference) is None
