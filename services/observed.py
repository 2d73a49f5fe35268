"""Ports seen from outside: calls of an engine or a blob store, timed and counted, otherwise unchanged."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from opentelemetry.trace import NoOpTracer, SpanKind, Tracer

from pipeline.orders import ReadOrder
from pipeline.ports import BlobKey, Blobs, PageAids, PageReader
from schemas.engine import EngineSpec
from schemas.errors import QuireError
from schemas.reading import PageReading, Spent
from services.metrics import Metrics
from workers.surroundings import step

_MISMATCH = "visual_tokens_mismatch"


class ObservedReader:
    """`PageReader` that counts what another one does."""

    def __init__(self, reader: PageReader, metrics: Metrics, tracer: Tracer | None = None) -> None:
        self._reader = reader
        self._metrics = metrics
        self._tracer = tracer or NoOpTracer()

    @property
    def spec(self) -> EngineSpec:
        return self._reader.spec

    def read(
        self, order: ReadOrder, cancelled: Callable[[], bool], aids: PageAids | None = None
    ) -> PageReading:
        started, outcome, spent = time.monotonic(), "bug", Spent()
        name = self.spec.name
        with step(self._tracer, "engine", {"quire.engine": name}, SpanKind.CLIENT) as span:
            try:
                reading = self._reader.read(order, cancelled, aids)
                outcome, spent = "cancelled" if cancelled() else "ok", reading.spent
                if any(warning.code == _MISMATCH for warning in reading.warnings):
                    self._metrics.budget_mismatch(name)
            except QuireError as error:
                outcome = error.code
                raise
            finally:
                self._metrics.engine_call(name, outcome, time.monotonic() - started, spent)
                tokens = {f"quire.{kind}": number for kind, number in asdict(spent).items()}
                span.set_attributes({"quire.outcome": outcome, **tokens})
        return reading

    def close(self) -> None:
        self._reader.close()


class ObservedBlobs:
    """`Blobs` that counts what another one does."""

    def __init__(self, blobs: Blobs, metrics: Metrics) -> None:
        self._blobs = blobs
        self._metrics = metrics

    def put(self, key: BlobKey, source: Path) -> None:
        with self._timed("put"):
            self._blobs.put(key, source)

    def open(self, key: BlobKey) -> BinaryIO:
        with self._timed("open"):
            return self._blobs.open(key)

    @contextmanager
    def local(self, key: BlobKey) -> Iterator[Path]:
        with ExitStack() as stack:
            with self._timed("local"):
                path = stack.enter_context(self._blobs.local(key))
            yield path

    def delete(self, key: BlobKey) -> None:
        with self._timed("delete"):
            self._blobs.delete(key)

    def size(self, key: BlobKey) -> int | None:
        with self._timed("size"):
            return self._blobs.size(key)

    def sweep(self) -> None:
        with self._timed("sweep"):
            self._blobs.sweep()

    def close(self) -> None:
        self._blobs.close()

    @contextmanager
    def _timed(self, operation: str) -> Iterator[None]:
        started, code = time.monotonic(), None
        try:
            yield
        except QuireError as error:
            code = error.code
            raise
        finally:
            self._metrics.blob_call(operation, time.monotonic() - started, code)
