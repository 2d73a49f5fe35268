"""The port to the transactional store: what running a document needs of it.

A worker claims a job, works outside any transaction, and commits inside ``Ledger.holding(claim)``, which
fails with `Fenced` when the job has meanwhile been given to somebody else, cancelled or deleted.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pipeline.orders import PageImage
from pipeline.ports import BlobKey
from schemas.errors import Conflict, ErrorInfo
from schemas.field import Field
from schemas.ids import DocumentId, JobId, ProcessId, RunId, TenantId
from schemas.page import PageState
from schemas.reading import Spent
from schemas.result import RunState
from schemas.split import Split


class Queue(StrEnum):
    PLAN = "plan"
    RASTER = "raster"
    READ = "read"
    FINISH = "finish"
    DELIVER = "deliver"
    BATCH = "batch"


class Fenced(Conflict):
    """The work is no longer ours to commit."""

    code = "fenced"


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that asked for a run: its id, and its place in a trace as W3C writes it."""

    request_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the steps of a run need to know of it and of its document."""

    source: BlobKey
    media_type: str
    request: dict[str, Any]
    schema: dict[str, Any] | None
    password: str | None = field(default=None, repr=False)
    based_on: RunId | None = None
    of_file: bool = False
    """``based_on`` is a run of the file that the document is part of, not one of its own."""

    part: str | None = None
    """Pages of the file that the document is, where it is a part of a scan; `1-3`."""

    warnings: tuple[dict[str, Any], ...] = ()
    origin: Origin = field(default_factory=Origin)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job leased to one process; ``token`` is what its commits must still hold.

    ``page`` is the page to start at, ``pages`` those of a raster job. ``alone``: it was in flight when a
    process died, so it must run with nothing beside it. ``reuse``: what its pages waited for has ended.
    """

    job: JobId
    token: int
    queue: Queue
    tenant: TenantId
    document: DocumentId
    run: RunId
    page: int | None
    pages: tuple[int, ...]
    attempts: int
    setbacks: int
    alone: bool
    facts: RunFacts
    prepared: bytes | None = field(default=None, repr=False)
    image: "StoredImage | None" = None
    reuse: bool = False

    @property
    def key(self) -> tuple[JobId, int]:
        return self.job, self.token


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A page image in the blob store, a cache."""

    blob: BlobKey
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What planning found out and the run keeps: the engine chosen, warnings about the document.

    ``reuse`` is the same for two documents of a tenant when the same page of both would be read alike.
    ``asks``: there are questions, and the engine answers such; pages read without them are asked for more.
    ``looks``: the engine itself looks for the fields; a part's pages, read without them, are asked for more.
    """

    engine: dict[str, Any]
    warnings: tuple[dict[str, Any], ...] = ()
    reuse: str | None = None
    asks: bool = False
    looks: bool = False


@dataclass(frozen=True, slots=True)
class PageEnd:
    """How a page ended. ``content`` is the JSON of a `PageContent`."""

    number: int
    state: PageState
    error: ErrorInfo | None = None
    content: bytes | None = field(default=None, repr=False)
    geometry: dict[str, Any] | None = None
    budget: dict[str, Any] | None = None
    summary: dict[str, Any] | None = field(default=None, repr=False)
    spent: Spent = field(default_factory=Spent)
    attempts: int = 1
    reused: bool = False


@dataclass(frozen=True, slots=True)
class PageToRead:
    """A page that an engine must read: ``prepared`` is the JSON of its `PreparedPage` without image bytes."""

    number: int
    prepared: bytes = field(repr=False)
    image: PageImage = field(repr=False)


