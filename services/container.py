"""The composition root: the only place that chooses adapters, by the URLs in the settings."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from anyio import CapacityLimiter

from model_runtime.choose import engine
from pipeline.ledger import Queue
from pipeline.ports import Blobs, Cage, PageReader, Waker
from services import metrics_http, mode, uploads
from services.access import Access, access_for
from services.admission import Admission
from services.asks import Asks
from services.batch_results import BatchResults
from services.batches import Batches
from services.builtin_schemas import Builtins
from services.clock import SystemClock
from services.corrections import Corrections
from services.errands import LateWaker, batch_steps, deliverer
from services.exports import Exports
from services.fingerprint import code_version
from services.folder_lock import FolderLock
from services.idempotency import Keys
from services.ingest import Ingest
from services.lookup import Lookup
from services.metrics import Metrics
from services.mode import Role
from services.observed import ObservedBlobs, ObservedReader
from services.page_views import PageViews
from services.query.engine import Queries
from services.results import Results
from services.schema_catalog import Schemas
from services.schema_inference import Inference
from services.search import Search
from services.settings import Settings
from services.sources import Sources, presigned_of, sources_of
from services.stores import migrate
from services.stores.choose import blobs_of
from services.stores.engine import Database
from services.stores.ledger import SqlLedger
from services.stores.upkeep import Upkeep
from services.tracing import Tracing
from services.watch import Watch
from services.webhooks import Webhooks
from services.workbooks import Workbooks
from services.worker import IN_PROCESS, Terms, Workers, slots_for
from workers import steps
from workers.batches import FOLD_S
from workers.cage import ProcessCage
from workers.celery_app import Sender
from workers.context import Context, Engines
from workers.document import StandardDocument
from workers.outbox import Outbox
from workers.pulse import Pulse
from workers.sweep import TIDY_S, Duty, Sweeper, bury

_PRELOAD = ("pipeline.recipe",)
QUEUES = tuple(Queue)

_AHEAD, _AHEAD_PER_CALL = 64, 4
"""Pages of a run prepared before they are read: enough for an engine never to wait for rendering."""


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
    queries: Queries
    search: Search
    corrections: Corrections
    exports: Exports
    workbooks: Workbooks
    ingest: Ingest
    asks: Asks
    keys: Keys
    access: Access
    admission: Admission
    webhooks: Webhooks
    batches: Batches
    batch_results: BatchResults
    watch: Watch
    metrics: Metrics
    tracing: Tracing
    sources: Sources = field(repr=False)
    fetching: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(16), repr=False)
    """Threads that wait for servers of others; all else of the API has its own."""

    drawing: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(8), repr=False)
    """Threads that wait for pages to be drawn, and for whole documents to be written."""

    @property
    def staging(self) -> Path:
        return self.settings.data_dir / "staging"


@contextmanager
def embedded(settings: Settings) -> Iterator[Parts]:
    """The whole service in this process: parts to answer with, workers behind them. One per data folder."""
    mode.require(settings, Role.SERVE)
    sole = not mode.shared(settings)
    with ExitStack() as stack:
        _own_folder(settings, stack)
        chosen = _adapters(settings, Role.SERVE, stack, connections=20)
        if sole:
            migrate.upgrade(chosen.database)
        else:
            migrate.require(chosen.database)
        terms = Terms(
            broker_url=_broker_url(settings) or IN_PROCESS,
            others=_outbox(settings, chosen.metrics, stack),
            duties=[Duty("tidy", TIDY_S, _upkeep(settings, chosen.database, chosen.blobs).tidy)],
            sole=sole,
            lease_s=settings.lease_s,
        )
        workers = _workers(settings, chosen, QUEUES, terms)
        access = access_for(settings, Role.SERVE, chosen.database)
        parts = _parts(settings, chosen, workers.waker, Keys(chosen.database), access)
        uploads.sweep_staging(parts.staging)
        if sole:  # what a killed process left behind
            parts.keys.void_running()
        workers.start()
        stack.callback(workers.stop)
        yield parts


@contextmanager
def api(settings: Settings) -> Iterator[Parts]:
    """A process that answers requests and leaves the work to others."""
    mode.require(settings, Role.API)
    with ExitStack() as stack:
        _own_folder(settings, stack)
        chosen = _adapters(settings, Role.API, stack, connections=20)
        migrate.require(chosen.database)
        access = access_for(settings, Role.API, chosen.database)
        outbox = _outbox(settings, chosen.metrics, stack)
        assert outbox is not None
        pulse = Pulse(SqlLedger(chosen.database), settings.lease_s)
        pulse.start()
        stack.callback(pulse.stop)
        keys = Keys(chosen.database, lambda: pulse.process)
        parts = _parts(settings, chosen, outbox, keys, access)
        uploads.sweep_staging(parts.staging)
        yield parts


@contextmanager
def worker(settings: Settings, queues: Sequence[Queue] = QUEUES) -> Iterator[Workers]:
    """A process that works on some queues."""
    mode.require(settings, Role.WORKER)
    with ExitStack() as stack:
        chosen = _adapters(settings, Role.WORKER, stack, connections=8)
        migrate.require(chosen.database)
        broker = _broker_url(settings)
        assert broker is not None
        terms = Terms(
            broker_url=broker,
            others=_outbox(settings, chosen.metrics, stack),
            sole=False,
            lease_s=settings.lease_s,
            grace_s=settings.shutdown_s,
        )
        workers = _workers(settings, chosen, queues, terms)
        workers.start()
        stack.callback(workers.stop)
        chosen.metrics.signs_of_life.append(workers.alive)
        yield workers


@contextmanager
def sweep(settings: Settings) -> Iterator[None]:
    """A process that gives silent workers up and removes what has to go. Several do no harm."""
    mode.require(settings, Role.SWEEP)
    with ExitStack() as stack:
        database = _database(settings, stack, connections=2)
        migrate.require(database)
        metrics = _metrics(settings, Role.SWEEP, database, stack)
        upkeep = _upkeep(settings, database, _blobs(settings, metrics, stack))
        ledger = SqlLedger(database, metrics)
        sweeper = Sweeper([bury(ledger, settings.lease_s), Duty("tidy", TIDY_S, upkeep.tidy)])
        sweeper.start()
        stack.callback(sweeper.stop)
        metrics.signs_of_life.append(sweeper.alive)
        yield


@dataclass(frozen=True, slots=True)
class _Adapters:
    """What was chosen for the ports."""

    database: Database
    blobs: Blobs
    cage: ProcessCage
    reader: PageReader
    metrics: Metrics
    tracing: Tracing


def _own_folder(settings: Settings, stack: ExitStack) -> None:
    """Uploads in progress are one process's; so is SQLite."""
    stack.enter_context(FolderLock(settings.data_dir))


