"""An engine whose calls are written down as they begin and end, to be counted across processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.orders import ReadOrder
from pipeline.ports import PageAids, PageReader
from schemas.engine import EngineSpec
from schemas.reading import PageReading

BEGUN, ANSWERED, STOPPED = "begun", "answered", "stopped"


class LoggedReader:
    """`PageReader` around another. Each line of the file is an event, its time in seconds and the process.

    A line is one append to the file, so processes that are killed leave no half lines behind.
    """

    def __init__(self, reader: PageReader, path: Path) -> None:
        self._reader = reader
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    @property
    def spec(self) -> EngineSpec:
        return self._reader.spec

    def read(
        self, order: ReadOrder, cancelled: Callable[[], bool], aids: PageAids | None = None
    ) -> PageReading:
        self._write(BEGUN)
        outcome = STOPPED
        try:
            reading = self._reader.read(order, cancelled, aids)
            outcome = STOPPED if cancelled() else ANSWERED
        finally:
            self._write(outcome)
        return reading

    def close(self) -> None:
        self._reader.close()
        os.close(self._file)

    def _write(self, event: str) -> None:
        os.write(self._file, f"{event} {time.time():.6f} {os.getpid()}\n".encode())
