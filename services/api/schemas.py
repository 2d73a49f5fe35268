"""Routes of named schemas: list, put, show, delete, and one proposed from a document."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError

from schemas.api import Listing
from schemas.numbers import MOST
from services.api import examples
from services.api.bodies import json_members
from services.api.cursors import Cursor, cursor_of, next_cursor
from services.api.deps import Reader, Served, Writer
from services.api.schema_views import (
    ETAG,
    Infer,
    SchemaInfo,
    SchemaView,
    VersionInfo,
    info_of,
    precondition,
    schema_answer,
    schema_in,
)
from services.faults import invalid
from services.schema_inference import Proposed
from services.views import rfc3339

router = APIRouter(prefix="/v1/schemas", tags=["schemas"])
Name = Annotated[str, Path(max_length=80, examples=["invoice"])]
NewName = Annotated[
    # Said, not enforced here: the catalog's refusal tells what a name has.
    str,
    Path(
        max_length=80,
        examples=["invoice"],
        json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"},
    ),
]
Version = Annotated[int, Path(ge=1, le=MOST)]
IfMatch = Annotated[
    str | None,
    Header(
        description='only if this is the newest version: `"3"`', json_schema_extra={"pattern": ETAG.pattern}
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(description="`*`: only if there is no schema of this name", json_schema_extra={"enum": ["*"]}),
]


@router.get("", responses=examples.problems(422))
def list_schemas(
    parts: Served, who: Reader, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> Listing[SchemaInfo]:
    """The newest version of each schema, in order of names; those of the tenant and those built in."""
    found = parts.schemas.all(who.tenant, cursor_of("schemas", cursor) or "", limit + 1)
    more = next_cursor("schemas", found[limit - 1].name) if len(found) > limit else None
    return Listing(items=[info_of(schema) for schema in found[:limit]], next_cursor=more)


@router.post(
    "/infer",
    openapi_extra=examples.POST_INFER,
    responses=examples.problems(400, 404, 409, 410, 413, 415, 422),
)
async def infer_schema(request: Request, parts: Served, who: Reader) -> Proposed:
    """Propose a schema from a document: the common fields it carries, its `label: value` pairs, its tables.

    Nothing is stored and no model is asked; `basis` says for each property what is printed where.
    """
    try:
        wanted = Infer.model_validate(await json_members(request, parts))
    except ValidationError as error:
        raise invalid(error) from None
    return await to_thread.run_sync(
        parts.inference.propose, who.tenant, wanted.document_id, wanted.run_id, wanted.title
    )


@router.get("/{name}", response_model=SchemaView, responses=examples.problems(404))
def get_schema(name: Name, parts: Served, who: Reader) -> Response:
    """A schema by name (`invoice`, its newest version) or by name and version (`invoice@1`)."""
    return schema_answer(parts.schemas.get(who.tenant, name))


@router.put(
    "/{name}",
    status_code=200,
    response_model=SchemaView,
    openapi_extra=examples.PUT_SCHEMA,
    responses=examples.problems(400, 409, 412, 413, 415, 422)
    | {201: {"description": "a new version was made", "model": SchemaView}},
)
async def put_schema(
    request: Request,
    name: NewName,
    parts: Served,
    who: Writer,
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A new version of a schema. The body is the JSON Schema, or `{"schema": <JSON Schema>}` as GET gives it.

    The newest version's content again makes no new version and answers 200.
    """
    body = await json_members(request, parts)
    wanted = precondition(if_match, if_none_match)
    made, new = await to_thread.run_sync(parts.schemas.put, who.tenant, name, schema_in(body), wanted)
    headers = {"Location": f"/v1/schemas/{made.name}/versions/{made.version}"}
    return schema_answer(made, status=201 if new else 200, headers=headers)


@router.delete("/{name}", status_code=204, responses=examples.problems(404, 409, 412, 422))
def delete_schema(name: Name, parts: Served, who: Writer, if_match: IfMatch = None) -> None:
    """Forget all versions of a schema. Runs keep the schema they ran with; no number is given twice."""
    parts.schemas.delete(who.tenant, name, precondition(if_match, None))


@router.get("/{name}/versions", responses=examples.problems(404))
def list_versions(name: Name, parts: Served, who: Reader) -> Listing[VersionInfo]:
    """Every version of a schema, newest first."""
    found = parts.schemas.versions(who.tenant, name)
    return Listing(items=[VersionInfo(version=v, created_at=rfc3339(at)) for v, at in found])


@router.get("/{name}/versions/{version}", response_model=SchemaView, responses=examples.problems(404, 422))
def get_schema_version(name: Name, version: Version, parts: Served, who: Reader) -> Response:
    return schema_answer(parts.schemas.get(who.tenant, f"{name}@{version}"))
