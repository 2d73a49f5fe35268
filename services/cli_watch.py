"""`quire watch` and `quire imap`: documents taken from where they arrive, until told to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

import quire_client
from quire_client import Problem, Quire, Retries
from schemas.errors import Unavailable
from services.cli import FAILED, USAGE, DataDir, say, settings_of
from services.cli_extract import request_of
from services.cli_service import Url, connected
from services.folder_lock import FolderLock
from services.intake.dropped import OWN, Dropped, Places

Schema = Annotated[str | None, typer.Option(help="name of a schema, or a file with a JSON Schema")]
Ask = Annotated[list[str] | None, typer.Option(help="a question; repeat for more")]
Language = Annotated[list[str] | None, typer.Option(help="such as de; repeat for more")]
InFlight = Annotated[int, typer.Option(min=1, max=64, help="documents at once")]
Patience = Annotated[float, typer.Option(min=0, help="seconds to wait for a service that is busy or away")]
Once = Annotated[bool, typer.Option("--once", help="end when there is nothing left to take")]


def register(app: typer.Typer) -> None:
    app.command()(watch)
    app.command()(imap)


def watch(
    folder: Annotated[Path, typer.Argument(help="where files are dropped", exists=True, file_okay=False)],
    schema: Schema = None,
    ask: Ask = None,
    language: Language = None,
    settle: Annotated[
        float, typer.Option(min=0.1, help="seconds without a change after which a file is complete")
    ] = 2,
    in_flight: InFlight = 4,
    patience: Patience = 3600,
    once: Once = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Read files dropped into a folder; put them into done/ or failed/ with the result beside."""
    request = request_of(schema, ask, None, None, language)
    stop = asked_to_stop()
    with ExitStack() as stack:
        places = Places(folder.resolve())
        stack.enter_context(FolderLock(places.folder / OWN))
        places.make()
        quire = stack.enter_context(serving(url, data_dir, patience))
        say(f"Quire watches {folder}")
        Dropped(quire, places, request, in_flight=in_flight, settle_s=settle, said=say).run(stop, once=once)
        say("Quire stops")


def imap(
    mailbox: Annotated[
        str, typer.Argument(metavar="imaps://USER@HOST/FOLDER", help="its password in QUIRE_IMAP_PASSWORD")
    ],
    schema: Schema = None,
    ask: Ask = None,
    language: Language = None,
    done: Annotated[str, typer.Option(help="folder for messages that were read")] = "Quire-Done",
    failed: Annotated[str, typer.Option(help="folder for messages with a fault")] = "Quire-Failed",
    every: Annotated[float, typer.Option(min=0.1, help="seconds between looks into the mailbox")] = 30,
    most_bytes: Annotated[int, typer.Option(min=1024, help="of a message")] = 67_108_864,
    ca_file: Annotated[Path | None, typer.Option(help="trust these certificates", exists=True)] = None,
    in_flight: InFlight = 16,
    patience: Patience = 3600,
    once: Once = False,
    url: Url = None,
    data_dir: DataDir = None,
) -> None:
    """Read documents attached to messages; the messages are moved when all of theirs were read."""
    from services.intake.inbox import Habits, Inbox  # noqa: PLC0415  # the other commands start faster
    from services.intake.mailbox import account_of  # noqa: PLC0415
    from workers.cage import ProcessCage  # noqa: PLC0415

    request = request_of(schema, ask, None, None, language)
    settings = settings_of()
    password = settings.imap_password
    account = account_of(mailbox, password.get_secret_value() if password is not None else None, ca_file)
    habits = Habits(done, failed, in_flight, most_bytes, every)
    stop = asked_to_stop()
    with ExitStack() as stack:
        quire = stack.enter_context(serving(url, data_dir, patience))
        cage = ProcessCage(1, deadline_s=settings.cpu_step_timeout_s, memory_bytes=settings.cpu_memory_bytes)
        stack.callback(cage.close)
        say(f"Quire reads the mail of {account.name} in {account.folder}")
        Inbox(quire, account, request, cage, habits=habits, said=say).run(stop, once=once)
        say("Quire stops")


@contextmanager
def serving(url: str | None, data_dir: Path | None, patience: float) -> Iterator[Quire]:
    """The service, and its refusals as exit codes: whoever looks after this process starts it again."""
    if url is None and data_dir is None:
        data_dir = settings_of().data_dir
    try:
        with connected(url, data_dir, "watch", Retries(most=None, patience_s=patience)) as quire:
            yield quire
    except Problem as problem:
        say(f"quire: {problem.detail}")
        raise typer.Exit(USAGE if problem.status == 422 else FAILED) from None
    except quire_client.QuireError as error:
        raise Unavailable(detail=str(error)) from None
    except OSError as error:
        raise Unavailable(detail=f"{error.filename or 'a file'}: {error.strerror}") from None


def asked_to_stop() -> threading.Event:
    """Set by the first SIGTERM or SIGINT. What is under way is left as it is, and found again."""
    stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop
