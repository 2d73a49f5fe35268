"""Requests as JSON and as form fields: checked, with a pointer for each fault, passwords kept apart."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from model_runtime.spec import cpu_spec
from schemas.errors import QuireError, RequestInvalid
from schemas.ids import DEFAULT_TENANT
from services.asks import Asks, MalformedJson, members_of_form
from services.builtin_schemas import Builtins
from services.schema_catalog import Schemas
from services.stores import migrate
from services.stores.engine import Database
from services.webhooks import Webhooks
from tests.e2e.workers import Nobody


@pytest.fixture(scope="module")
def asks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asks]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('asks')}/quire.db")
    migrate.upgrade(database)
    yield Asks(Schemas(database, Builtins()), cpu_spec(1), Webhooks(database, Nobody(), ()))
    database.close()


def pointers(error: QuireError) -> set[str]:
    return {item.pointer for item in error.errors}


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"task": ["text"]}, "/request/task"),
        ({"tasks": ["texts"]}, "/request/tasks/0"),
        ({"pages": "3-"}, None),
        ({"pages": "three"}, "/request/pages"),
        ({"languages": ["deutsch, bitte"]}, "/request/languages/0"),
        ({"questions": [""]}, "/request/questions/0"),
        ({"questions": ["x"] * 51}, "/request/questions"),
        ({"budget": {"profile": "fast", "max_pixels": 1000000}}, "/request/budget"),
        ({"labels": {"a b": "x"}}, "/request/labels"),
        ({"engine": "gpt"}, "/request/engine"),
        ({"schema": "nothing"}, "/request/schema"),
        ({"schema": "invoice@2"}, "/request/schema"),
        ({"schema": {"type": "objekt"}}, "/request/schema/type"),
        ({"callback_url": "https://example.com/hook"}, None),
        ({"callback_url": "http://169.254.169.254/hook"}, "/request/callback_url"),
        ({"callback_url": "https://me:secret@example.com/hook"}, "/request/callback_url"),
        ({"retention_hours": 0}, "/request/retention_hours"),
        ([], "/request"),
    ],
)
def test_faults_have_pointers(asks: Asks, members: Any, pointer: str | None) -> None:
    if pointer is None:
        asks.check(DEFAULT_TENANT, members)
        return
    with pytest.raises(RequestInvalid) as refusal:
        asks.check(DEFAULT_TENANT, members)
    assert refusal.value.status == 422
    assert pointers(refusal.value) == {pointer}


def test_names_of_schemas_are_pinned_to_a_version(asks: Asks) -> None:
    ask = asks.check(DEFAULT_TENANT, {"schema": "invoice"})
    assert ask.schema_ref == "invoice@1"
    assert ask.schema is not None
    assert ask.schema["type"] == "object"
    assert asks.check(DEFAULT_TENANT, {"schema": "invoice@1"}).schema == ask.schema


def test_the_password_is_kept_out_of_the_request(asks: Asks) -> None:
    ask = asks.check(DEFAULT_TENANT, {"password": "hunter2"})
    run = ask.new_run()
    assert run.password == "hunter2"
    assert "hunter2" not in json.dumps(run.request)
    assert "hunter2" not in repr(ask) + repr(run)


def test_plain_form_fields_spell_a_request(asks: Asks) -> None:
    members = members_of_form(
        [
            ("schema", "invoice"),
            ("tasks", "text, tables"),
            ("tasks", "fields"),
            ("questions", "Who?"),
            ("questions", "When?"),
            ("languages", '["de","fr"]'),
            ("budget", "fast"),
            ("label.dept", "hr"),
            ("reuse", "false"),
            ("retention_hours", "5"),
            ("external_id", ""),
        ]
    )
    request = asks.check(DEFAULT_TENANT, members).request
    assert [str(task) for task in request.tasks or ()] == ["text", "tables", "fields"]
    assert request.questions == ["Who?", "When?"]
    assert request.languages == ["de", "fr"]
    assert str(request.budget.profile) == "fast"
    assert request.labels == {"dept": "hr"}
    assert (request.reuse, request.retention_hours, request.external_id) == (False, 5, None)


def test_a_schema_may_be_given_in_a_field(asks: Asks) -> None:
    members = members_of_form([("schema", ' {"type": "object", "properties": {"a": {"type": "string"}}}')])
    assert asks.check(DEFAULT_TENANT, members).schema == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
    }


def test_a_json_part_and_fields_add_up_but_do_not_contradict() -> None:
    assert members_of_form([("request", '{"pages": "1"}'), ("schema", "invoice")]) == {
        "pages": "1",
        "schema": "invoice",
    }
    with pytest.raises(RequestInvalid) as refusal:
        members_of_form([("schema", "invoice"), ("request", '{"schema": "receipt"}')])
    assert pointers(refusal.value) == {"/request/schema"}
    with pytest.raises(MalformedJson):
        members_of_form([("request", "{")])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("labels", "x"), ("label.a", "b")),
        (("labels", "[1]"), ("label.a", "b")),
        (("request", '{"questions": 5}'), ("questions", "Who?")),
        (("request", '{"tasks": "text"}'), ("tasks", "fields")),
    ],
)
def test_fields_that_add_to_what_takes_nothing_are_told_so(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        members_of_form([first, second])
    assert refusal.value.status == 422
