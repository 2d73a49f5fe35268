"""The command line: `quire serve`, `extract`, `doctor`, `migrate`, `schema`."""

import contextlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from schemas.errors import QuireError, Unsupported
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
def serve(
    host: Annotated[str | None, typer.Option(help="a loopback address (QUIRE_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one (QUIRE_PORT)")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the embedded service: API, workers and store in this one process."""
    from services import logs  # noqa: PLC0415  # the other commands start faster without all this
    from services.container import embedded, require_embedded  # noqa: PLC0415
    from services.server import Server, listen, url_of  # noqa: PLC0415

    settings = settings_of(host=host, port=port, data_dir=data_dir)
    require_embedded(settings)
    logs.configure(settings, "serve")
    # uvicorn raises the signal again once it has shut down; by default that would end the process before
    # the workers could hand back what they are at.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        parts = stack.enter_context(embedded(settings))
        stack.callback(say, "Quire stops")
        text = f"Quire listens on {url_of(listener)} (data in {settings.data_dir})"
        Server(parts, started=lambda: say(text)).run([listener])


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    sys.exit(OK)


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the revision this installation needs. `serve` does so by itself."""
    from services.container import require_embedded  # noqa: PLC0415
    from services.folder_lock import FolderLock  # noqa: PLC0415
    from services.stores import migrate as migrations  # noqa: PLC0415
    from services.stores.engine import Database  # noqa: PLC0415

    settings = settings_of(data_dir=data_dir)
    require_embedded(settings)
    lock = FolderLock(settings.data_dir)
    lock.take()
    database = Database(f"sqlite:///{settings.data_dir / 'quire.db'}")
    try:
        before = migrations.current(database)
        migrations.upgrade(database)
        after = migrations.current(database)
    finally:
        database.close()
        lock.release()
    say(f"database was on revision {before or 'none'}, is on {after}")


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
    from services import cli_extract  # noqa: PLC0415

    cli_extract.register(app)
    try:
        app()
    except QuireError as error:
        say(f"quire: {error.detail}")
        sys.exit(USAGE if isinstance(error, SettingsInvalid | Unsupported) else FAILED)
    except KeyboardInterrupt:
        say("quire: interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
