"""A real `quire serve` process on a free port with a data folder of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from tests.servers.server import free_port

_START_S = 120.0


class Service:
    """Starts, kills and starts again on the same data; output goes to a log file beside the data."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir.parent / f"{data_dir.name}.log"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("QUIRE_")},
            "QUIRE_DATA_DIR": str(data_dir),
            "QUIRE_PORT": str(self.port),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._reviving = threading.Lock()
        self.deaths = 0

    def start(self) -> None:
        """Returns once the service says that it is ready."""
        command = [str(Path(sys.executable).parent / "quire"), "serve"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _START_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"quire serve did not become ready:\n{tail}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """The service and its children, the service first."""
        if self._process is None:
            return []
        try:
            parent = psutil.Process(self._process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def revive(self) -> None:
        """Start again if the process died by itself; says so with the end of its log."""
        with self._reviving:
            if self.alive:
                time.sleep(1)  # it refused one connection; the caller tries once more
                return
            self.deaths += 1
            code = self._process.returncode if self._process else None
            tail = self.log.read_text(errors="replace")[-3000:]
            print(f"the service died (exit code {code}); its last words:\n{tail}", file=sys.stderr)
            self.start()

    def kill(self) -> None:
        """`kill -9` of the service alone; its children have to notice by themselves."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and after half a minute no more patience with anything it started."""
        if self._process is None:
            return
        family = self.processes()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process in family:
            if process.is_running() and process.pid != self._process.pid:
                process.kill()


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Service]:
    service = Service(data_dir, **settings)
    service.start()
    try:
        yield service
    finally:
        service.stop()