def _database(settings: Settings, stack: ExitStack, connections: int) -> Database:
    database = Database(mode.database_url(settings), pool_size=connections)
    stack.callback(database.close)
    return database


def _adapters(settings: Settings, role: Role, stack: ExitStack, connections: int) -> _Adapters:
    database = _database(settings, stack, connections)
    metrics = _metrics(settings, role, database, stack)
    cage = ProcessCage(
        _cores(settings),
        deadline_s=settings.cpu_step_timeout_s,
        memory_bytes=settings.cpu_memory_bytes,
        preload=_PRELOAD,
        meter=metrics,
    )
    stack.callback(cage.close)
    key = settings.engine_key
    reader = engine(settings.engine_url, cage, key.get_secret_value() if key is not None else None)
    stack.callback(reader.close)
    tracing = Tracing(settings.otlp_url, role)
    stack.callback(tracing.close)
    seen = ObservedReader(reader, metrics, tracing.tracer())
    return _Adapters(database, _blobs(settings, metrics, stack), cage, seen, metrics, tracing)


def _blobs(settings: Settings, metrics: Metrics, stack: ExitStack) -> ObservedBlobs:
    blobs = blobs_of(settings)
    stack.callback(blobs.close)
    return ObservedBlobs(blobs, metrics)


def _upkeep(settings: Settings, database: Database, blobs: Blobs) -> Upkeep:
    uploaded = presigned_of(settings, database)
    return Upkeep(database, blobs, acts_kept_days=settings.audit_days, also=(uploaded.sweep,))


