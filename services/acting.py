"""In whose name something is done: known where a request comes in, read where it is written down."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from structlog.contextvars import get_contextvars

from schemas.ids import KeyId


@dataclass(frozen=True, slots=True)
class Actor:
    """``name``: of the key; ``local`` without one, ``command line``, ``retention``."""

    name: str
    key: KeyId | None = None


_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


def act_as(actor: Actor) -> None:
    """For the rest of this request, and of what it hands to other threads."""
    _actor.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def actor() -> Actor | None:
    """None: a worker, doing what somebody asked for before."""
    return _actor.get()


def request() -> str | None:
    given = get_contextvars().get("request_id")
    return str(given) if given is not None else None
