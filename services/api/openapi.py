"""What OpenAPI needs beyond the routes: shapes of bodies that are read by hand, and honest error answers."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.request import Request

_REF = "#/components/schemas/{model}"


def describe(app: FastAPI) -> None:
    """Have the application give the completed document, built once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            _complete(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _complete(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    request = Request.model_json_schema(by_alias=True, ref_template=_REF)
    shapes.update(request.pop("$defs", {}))
    shapes["Request"] = request
    # Faults of a request are problems here, never FastAPI's own shape.
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            answer = operation.get("responses", {}).get("422")
            if answer and "HTTPValidationError" in str(answer):
                del operation["responses"]["422"]
