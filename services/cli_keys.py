"""`quire keys`: make, list, rotate and revoke the API keys of tenants."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import DataDir, say, settings_of
from services.settings import SettingsInvalid

if TYPE_CHECKING:
    from services.api_keys import ApiKeys, Issued
    from services.stores.engine import Database
    from services.stores.key_rows import KeyRow

keys = typer.Typer(name="keys", help="API keys: who may call, and what for.", no_args_is_help=True)

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 100 * 365 * 86_400

Tenant = Annotated[str, typer.Option(help="whose documents the key opens; made if it is new")]
KeyIdent = Annotated[str, typer.Argument(metavar="KEY_ID", help="such as key_01kb…, as `list` shows it")]


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    app.add_typer(keys)


@keys.command()
def create(
    tenant: Tenant = "default",
    name: Annotated[str, typer.Option(help="what it is for; stands in the audit log")] = "unnamed",
    scopes: Annotated[
        str, typer.Option(help="submit, read, write, admin, with commas between")
    ] = "submit,read,write",
    expires: Annotated[str | None, typer.Option(help="after 90d, 12h, 30m; never if left out")] = None,
    rate: Annotated[
        int | None,
        typer.Option(min=0, max=1_000_000, help="requests a minute; 0: no limit (QUIRE_RATE_PER_MINUTE)"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is printed once, on stdout; only its hash is kept."""
    from schemas.ids import TenantId  # noqa: PLC0415
    from services.access import Scope  # noqa: PLC0415  # the other commands start faster without the store

    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown:
        raise SettingsInvalid(detail=f"--scopes {unknown[0][:40]}: the scopes are {', '.join(Scope)}")
    life = seconds("--expires", expires) if expires is not None else None
    with _keys(data_dir) as store:
        issued = store.create(TenantId(tenant), name, [Scope(scope) for scope in wanted], life, rate)
    _show(issued, f"of {tenant}, for {', '.join(wanted)}")


@keys.command(name="list")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="of one tenant; all if left out")] = None,
    form: Annotated[Format, typer.Option("--format", help="a table for people, or JSON")] = Format.TABLE,
    data_dir: DataDir = None,
) -> None:
    """Show the keys there are, without their secrets."""
    from schemas.ids import TenantId  # noqa: PLC0415

    with _keys(data_dir) as store:
        rows = [_told(row) for row in store.all(TenantId(tenant) if tenant is not None else None)]
    if form is Format.JSON:
        typer.echo(json.dumps(rows, indent=1))
        return
    table(("id", "tenant", "name", "scopes", "state", "expires_at", "last_used_at"), rows)


@keys.command()
def rotate(
    key: KeyIdent,
    overlap: Annotated[str, typer.Option(help="how long the old key still works: 24h, 0s")] = "24h",
    data_dir: DataDir = None,
) -> None:
    """Make another key with the same rights; the old one ends after a while."""
    with _keys(data_dir) as store:
        issued = store.rotate(key, seconds("--overlap", overlap))
    _show(issued, f"in place of {key}, which works for {overlap} more")


@keys.command()
def revoke(key: KeyIdent, data_dir: DataDir = None) -> None:
    """End a key at once."""
    with _keys(data_dir) as store:
        store.revoke(key)
    say(f"{key} opens nothing any more")


@contextmanager
def _keys(data_dir: Path | None) -> Iterator["ApiKeys"]:
    from services.api_keys import ApiKeys  # noqa: PLC0415

    with store(data_dir) as database:
        yield ApiKeys(database)


@contextmanager
def store(data_dir: Path | None) -> Iterator["Database"]:
    """The configured store, also while a service uses it; a new SQLite file is made. Acts are noted."""
    from services import mode  # noqa: PLC0415
    from services.acting import Actor, acting  # noqa: PLC0415
    from services.folder_lock import FolderLock  # noqa: PLC0415
    from services.stores import migrate  # noqa: PLC0415
    from services.stores.engine import Database  # noqa: PLC0415

    settings = settings_of(data_dir=data_dir)
    if not mode.shared(settings):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(mode.database_url(settings), pool_size=1)
    try:
        if not mode.shared(settings) and migrate.current(database) != migrate.wanted():
            with FolderLock(settings.data_dir):
                migrate.upgrade(database)
        migrate.require(database)
        with acting(Actor("command line")):
            yield database
    finally:
        database.close()


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """For people: what is not there is a dash."""
    lines = [tuple(columns)]
    lines += [tuple("-" if row[column] is None else str(row[column]) for column in columns) for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        typer.echo("  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)).rstrip())


def _show(issued: "Issued", about: str) -> None:
    say(f"{issued.id} {about}; this is the only time the key is shown:")
    typer.echo(issued.secret)


def _told(row: "KeyRow") -> dict[str, str | None]:
    from services.views import rfc3339  # noqa: PLC0415

    state = "revoked" if row.revoked_at is not None else "expired" if row.expired else "active"
    return {
        "id": row.id,
        "tenant": row.tenant,
        "name": row.name,
        "scopes": row.scopes,
        "state": state,
        "replaces": row.replaces,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
        "last_used_at": rfc3339(row.last_used_at),
    }


def seconds(option: str, text: str) -> int:
    """A time as options have it: 90d, 12h, 30m, 10s."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text.strip())
    seconds = int(match[1]) * _UNITS[match[2]] if match else None
    if seconds is None or seconds > _LONGEST_S:
        raise SettingsInvalid(detail=f"{option} {text[:40]}: a number and s, m, h or d, such as 90d")
    return seconds
