"""What the jobs of a worker process work with, handed in by whoever starts it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from opentelemetry.trace import NoOpTracer, Tracer

from pipeline.ledger import Ledger, Queue
from pipeline.ports import Blobs, Cage, PageReader, Waker
from schemas.errors import RequestInvalid
from schemas.ids import ProcessId
from workers.meter import Meter, Unmeasured
from workers.recipe import DocumentRecipe
from workers.steps import Steps

P = ParamSpec("P")
R = TypeVar("R")


class ScopedCage(Cage, Protocol):
    """A cage whose calls can be given limits and an end; `workers.cage.ProcessCage` is one."""

    def within(
        self,
        *,
        deadline_s: float | None = None,
        cancelled: Callable[[], bool] | None = None,
        affinity: str | None = None,
        alone: bool = False,
    ) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class Engines:
    """The configured engines by name; ``auto`` means the default."""

    default: str
    readers: Mapping[str, PageReader]

    def named(self, name: str) -> PageReader:
        try:
            return self.readers[self.default if name == "auto" else name]
        except KeyError:
            raise RequestInvalid("engine_unknown", f"no engine is called {name[:40]!r} here") from None


class Errands(Protocol):
    """The work of a queue whose jobs belong to no run. It fails, retries and commits by itself."""

    def one(self, process: ProcessId) -> bool:
        """Do one job; False when none can be claimed."""

    def abandon(self) -> None:
        """The process has to end: wait for no outage any more."""


@dataclass(frozen=True, slots=True)
class Context:
    """``scratch`` is a folder for files that live as long as one step."""

    ledger: Ledger
    blobs: Blobs
    cage: ScopedCage
    engines: Engines
    steps: Steps
    recipe: DocumentRecipe
    waker: Waker
    scratch: Path
    errands: Mapping[Queue, Errands] = field(default_factory=dict)
    meter: Meter = field(default_factory=Unmeasured)
    tracer: Tracer = field(default_factory=NoOpTracer)
    version: str = ""
    """Of the code that reads: pages read by another are not used again."""

    chunk: int = 8
    """Pages per raster job: enough to keep a file open in one child, few enough to spread a document."""

    ahead: int = 64
    """Pages of one run that may be prepared and still unread: it bounds the page images on disk."""
