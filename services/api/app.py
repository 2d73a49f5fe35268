"""The ASGI application: routers, problems and the outer layer put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from services import watch
from services.api import (
    audit,
    batch_results,
    batches,
    catalog,
    documents,
    events,
    exports,
    fields,
    health,
    pages,
    problems,
    query,
    results,
    runs,
    schemas,
    search,
    tables,
    uploads,
    webhooks,
)
from services.api.deps import check_scoped
from services.api.notes import Notes
from services.api.openapi import describe
from services.api.wire import Wire
from services.container import Parts

DESCRIPTION = """Documents in, checkable JSON out: every value with page, box, quote and confidence.

Errors are RFC 9457 `application/problem+json` with a stable `code`. Lists are paged by `cursor`.
"""

_PARTS = (
    documents,
    batches,
    batch_results,
    uploads,
    runs,
    results,
    pages,
    tables,
    exports,
    fields,
    events,
    catalog,
    schemas,
    query,
    search,
    webhooks,
    health,
    audit,
)


def create_app(parts: Parts) -> ASGIApp:
    """The API over ``parts``, which the caller starts and closes."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with watch.running(parts.watch):
            yield

    app = FastAPI(
        title="Quire",
        version=version("quire"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # the pages it serves load scripts from a content network
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry=parts.tracing.telemetry(),
    )
    app.state.parts = parts
    check_scoped(part.router for part in _PARTS)
    for part in _PARTS:
        app.include_router(part.router)
    problems.install(app)
    describe(app, keys=parts.access.required)
    settings = parts.settings
    wire = Wire(app, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
    return Notes(wire, parts.metrics.request)
