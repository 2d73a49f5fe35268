"""What OpenAPI needs beyond the routes: shapes of bodies that are read by hand, and honest error answers."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.request import Request
from services.api import examples, query_examples
from services.api.links import link

_REF = "#/components/schemas/{model}"


def describe(app: FastAPI, *, keys: bool) -> None:
    """Have the application give the completed document, built once. ``keys``: callers need one."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            _complete(document)
            for operation in _operations(document):
                _guard(operation, keys=keys)
                link(operation)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _complete(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    request = Request.model_json_schema(by_alias=True, ref_template=_REF)
    shapes.update(request.pop("$defs", {}))
    shapes["Request"] = request
    shapes["Condition"] = query_examples.CONDITION
    # Faults of a request are problems here, never FastAPI's own shape.
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    for operation in _operations(document):
        answer = operation.get("responses", {}).get("422")
        if answer and "HTTPValidationError" in str(answer):
            operation["responses"]["422"] = examples.problem(422)
        for parameter in operation.get("parameters", ()):
            _plain(parameter["schema"])


def _plain(shape: dict[str, Any]) -> None:
    """A parameter that may be left out is not null: an address has no way to say so."""
    kinds = [kind for kind in shape.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del shape["anyOf"]
        for name, value in kinds[0].items():
            shape.setdefault(name, value)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _guard(operation: dict[str, Any], *, keys: bool) -> None:
    """Where nobody is asked for a key, none is described as needed."""
    if "security" not in operation:
        return
    if not keys:
        del operation["security"]
        return
    for status in (401, 403, 429):
        operation["responses"].setdefault(str(status), examples.problem(status))
