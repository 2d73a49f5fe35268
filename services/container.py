"""The composition root: the only place that chooses adapters, by the URLs in the settings."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from model_runtime.choose import engine
from pipeline.ports import Blobs, Cage, PageReader
from schemas.errors import Unsupported
from services import guard, metrics_http, uploads
from services.asks import Asks
from services.builtin_schemas import Builtins
from services.clock import SystemClock
from services.embedded import EmbeddedWorkers, slots_for
from services.folder_lock import FolderLock
from services.idempotency import Keys
from services.ingest import Ingest
from services.lookup import Lookup
from services.metrics import Metrics
from services.observed import ObservedBlobs, ObservedReader
from services.page_views import PageViews
from services.results import Results
from services.schema_catalog import Schemas
from services.schema_inference import Inference
from services.settings import Settings
from services.stores import migrate
from services.stores.choose import blobs_of
from services.stores.engine import Database
from services.stores.ledger import SqlLedger
from services.stores.upkeep import Upkeep
from services.tracing import Tracing
from services.watch import Watch
from workers import steps
from workers.cage import ProcessCage
from workers.context import Context, Engines
from workers.document import StandardDocument

_PRELOAD = ("pipeline.recipe",)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process that answers requests is made of."""

    settings: Settings
    database: Database
    blobs: Blobs
    cage: Cage
    reader: PageReader
    schemas: Schemas
    inference: Inference
    lookup: Lookup
    pages: PageViews
    results: Results
    ingest: Ingest
    asks: Asks
    keys: Keys
    watch: Watch
    metrics: Metrics
    tracing: Tracing
    http: httpx.Client = field(repr=False)

    @property
    def staging(self) -> Path:
        return self.settings.data_dir / "staging"


def require_embedded(settings: Settings) -> None:
    """Refuse by name what this version has no adapter for."""
    refused = {
        "QUIRE_DATABASE_URL": (settings.database_url, "SQLite in QUIRE_DATA_DIR"),
        "QUIRE_BROKER_URL": (settings.broker_url, "wakes inside the one process"),
    }
    for name, (url, instead) in refused.items():
        if url is not None:
            raise Unsupported(
                "unsupported_setting",
                f"{name} is set to a {_scheme(url)} URL, for which this version has no adapter; "
                f"leave it empty to use {instead}",
            )
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise Unsupported(
            "unsupported_setting",
            f"QUIRE_HOST is {settings.host}: the embedded service has no keys and listens on loopback only",
        )


def _scheme(url: SecretStr) -> str:
    return urlsplit(url.get_secret_value()).scheme[:20] or "malformed"


@contextmanager
def embedded(settings: Settings) -> Iterator[Parts]:
    """The whole service in this process: parts to answer with, workers behind them. One per data folder."""
    require_embedded(settings)
    with ExitStack() as stack:
        lock = FolderLock(settings.data_dir)
        lock.take()
        stack.callback(lock.release)
        metrics, tracing = Metrics("serve"), Tracing(settings.otlp_url, "serve")
        stack.callback(tracing.close)
        database = Database(f"sqlite:///{settings.data_dir / 'quire.db'}")
        stack.callback(database.close)
        migrate.upgrade(database)
        metrics.watch(database)
        stack.enter_context(metrics_http.exposed(metrics, settings.metrics_host, settings.metrics_port))
        blobs = blobs_of(settings)
        stack.callback(blobs.close)
        cores = settings.cpu_processes or os.cpu_count() or 1
        cage = ProcessCage(
            cores,
            deadline_s=settings.cpu_step_timeout_s,
            memory_bytes=settings.cpu_memory_bytes,
            preload=_PRELOAD,
            meter=metrics,
        )
        stack.callback(cage.close)
        reader = engine(settings.engine_url, cage)
        stack.callback(reader.close)
        seen = ObservedReader(reader, metrics, tracing.tracer())
        adapters = _Adapters(database, ObservedBlobs(blobs, metrics), cage, seen, metrics, tracing)
        workers = _workers(settings, adapters, cores)
        http = stack.enter_context(
            guard.client(guard.PinnedBackend(settings.source_allow), settings.source_timeout_s)
        )
        parts = _parts(settings, adapters, workers, http)
        _sweep_remains(parts)
        workers.start()
        stack.callback(workers.stop)
        yield parts


@dataclass(frozen=True, slots=True)
class _Adapters:
    """What was chosen for the ports."""

    database: Database
    blobs: Blobs
    cage: ProcessCage
    reader: PageReader
    metrics: Metrics
    tracing: Tracing


class _NoWaker:
    """Stands in a context until the embedded workers put their own wakes there."""

    def wake(self, queue: str) -> None:
        """Nobody listens yet."""


def _workers(settings: Settings, chosen: _Adapters, cores: int) -> EmbeddedWorkers:
    scratch = settings.data_dir / "scratch"
    scratch.mkdir(exist_ok=True)
    reader = chosen.reader
    context = Context(
        ledger=SqlLedger(chosen.database, chosen.metrics),
        blobs=chosen.blobs,
        cage=chosen.cage,
        engines=Engines(default=reader.spec.name, readers={reader.spec.name: reader}),
        steps=steps.standard(),
        recipe=StandardDocument(chosen.cage),
        waker=_NoWaker(),
        scratch=scratch,
        meter=chosen.metrics,
        tracer=chosen.tracing.tracer(),
    )
    upkeep = Upkeep(chosen.database, chosen.blobs)
    return EmbeddedWorkers(context, slots_for(cores, reader), upkeep)


def _parts(settings: Settings, chosen: _Adapters, workers: EmbeddedWorkers, http: httpx.Client) -> Parts:
    database, pages = chosen.database, PageViews(chosen.database)
    schemas, lookup = Schemas(database, Builtins()), Lookup(database)
    return Parts(
        settings=settings,
        database=database,
        blobs=chosen.blobs,
        cage=chosen.cage,
        reader=chosen.reader,
        schemas=schemas,
        inference=Inference(lookup, pages, chosen.cage),
        lookup=lookup,
        pages=pages,
        results=Results(database, pages),
        ingest=Ingest(database, chosen.blobs, workers.wakes, SystemClock()),
        asks=Asks(schemas, chosen.reader.spec),
        keys=Keys(database),
        watch=Watch(database),
        metrics=chosen.metrics,
        tracing=chosen.tracing,
        http=http,
    )


def _sweep_remains(parts: Parts) -> None:
    """What a killed process left behind; only the sole owner of the folder may remove it."""
    uploads.sweep_staging(parts.staging)
    parts.keys.void_running()