def _metrics(settings: Settings, role: Role, database: Database, stack: ExitStack) -> Metrics:
    metrics = Metrics(role)
    if role is not Role.WORKER:  # there are many of them, and one look says it all
        metrics.watch(database)
    stack.enter_context(metrics_http.exposed(metrics, settings.metrics_host, settings.metrics_port))
    return metrics


def _cores(settings: Settings) -> int:
    return settings.cpu_processes or os.cpu_count() or 1


def _broker_url(settings: Settings) -> str | None:
    return settings.broker_url.get_secret_value() if settings.broker_url is not None else None


def _outbox(settings: Settings, meter: Metrics, stack: ExitStack) -> Outbox | None:
    """Carries wakes to other processes, where there are any."""
    broker = _broker_url(settings)
    if broker is None:
        return None
    outbox = Outbox(partial(Sender, broker), meter)
    outbox.start()
    stack.callback(outbox.stop)
    return outbox


def _workers(settings: Settings, chosen: _Adapters, queues: Sequence[Queue], terms: Terms) -> Workers:
    scratch = settings.data_dir / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    reader, waker = chosen.reader, LateWaker()
    errand = batch_steps(
        settings, chosen.database, chosen.blobs, chosen.cage, waker=waker, meter=chosen.metrics
    )
    context = Context(
        ledger=SqlLedger(chosen.database, chosen.metrics),
        blobs=chosen.blobs,
        cage=chosen.cage,
        engines=Engines(default=reader.spec.name, readers={reader.spec.name: reader}),
        steps=steps.standard(),
        recipe=StandardDocument(chosen.cage),
        waker=waker,
        scratch=scratch,
        errands={
            Queue.DELIVER: deliverer(settings, chosen.database, chosen.metrics, chosen.tracing.tracer()),
            Queue.BATCH: errand,
        },
        ahead=max(_AHEAD, _AHEAD_PER_CALL * reader.spec.max_in_flight),
        meter=chosen.metrics,
        tracer=chosen.tracing.tracer(),
        version=code_version(),
    )
    # Like burying, it must not hang on one process being there.
    terms = replace(terms, duties=[*terms.duties, Duty("fold", FOLD_S, errand.fold)])
    workers = Workers(context, slots_for(queues, _cores(settings), reader), terms)
    waker.target = workers.waker
    return workers


def _parts(settings: Settings, chosen: _Adapters, waker: Waker, keys: Keys, access: Access) -> Parts:
    database, pages = chosen.database, PageViews(chosen.database)
    schemas, lookup = Schemas(database, Builtins()), Lookup(database)
    webhooks = Webhooks(database, waker, settings.webhook_allow, public=settings.reach_public)
    results, kept = Results(database, pages), mode.retention(settings)
    ingest = Ingest(database, chosen.blobs, waker, SystemClock(), kept)
    batches = Batches(database, ingest, waker)
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
        results=results,
        queries=Queries(database),
        search=Search(database),
        corrections=Corrections(database, lookup, chosen.cage),
        exports=Exports(pages, chosen.blobs, chosen.cage, settings.data_dir / "staging"),
        workbooks=Workbooks(database, pages, settings.data_dir / "staging"),
        ingest=ingest,
        asks=Asks(schemas, chosen.reader.spec, webhooks),
        keys=keys,
        access=access,
        admission=Admission(database, settings.max_backlog_pages),
        webhooks=webhooks,
        batches=batches,
        batch_results=BatchResults(database, batches, lookup, results),
        watch=Watch(database),
        metrics=chosen.metrics,
        tracing=chosen.tracing,
        sources=sources_of(settings, database),
    )
