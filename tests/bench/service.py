"""A process of Quire that answers requests, `quire serve` or `quire api`, on a free port."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.process import QuireProcess
from tests.servers.server import free_port


class Service(QuireProcess):
    """It is ready when it says so over HTTP."""

    def __init__(self, data_dir: Path, command: str = "serve", **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(data_dir, [command], "Quire listens", QUIRE_PORT=str(self.port), **settings)
        self._reviving = threading.Lock()
        self.deaths = 0

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def revive(self) -> None:
        """Start again if the process died by itself; says so with the end of its log."""
        with self._reviving:
            if self.alive:
                time.sleep(1)  # it refused one connection; the caller tries once more
                return
            self.deaths += 1
            words = f"the service died (exit code {self.exit_code}); its last words:\n{self.last_words()}"
            print(words, file=sys.stderr)
            self.start()


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Service]:
    service = Service(data_dir, **settings)
    service.start()
    try:
        yield service
    finally:
        service.stop()