@dataclass(frozen=True, slots=True)
class EndedPage:
    """A page of a run whose pages have all ended, as the document-level passes see it."""

    number: int
    state: PageState
    error: ErrorInfo | None
    summary: dict[str, Any] | None
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that went wrong. ``counted``: against the page; not so what is ours or a neighbour's fault."""

    error: ErrorInfo
    counted: bool
    ms: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """When and how a job is tried again. ``alone``: with nothing beside it, from now on."""

    delay_s: float
    counted: bool
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the whole document yielded; ``summary`` holds warnings, extraction, extraction_valid, answers.

    ``split``: the documents it consists of, which become its children when its run ends.
    """

    state: RunState
    error: ErrorInfo | None
    summary: dict[str, Any]
    fields: Sequence[Field] = ()
    split: Split | None = None


class UnitOfWork(Protocol):
    """One transaction in the name of a claim that is still held; committed when its context ends well."""

    def alone(self) -> None:
        """It runs with nothing beside it from now on: should the process die, this was the cause."""

    def plan(self, pages: Sequence[int], chunk: int, facts: PlanFacts) -> None:
        """The run's pages: those read before are copied, those being read waited for, the others get jobs."""

    def look_again(self) -> Sequence[int]:
        """What its pages waited for has ended: those to read after all; others are copied or wait again."""

    def work_on(self, page: int) -> None:
        """Which page of the job is next: the one to blame should the process die."""

    def remaining(self) -> Sequence[int]:
        """Pages of the job from the one being worked on to the last."""

    def end_page(self, end: PageEnd) -> int | None:
        """The one way for a page to end: how many are left to end, or None when it had ended before."""

    def to_read(self, page: PageToRead, image: BlobKey) -> None:
        """The page is prepared; an engine reads it next."""

    def render_again(self) -> None:
        """The image of this read job is gone from the cache."""

    def hold_off(self, delay_s: float) -> None:
        """Give the job back, and let those like it of this run wait too."""

    def split(self, page: int, later: Later) -> None:
        """Try one page of many again by itself, so that the others go on."""

    def later(self, later: Later) -> None:
        """Give the job back."""

    def failed(self, failure: Failure) -> None:
        """Log a failed try."""

    def done(self) -> None:
        """Nothing is left to do."""

    def overlay(self, overlays: Iterable[tuple[int, dict[str, Any]]]) -> None:
        """What the document says about its pages, by page number."""

    def parts(self, kind: str, start: int, contents: Sequence[bytes]) -> None:
        """Tables or charts of the run, in order from ordinal ``start``."""

    def texts(self, pages: Sequence[tuple[int, str]], *, first: bool) -> None:
        """Texts of pages by number, to be found by their words; ``first``: an earlier try's go."""

    def end_run(self, outcome: Outcome) -> None:
        """The one way for a run to end; its jobs, this one among them, are gone."""


class Ledger(Protocol):
    """The transactional store as workers see it. Raises `StoreUnavailable` when it is out of reach."""

    def claim(self, queue: Queue, process: ProcessId) -> Claim | None: ...

    def holding(self, claim: Claim) -> AbstractContextManager[UnitOfWork]: ...

    def upload(self, tenant: TenantId, digest: str, size: int) -> tuple[BlobKey, bool]:
        """Announce bytes: where to store them, and whether that is still needed."""

    def summaries(self, run: RunId, chunk: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Page numbers and summaries, in order, read a few at a time."""

    def content(self, run: RunId, number: int) -> bytes | None:
        """JSON of the `PageContent` of one page."""

    def ended_pages(self, run: RunId, chunk: int) -> Iterator[Sequence[EndedPage]]:
        """Pages in order, a few at a time; no transaction is open in between."""

    def unread(self, run: RunId) -> int:
        """Pages of a run that are prepared and wait for an engine, or are with one."""

    def runnable(self) -> dict[Queue, int]:
        """How many jobs of each queue could be claimed now, counted up to a bound."""

    def enrol(self, process: ProcessId, host: str, pid: int) -> None:
        """Make a process known: from now on it may lease jobs."""

    def beat(self, process: ProcessId) -> None:
        """Renew all leases of a process with one UPDATE."""

    def held(self, process: ProcessId) -> set[tuple[JobId, int]]:
        """What a process still leases; the rest was cancelled, deleted or given to others."""

    def resign(self, process: ProcessId) -> None:
        """Hand everything back without blame."""

    def bury(self, silent_s: float, deaths_allowed: int) -> int:
        """Void the leases of processes silent for so long; how many there were.

        What they had in flight becomes suspect and runs alone from now on; what had run alone through
        ``deaths_allowed`` deaths is quarantined.
        """
