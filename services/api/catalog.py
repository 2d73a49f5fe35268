"""Routes of what can be asked for: engines and schemas."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Member

from schemas.api import Listing
from schemas.engine import EngineSpec
from schemas.errors import NotFound
from services.api import examples
from services.api.deps import Served, Who
from services.builtin_schemas import NamedSchema

router = APIRouter(prefix="/v1", tags=["catalogue"])


class SchemaInfo(BaseModel):
    """A named schema without its body."""

    name: str
    version: int
    builtin: bool
    title: str | None = None
    description: str | None = None


class SchemaView(SchemaInfo):
    model_config = ConfigDict(populate_by_name=True)

    schema_: dict[str, Any] = Member(alias="schema")


@router.get("/engines")
def list_engines(parts: Served, who: Who) -> Listing[EngineSpec]:
    """The engines configured here: what each can do, and why not what it cannot."""
    del who
    return Listing(items=[parts.reader.spec])


@router.get("/schemas")
def list_schemas(parts: Served, who: Who) -> Listing[SchemaInfo]:
    del who
    return Listing(items=[_info(schema) for schema in parts.builtins.all()])


@router.get("/schemas/{name}", responses=examples.problems(404))
def get_schema(name: str, parts: Served, who: Who) -> SchemaView:
    """A schema by name (`invoice`, its newest version) or by name and version (`invoice@1`)."""
    del who
    found = parts.builtins.find(name)
    if found is None:
        raise NotFound("schema_not_found", "there is no such schema")
    return SchemaView(**_info(found).model_dump(), schema=found.schema)


@router.get("/schemas/{name}/versions/{version}", responses=examples.problems(404, 422))
def get_schema_version(name: str, version: int, parts: Served, who: Who) -> SchemaView:
    return get_schema(f"{name}@{version}", parts, who)


def _info(schema: NamedSchema) -> SchemaInfo:
    return SchemaInfo(
        name=schema.name,
        version=schema.version,
        builtin=True,
        title=schema.schema.get("title"),
        description=schema.schema.get("description"),
    )
