"""What routes ask for: the parts of the service, who calls and may they, what the headers prefer."""

from collections.abc import Iterable
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from services.access import Caller, Scope
from services.acting import Actor, act_as
from services.api.wire import HEADERS
from services.container import Parts
from services.waits import wanted_wait

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Routes that ask nobody who they are."""

_bearer = HTTPBearer(
    scheme_name="key", bearerFormat="qk_…", description="an API key (`quire keys create`)", auto_error=False
)


def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


Served = Annotated[Parts, Depends(parts_of)]


async def caller_of(
    request: Request,
    needed: SecurityScopes,
    parts: Served,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The one place where a request gets its tenant, and where its right to the route is checked."""
    key = given.credentials if given is not None else None
    scopes = [Scope(scope) for scope in needed.scopes]
    caller, allowance = await to_thread.run_sync(parts.access.admit, key, scopes)
    if allowance is not None:
        request.scope[HEADERS] = allowance.headers()
    act_as(Actor(caller.name, caller.key))
    return caller


Submitter = Annotated[Caller, Security(caller_of, scopes=[Scope.SUBMIT])]
Reader = Annotated[Caller, Security(caller_of, scopes=[Scope.READ])]
Writer = Annotated[Caller, Security(caller_of, scopes=[Scope.WRITE])]
Admin = Annotated[Caller, Security(caller_of, scopes=[Scope.ADMIN])]


def check_scoped(routers: Iterable[APIRouter]) -> None:
    """No application is made with a route that forgot to say who may call it."""
    for router in routers:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            scoped = any(needs.own_oauth_scopes for needs in route.dependant.dependencies)
            if not scoped and route.path not in PUBLIC:
                raise RuntimeError(f"{route.path} asks for none of Reader, Submitter, Writer, Admin")


def wait_of(
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N`: hold the answer until the run has finished, for N seconds (at most 60)"
        ),
    ] = None,
) -> int | None:
    return wanted_wait(prefer)


Wait = Annotated[int | None, Depends(wait_of)]
