"""Reads what callers ask: JSON members or plain form fields into a checked `Request`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError

from pipeline.user_schema import check_schema
from schemas.engine import EngineSpec
from schemas.errors import BadInput
from schemas.ids import TenantId
from schemas.request import Priority, Request
from schemas.split import SplitRequest
from services.faults import fault, invalid
from services.schema_catalog import Schemas
from services.stores.commands import BULK, INTERACTIVE, NewRun
from services.webhooks import Webhooks

_JSON_FIELDS = frozenset({"schema", "labels", "budget", "split"})
_COMMA_FIELDS = frozenset({"tasks", "languages"})
_TYPED_FIELDS = frozenset({"reuse", "retention_hours", "split"})


class MalformedJson(BadInput):
    code = "malformed_json"


@dataclass(frozen=True, slots=True)
class Ask:
    """A checked request: what was asked, and which schema that means now."""

    request: Request
    schema_ref: str | None
    schema: dict[str, Any] | None

    def public(self) -> dict[str, Any]:
        """The request as JSON, without its password."""
        return self.request.model_dump(mode="json", by_alias=True, exclude={"password"})

    def new_run(self) -> NewRun:
        password = self.request.password
        return NewRun(
            request=self.public(),
            password=password.get_secret_value() if password is not None else None,
            priority=INTERACTIVE if self.request.priority == Priority.INTERACTIVE else BULK,
            schema_ref=self.schema_ref,
            schema=self.schema,
        )


class Asks:
    """Checks requests against the tenant's schemas, the configured engine and where webhooks may go."""

    def __init__(self, schemas: Schemas, engine: EngineSpec, webhooks: Webhooks) -> None:
        self._schemas = schemas
        self._webhooks = webhooks
        self._engine = engine

    def check(self, tenant: TenantId, members: object, at: str = "/request") -> Ask:
        if not isinstance(members, dict):
            raise fault(at, "dict_type", "must be a JSON object")
        try:
            request = Request.model_validate(members)
        except ValidationError as error:
            raise invalid(error, at) from None
        if request.engine not in ("auto", self._engine.name):
            names = f"the engines here are 'auto' and {self._engine.name!r}"
            raise fault(f"{at}/engine", "engine_unknown", names, whole="engine_unknown")
        if request.callback_url is not None:
            self._webhooks.check(str(request.callback_url), f"{at}/callback_url")
        schema_ref, schema = self._schema(tenant, request.schema_, f"{at}/schema")
        split = self._split(tenant, request.split, f"{at}/split")
        return Ask(request.model_copy(update={"split": split}), schema_ref, schema)

    def _split(self, tenant: TenantId, given: bool | SplitRequest, at: str) -> bool | SplitRequest:
        """With the versions that the names of schemas mean now."""
        if not isinstance(given, SplitRequest):
            return given
        named = {}
        for kind, name in given.schemas.items():
            ref, _ = self._schema(tenant, name, f"{at}/schemas/{kind}")
            assert ref is not None
            named[kind] = ref
        return SplitRequest(schemas=named)

    def _schema(
        self, tenant: TenantId, given: dict[str, Any] | str | None, at: str
    ) -> tuple[str | None, dict[str, Any] | None]:
        if isinstance(given, str):
            found = self._schemas.find(tenant, given)
            if found is None:
                names = ", ".join(self._schemas.names(tenant))
                detail = f"there is no schema {given[:100]!r}; there are: {names}"
                raise fault(at, "schema_unknown", detail, whole="schema_unknown")
            return found.ref, found.schema
        if given is not None:
            check_schema(given, at)
        return None, given


def parse_json(text: bytes | str, what: str = "the body") -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedJson(detail=f"{what} is not JSON: {error.msg} at character {error.pos}") from None


def members_of_form(texts: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The request that form fields spell: a JSON part ``request``, or one plain field per member."""
    members: dict[str, Any] = {}
    parts: list[dict[str, Any]] = []
    for name, text in texts:
        if name == "request":
            part = parse_json(text or "{}", "the form part 'request'")
            if not isinstance(part, dict):
                raise fault("/request", "dict_type", "must be a JSON object")
            parts.append(part)
        else:
            _add_field(members, name, text)
    for part in parts:
        for name, value in part.items():
            if name in members:
                raise fault(f"/request/{name[:100]}", "repeated", "given twice")
            members[name] = value
    return members


def _typed(text: str) -> Any:
    """A number or a truth value as JSON spells it; anything else stays the text it is, and is refused."""
    try:
        return orjson.loads(text.strip().lower())
    except orjson.JSONDecodeError:
        return text


T = TypeVar("T", list[Any], dict[str, Any])


def _held(members: dict[str, Any], name: str, kind: type[T]) -> T:
    """What fields before this one have gathered."""
    found = members.setdefault(name, kind())
    if not isinstance(found, kind):
        raise fault(f"/request/{name}", f"{kind.__name__}_type", f"is no {kind.__name__}, and more was added")
    return found


def _add_field(members: dict[str, Any], name: str, text: str) -> None:
    if text == "":
        return  # a form sends what nobody filled in
    if name in ("questions", "question"):
        if text.lstrip().startswith("["):
            _held(members, "questions", list).extend(parse_json(text, "the form field 'questions'"))
        else:
            _held(members, "questions", list).append(text)
    elif name in _COMMA_FIELDS:
        items = parse_json(text) if text.lstrip().startswith("[") else text.split(",")
        _held(members, name, list).extend(
            item.strip() if isinstance(item, str) else item for item in items if item != ""
        )
    elif name.startswith("label."):
        _held(members, "labels", dict)[name.removeprefix("label.")] = text
    elif name in members:
        raise fault(f"/request/{name[:100]}", "repeated", "given twice")
    elif name in _JSON_FIELDS and text.lstrip().startswith(("{", "[")):
        members[name] = parse_json(text, f"the form field {name!r}")
    elif name in _TYPED_FIELDS:
        members[name] = _typed(text)
    elif name == "budget":
        members[name] = {"profile": text}
    else:
        members[name] = text
