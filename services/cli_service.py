"""The service that a command talks to: one elsewhere, or one inside the command."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer

from quire_client import Quire, Retries
from schemas.errors import RequestInvalid
from services.cli import settings_of

Url = Annotated[
    str | None,
    typer.Option(help="of a running service (its key in QUIRE_API_KEY); default: one inside this command"),
]


class UrlInvalid(RequestInvalid):
    """What was given as the address of a service is none."""

    code = "url_invalid"


@contextmanager
def connected(
    url: str | None, data_dir: Path | None, purpose: str, retries: Retries | None = None
) -> Iterator[Quire]:
    """A client of the service at ``url``, or of one in this process.

    Without ``data_dir`` (or QUIRE_DATA_DIR) the latter forgets everything when it ends.
    """
    with contextlib.ExitStack() as stack:
        if url is not None:
            key = settings_of().api_key
            client = Quire(checked(url), key.get_secret_value() if key is not None else None, retries=retries)
        else:
            address = stack.enter_context(_own(data_dir, purpose))
            client = Quire(address, retries=retries, trust_env=False)  # no proxy leads to this process
        yield stack.enter_context(client)


def checked(url: str) -> str:
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL()
    if found.scheme not in ("http", "https") or not found.host:
        raise UrlInvalid(detail=f"--url {url[:200]}: give http://HOST or https://HOST")
    return url


@contextmanager
def _own(data_dir: Path | None, purpose: str) -> Iterator[str]:
    from services import logs  # noqa: PLC0415  # not needed for a service elsewhere
    from services.server import background  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        if data_dir is None and "QUIRE_DATA_DIR" not in os.environ:
            data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-")))
        # It serves this command alone, whatever is set for services that stay.
        alone = {"host": "127.0.0.1", "require_keys": False, "insecure_no_keys": False}
        level = os.environ.get("QUIRE_LOG_LEVEL", "error")
        settings = settings_of(data_dir=data_dir, log_level=level, **alone)
        logs.configure(settings, purpose)
        yield stack.enter_context(background(settings))
