"""Shapes of named schemas in requests and answers."""

import re
from typing import Any

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Member

from services.builtin_schemas import NamedSchema
from services.faults import fault
from services.schema_catalog import Precondition
from services.views import rfc3339

ETAG = re.compile(r'^"([0-9]{1,9})"$')


class SchemaInfo(BaseModel):
    """A named schema without its body."""

    name: str
    version: int
    builtin: bool
    title: str | None = None
    description: str | None = None
    created_at: str | None = None


class SchemaView(SchemaInfo):
    model_config = ConfigDict(populate_by_name=True)

    schema_: dict[str, Any] = Member(alias="schema")


class VersionInfo(BaseModel):
    version: int
    created_at: str | None = None


class Infer(BaseModel):
    """A document that has been read, and the title of the schema to be."""

    model_config = ConfigDict(extra="forbid")

    document_id: str = Member(max_length=64)
    run_id: str | None = Member(default=None, max_length=64)
    title: str | None = Member(default=None, min_length=1, max_length=200)


_WRAPPED = ("name", "version", "builtin", "title", "description", "created_at", "schema")


def precondition(if_match: str | None, if_none_match: str | None) -> Precondition:
    if if_none_match not in (None, "*"):
        raise fault("/header/If-None-Match", "etag_malformed", "only * is understood here")
    tag = ETAG.fullmatch(if_match) if if_match is not None else None
    if if_match is not None and tag is None:
        raise fault("/header/If-Match", "etag_malformed", 'a version in quotes, such as "3"')
    return Precondition(version=int(tag[1]) if tag else None, absent=if_none_match == "*")


def info_of(schema: NamedSchema) -> SchemaInfo:
    return SchemaInfo(
        name=schema.name,
        version=schema.version,
        builtin=schema.builtin,
        title=_text(schema.schema.get("title")),
        description=_text(schema.schema.get("description")),
        created_at=rfc3339(schema.created_at),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def schema_answer(
    schema: NamedSchema, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    view = SchemaView(**info_of(schema).model_dump(), schema=schema.schema)
    tag = {"ETag": f'"{schema.version}"', **(headers or {})}
    body = view.model_dump_json(by_alias=True)
    return Response(body, status_code=status, media_type="application/json", headers=tag)


def schema_in(body: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a body that is one, or holds one as GET gives it."""
    inner = body.get("schema")
    return inner if isinstance(inner, dict) and set(body) <= set(_WRAPPED) else body
