"""`quire tenants`: what each tenant may use and how long its documents are kept."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import DataDir
from services.cli_keys import Format, seconds, store, table
from services.settings import SettingsInvalid

if TYPE_CHECKING:
    from services.stores.tenant_rows import TenantRow

tenants = typer.Typer(name="tenants", help="Tenants: what they may use and keep.", no_args_is_help=True)

_NONE = "default"


def register(app: typer.Typer) -> None:
    app.add_typer(tenants)


@tenants.command(name="list")
def list_tenants(
    form: Annotated[Format, typer.Option("--format", help="a table for people, or JSON")] = Format.TABLE,
    data_dir: DataDir = None,
) -> None:
    """Show the tenants there are; `-` is what the service does by itself."""
    from services.stores import tenant_rows  # noqa: PLC0415  # the other commands start faster without the store

    with store(data_dir) as database, database.read() as connection:
        rows = [_told(row) for row in tenant_rows.all_of(connection)]
    if form is Format.JSON:
        typer.echo(json.dumps(rows, indent=1))
    else:
        table(("tenant", "retention_hours", "pages_per_month"), rows)


@tenants.command(name="set")
def set_tenant(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="made if it is new")],
    retention: Annotated[
        str | None,
        typer.Option(help="how long documents are kept unless they say otherwise: 30d, forever, default"),
    ] = None,
    pages_per_month: Annotated[
        str | None, typer.Option(help="pages that may be read in a month: a number, or default (no bound)")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Change what a tenant may use and keep. Documents that are there keep the time they have."""
    from schemas.ids import TenantId  # noqa: PLC0415
    from services.api_keys import check_tenant  # noqa: PLC0415
    from services.stores import audit_rows, tenant_rows  # noqa: PLC0415

    check_tenant(tenant)
    name = TenantId(tenant)
    hours = _hours(retention) if retention is not None else None
    pages = _pages(pages_per_month) if pages_per_month is not None else None
    with store(data_dir) as database, database.write() as connection:
        tenant_rows.make(connection, name)
        old = tenant_rows.get(connection, name)
        assert old is not None
        new = tenant_rows.TenantRow(
            name,
            old.retention_hours if retention is None else hours,
            old.pages_per_month if pages_per_month is None else pages,
        )
        tenant_rows.put(connection, new)
        audit_rows.note(connection, name, audit_rows.Action.TENANT_SET, name)


def _told(row: "TenantRow") -> dict[str, str | int | None]:
    return {
        "tenant": row.id,
        "retention_hours": row.retention_hours,
        "pages_per_month": row.pages_per_month,
    }


def _hours(text: str) -> int | None:
    if text == _NONE:
        return None
    if text == "forever":
        return 0
    hours = seconds("--retention", text) // 3600
    if hours < 1:
        raise SettingsInvalid(detail=f"--retention {text[:40]}: at least an hour")
    return hours


def _pages(text: str) -> int | None:
    if text == _NONE:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise SettingsInvalid(detail=f"--pages-per-month {text[:40]}: a number, or {_NONE}")
    return int(text)
