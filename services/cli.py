"""The command line: what all commands share, and `quire doctor`, `migrate`, `schema`."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import QuireError, RequestInvalid, Unsupported
from services.settings import Settings, SettingsInvalid, from_environment

OK, FAILED, USAGE, PARTIAL = 0, 1, 2, 3

app = typer.Typer(
    name="quire",
    help="Documents in, checkable JSON out: every value with page, box, quote and confidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="where the service keeps its data (QUIRE_DATA_DIR)")
]


def settings_of(**options: Any) -> Settings:
    return from_environment(os.environ, **options)


def say(text: str) -> None:
    """For people: never on stdout, which belongs to machine output."""
    typer.echo(text, err=True)


@app.command()
def migrate(
    data_dir: DataDir = None,
    make_bucket: Annotated[
        bool, typer.Option(help="also make the bucket of QUIRE_BLOBS_URL if it does not exist")
    ] = False,
) -> None:
    """Bring the database to the revision this installation needs. `serve` does so by itself on SQLite."""
    from services.folder_lock import FolderLock  # noqa: PLC0415  # the other commands start faster without
    from services.mode import database_url, shared  # noqa: PLC0415
    from services.stores import migrate as migrations  # noqa: PLC0415
    from services.stores import s3_bucket  # noqa: PLC0415
    from services.stores.choose import bucket_of  # noqa: PLC0415
    from services.stores.engine import Database  # noqa: PLC0415

    settings = settings_of(data_dir=data_dir)
    with contextlib.ExitStack() as stack:
        if not shared(settings):
            stack.enter_context(FolderLock(settings.data_dir))
        database = Database(database_url(settings))
        stack.callback(database.close)
        before = migrations.current(database)
        migrations.upgrade(database)
        after = migrations.current(database)
    say(f"database was on revision {before or 'none'}, is on {after}")
    location = bucket_of(settings)
    if make_bucket and location is not None:
        made = s3_bucket.make(location)
        say(f"bucket {location.bucket}: {'made' if made else 'is there'}")


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Say what is configured, reachable and missing, and how to mend it."""
    from services.doctor import examine  # noqa: PLC0415

    findings = examine(settings_of(data_dir=data_dir))
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        typer.echo(f"{finding.mark:7} {finding.name:{width}}  {finding.detail}")
        if finding.mend:
            typer.echo(f"{'':7} {'':{width}}  -> {finding.mend}")
    if any(finding.bad for finding in findings):
        raise typer.Exit(FAILED)


@app.command()
def schema() -> None:
    """Print the JSON Schema of results."""
    from services.result_schema import result_schema_text  # noqa: PLC0415

    sys.stdout.write(result_schema_text())


def main() -> None:
    """Entry point: our own errors become one line on stderr and an exit code."""
    from services import (  # noqa: PLC0415
        cli_bulk,
        cli_extract,
        cli_keys,
        cli_model,
        cli_processes,
        cli_tenants,
        cli_watch,
    )

    cli_processes.register(app)
    cli_extract.register(app)
    cli_bulk.register(app)
    cli_watch.register(app)
    cli_model.register(app)
    cli_keys.register(app)
    cli_tenants.register(app)
    try:
        app()
    except QuireError as error:
        say(f"quire: {error.detail}")
        sys.exit(USAGE if isinstance(error, SettingsInvalid | Unsupported | RequestInvalid) else FAILED)
    except KeyboardInterrupt:
        say("quire: interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
