"""A real `quire` process with a data folder of its own: it can be started, frozen, killed, started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

_START_S = 120.0
_STOP_S = 30.0


class QuireProcess:
    """Output goes to a log file beside the data; ``says`` is what it writes there once it is ready."""

    def __init__(self, data_dir: Path, command: list[str], says: str, **settings: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self._command = [str(Path(sys.executable).parent / "quire"), *command]
        self._says = says
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("QUIRE_")},
            "QUIRE_DATA_DIR": str(data_dir),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    def launch(self) -> None:
        """Start, without waiting until it is ready."""
        with self.log.open("ab") as log:
            self._said_before = log.tell()
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def start(self) -> None:
        """Returns once it is ready."""
        self.launch()
        deadline = time.monotonic() + _START_S
        while not self.ready():
            if not self.alive or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(self._command)} did not become ready:\n{self.last_words()}")
            time.sleep(0.1)

    def ready(self) -> bool:
        with self.log.open("rb") as log:
            log.seek(self._said_before)
            return self._says.encode() in log.read()

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode if self._process is not None else None

    def processes(self) -> list[psutil.Process]:
        """The process and its children, itself first."""
        if self._process is None:
            return []
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """`kill -9` of this process alone; its children have to notice by themselves."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and after half a minute no more patience with anything it started."""
        if self._process is None:
            return
        family = self.processes()
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in family:
            if process.is_running() and process.pid != self._process.pid:
                process.kill()
