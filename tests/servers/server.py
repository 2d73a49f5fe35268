"""A throw-away server process on loopback: it can be stopped, killed and started again on the same port."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

_START_S = 60.0
_LOOK_S = 0.02


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server(ABC):
    """``close`` ends the process and removes its folder; it also happens when Python ends."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, user: str | None = None) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"quire-{self.name}-"))
        self._user = user if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self.folder, self._user, _group(self._user))
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    @abstractmethod
    def _command(self) -> list[str]:
        """What to run in the foreground."""

    @abstractmethod
    def _ready(self) -> bool:
        """Does it answer?"""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns once it answers. What a killed one left behind may refuse it for a moment."""
        deadline = time.monotonic() + _START_S
        while True:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command(), stdout=log, stderr=log, cwd="/", start_new_session=True, **self._drop()
                )
            while self._process.poll() is None:
                if self._ready():
                    return
                if time.monotonic() > deadline:
                    self.kill()
                time.sleep(_LOOK_S)
            if time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.name} did not start:\n{tail}")
            time.sleep(0.1)

    def stop(self) -> None:
        self._end(self.stop_signal)

    def kill(self) -> None:
        """`kill -9`."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        atexit.unregister(self.close)
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _drop(self) -> dict[str, Any]:
        """As another user than root."""
        if self._user is None:
            return {}
        return {"user": self._user, "group": _group(self._user), "extra_groups": []}

    def _run(self, *command: str) -> None:
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, cwd="/", env=_environment(), **self._drop()
        )


def _group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def _environment() -> dict[str, str]:
    """Without the settings of another server."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PG")}
