"""What routes ask for: the parts of the service, who calls, what the headers prefer."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request

from schemas.ids import DEFAULT_TENANT, TenantId
from services.container import Parts
from services.waits import wanted_wait


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose documents a request may see, and who answers for what it changes."""

    tenant: TenantId
    name: str = "local"


def parts_of(request: Request) -> Parts:
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


def caller_of() -> Caller:
    """On loopback there is one tenant and no key."""
    return Caller(DEFAULT_TENANT)


def wait_of(
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N`: hold the answer until the run has finished, for N seconds (at most 60)"
        ),
    ] = None,
) -> int | None:
    return wanted_wait(prefer)


Served = Annotated[Parts, Depends(parts_of)]
Who = Annotated[Caller, Depends(caller_of)]
Wait = Annotated[int | None, Depends(wait_of)]
