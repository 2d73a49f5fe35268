"""The figures of this process in Prometheus' form; `docs/operations.md` says what each is good for."""

import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from pipeline.ledger import Queue
from schemas.errors import QuireError
from schemas.page import PageState
from schemas.reading import Spent
from schemas.result import RunState
from services.stores.backlog import QueueLength, lengths
from services.stores.commands import BULK, INTERACTIVE
from services.stores.engine import Database
from workers.meter import JobOutcome, WakeStep

CONTENT_TYPE = CONTENT_TYPE_LATEST

_FRESH_S = 10.0
"""Counting 100,000 jobs takes Postgres a tenth of a second or more."""

_QUICK = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
_PRIORITIES = {INTERACTIVE: "interactive", BULK: "bulk"}
_CODES = 200


class Metrics:
    """`Meter` and more, on a registry of its own."""

    def __init__(self, process: str) -> None:
        """``process`` is its part in the service: serve, api, worker, sweeper."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._gauge("quire_build_info", "1, with what runs", "version", "process").labels(
            version("quire"), process
        ).set(1)
        self._codes: set[str] = set()
        self.signs_of_life: list[Callable[[], bool]] = []
        """What `/healthz` asks for; nothing that a database out of reach would change."""

        self._requests = self._counter(
            "quire_http_requests", "Requests answered", "method", "route", "status"
        )
        self._request_s = self._histogram(
            "quire_http_request_seconds", "Until an answer began", _QUICK, "method", "route"
        )
        self._jobs = self._histogram("quire_job_seconds", "Jobs by how they went", _SLOW, "queue", "outcome")
        self._pages = self._counter("quire_pages", "Pages that ended", "state")
        self._runs = self._counter("quire_runs", "Runs that ended", "state")
        self._tries = self._counter("quire_failed_tries", "Tries that failed", "queue", "code", "counted")
        self._engine_s = self._histogram(
            "quire_engine_seconds", "Page readings by an engine", _SLOW, "engine", "outcome"
        )
        self._tokens = self._counter("quire_engine_tokens", "Tokens spent by engines", "engine", "kind")
        self._mismatches = self._counter(
            "quire_budget_mismatches", "Pages whose visual tokens were not those of their budget", "engine"
        )
        self._kills = self._counter("quire_cage_kills", "Child processes ended over a page", "reason")
        self._wakes = self._counter("quire_wakes", "Wakes", "queue", "step")
        self._buried = self._counter("quire_lease_reclaims", "Processes whose leases were voided")
        self._suspects = self._counter("quire_suspects", "Jobs that run alone since a process died with them")
        self._deliveries = self._histogram(
            "quire_webhook_seconds", "Tries to deliver webhooks", _QUICK, "outcome"
        )
        self._blob_s = self._histogram("quire_blob_seconds", "Calls of the blob store", _QUICK, "operation")
        self._blob_errors = self._counter("quire_blob_errors", "Calls that failed", "operation", "code")

    def watch(self, database: Database) -> None:
        """Show how long the queues are, too."""
        self.registry.register(Backlog(database))

    def alive(self) -> bool:
        return all(sign() for sign in self.signs_of_life)

    def page(self) -> bytes:
        """What a scrape is answered with."""
        return generate_latest(self.registry)

    def request(self, method: str, route: str, status: int, seconds: float | None) -> None:
        self._requests.labels(method, route, str(status)).inc()
        if seconds is not None:
            self._request_s.labels(method, route).observe(seconds)

    def blob_call(self, operation: str, seconds: float, code: str | None) -> None:
        self._blob_s.labels(operation).observe(seconds)
        if code is not None:
            self._blob_errors.labels(operation, self._known(code)).inc()

    def job(self, queue: Queue, outcome: JobOutcome, seconds: float) -> None:
        self._jobs.labels(queue, outcome).observe(seconds)

    def page_ended(self, state: PageState) -> None:
        self._pages.labels(state).inc()

    def run_ended(self, state: RunState) -> None:
        self._runs.labels(state).inc()

    def try_failed(self, queue: Queue, code: str, counted: bool) -> None:
        self._tries.labels(queue, self._known(code), "yes" if counted else "no").inc()

    def engine_call(self, engine: str, outcome: str, seconds: float, spent: Spent) -> None:
        self._engine_s.labels(engine, self._known(outcome)).observe(seconds)
        for kind in ("visual", "prompt", "completion"):
            self._tokens.labels(engine, kind).inc(getattr(spent, f"{kind}_tokens"))

    def budget_mismatch(self, engine: str) -> None:
        self._mismatches.labels(engine).inc()

    def cage_killed(self, reason: str) -> None:
        self._kills.labels(self._known(reason)).inc()

    def wake(self, queue: Queue, step: WakeStep) -> None:
        self._wakes.labels(queue, step).inc()

    def buried(self, processes: int, suspects: int) -> None:
        self._buried.inc(processes)
        self._suspects.inc(suspects)

    def delivery(self, outcome: str, seconds: float) -> None:
        self._deliveries.labels(self._known(outcome)).observe(seconds)

    def _known(self, code: str) -> str:
        """Codes are few, but come from engines too: a broken one must not fill the memory with series."""
        if len(self._codes) < _CODES:
            self._codes.add(code)
        return code if code in self._codes else "other"

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)


class Backlog(Collector):
    """Asks the database at most once every few seconds, whoever scrapes and how often; one asks at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = threading.Lock()
        self._asked = float("-inf")
        self._found: list[QueueLength] | None = None

    def collect(self) -> Iterator[Metric]:
        self._look()
        found = self._found
        up = GaugeMetricFamily("quire_database_up", "Whether the database answered the last look")
        up.add_metric([], 0 if found is None else 1)
        yield up
        length = GaugeMetricFamily(
            "quire_queue_jobs", "Jobs by queue, counted up to 100,000", labels=("queue", "state")
        )
        age = GaugeMetricFamily(
            "quire_queue_age_seconds", "Waiting time of the job next in line", labels=("queue", "priority")
        )
        for queue in found or ():
            length.add_metric((queue.queue, "waiting"), queue.waiting)
            length.add_metric((queue.queue, "running"), queue.running)
            for priority, seconds in queue.age_s.items():
                age.add_metric((queue.queue, _PRIORITIES[priority]), seconds)
        yield length
        yield age

    def _look(self) -> None:
        if not self._asking.acquire(blocking=False):
            return
        try:
            if time.monotonic() - self._asked >= _FRESH_S:
                self._found = lengths(self._database)
                self._asked = time.monotonic()
        except QuireError:
            self._found, self._asked = None, time.monotonic()
        finally:
            self._asking.release()
