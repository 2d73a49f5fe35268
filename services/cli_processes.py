"""The commands that run until they are told to stop: `quire serve`, `api`, `worker`, `sweep`."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.ledger import Queue
from services.cli import OK, DataDir, say, settings_of
from services.mode import Role
from services.settings import Settings, SettingsInvalid

if TYPE_CHECKING:
    from services.container import Parts

_AT_ONCE = 1


def register(app: typer.Typer) -> None:
    for command in (serve, api, worker, sweep):
        app.command()(command)


def serve(
    host: Annotated[str | None, typer.Option(help="a loopback address (QUIRE_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one (QUIRE_PORT)")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run the embedded service: API, workers and store in this one process."""
    from services.container import embedded  # noqa: PLC0415  # the other commands start faster without it

    settings = _begin(Role.SERVE, settings_of(host=host, port=port, data_dir=data_dir))
    _answer(settings, embedded(settings))


def api(
    host: Annotated[str | None, typer.Option(help="the address to listen on (QUIRE_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one (QUIRE_PORT)")] = None,
    data_dir: DataDir = None,
) -> None:
    """Answer requests and leave the work to `quire worker` processes."""
    from services.container import api as parts_of  # noqa: PLC0415

    settings = _begin(Role.API, settings_of(host=host, port=port, data_dir=data_dir))
    _answer(settings, parts_of(settings))


def worker(
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue",
            help="raster (with plan, batch), read, finish, deliver; commas or again; all if left out",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Work on the documents that `quire api` accepted."""
    from services.container import worker as workers_of  # noqa: PLC0415

    queues = queues_of(queue or [])
    settings = _begin(Role.WORKER, settings_of(data_dir=data_dir))
    stop = _Stop()
    with workers_of(settings, queues):
        say(f"Quire works on {', '.join(queues)}")
        stop.wait()
        say("Quire stops")


def sweep(data_dir: DataDir = None) -> None:
    """Give up workers that went silent, remove what has expired."""
    from services.container import sweep as sweeping  # noqa: PLC0415

    settings = _begin(Role.SWEEP, settings_of(data_dir=data_dir))
    stop = _Stop()
    with sweeping(settings):
        say("Quire sweeps")
        stop.wait()
        say("Quire stops")


def queues_of(given: Sequence[str]) -> tuple[Queue, ...]:
    """The queues that the options name; `raster` brings what opens files before: `plan` and `batch`."""
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Queue)]
    if unknown:
        raise SettingsInvalid(detail=f"--queue {unknown[0][:40]}: the queues are {', '.join(Queue)}")
    wanted = {Queue(name) for name in names} or set(Queue)
    if Queue.RASTER in wanted:
        wanted |= {Queue.PLAN, Queue.BATCH}
    return tuple(queue for queue in Queue if queue in wanted)


def _begin(role: Role, settings: Settings) -> Settings:
    """Refuse what cannot work before anything is started."""
    from services import logs, mode  # noqa: PLC0415

    mode.require(settings, role)
    logs.configure(settings, role)
    return settings


def _answer(settings: Settings, building: "AbstractContextManager[Parts]") -> None:
    from services.server import Server, listen, url_of  # noqa: PLC0415

    # uvicorn raises the signal again once it has shut down; by default that would end the process before
    # the workers could hand back what they are at.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(listen(settings.host, settings.port)))
        parts = stack.enter_context(building)
        stack.callback(say, "Quire stops")
        text = f"Quire listens on {url_of(listener)} (data in {settings.data_dir})"
        Server(parts, started=lambda: say(text)).run([listener])


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    sys.exit(OK)


class _Stop:
    """The first signal asks to stop, the second ends the process where it stands; leases cover for that."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def wait(self) -> None:
        self._asked.wait()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._asked.is_set():
            os._exit(_AT_ONCE)
        self._asked.set()
