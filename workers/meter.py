"""The port of measurement: what happens while documents are worked on, told to whoever counts it.

What is told is of a bounded kind (queues, states, codes), never an id, a name or a text of anybody's.
"""

from typing import Literal, Protocol

from pipeline.ledger import Queue
from schemas.page import PageState
from schemas.reading import Spent
from schemas.result import RunState

JobOutcome = Literal["done", "failed", "lost"]
WakeStep = Literal["sent", "answered", "unsent"]


class Meter(Protocol):
    """Called from many threads; it is quick, and it raises nothing."""

    def job(self, queue: Queue, outcome: JobOutcome, seconds: float) -> None: ...

    def page_ended(self, state: PageState) -> None: ...

    def run_ended(self, state: RunState) -> None: ...

    def try_failed(self, queue: Queue, code: str, counted: bool) -> None:
        """``counted``: against the page; not so what is ours or a neighbour's fault."""

    def engine_call(self, engine: str, outcome: str, seconds: float, spent: Spent) -> None:
        """``outcome``: ok, cancelled, or the code of the error."""

    def budget_mismatch(self, engine: str) -> None:
        """The engine counted other visual tokens than the page's budget foresaw."""

    def cage_killed(self, reason: str) -> None: ...

    def wake(self, queue: Queue, step: WakeStep) -> None: ...

    def buried(self, processes: int, suspects: int) -> None:
        """Processes given up for dead, and the jobs that run alone for it."""

    def delivery(self, outcome: str, seconds: float) -> None:
        """A webhook was tried; ``outcome``: delivered, or the code of what went wrong."""


class Unmeasured:
    """`Meter` where nobody counts."""

    def job(self, queue: Queue, outcome: JobOutcome, seconds: float) -> None: ...

    def page_ended(self, state: PageState) -> None: ...

    def run_ended(self, state: RunState) -> None: ...

    def try_failed(self, queue: Queue, code: str, counted: bool) -> None: ...

    def engine_call(self, engine: str, outcome: str, seconds: float, spent: Spent) -> None: ...

    def budget_mismatch(self, engine: str) -> None: ...

    def cage_killed(self, reason: str) -> None: ...

    def wake(self, queue: Queue, step: WakeStep) -> None: ...

    def buried(self, processes: int, suspects: int) -> None: ...

    def delivery(self, outcome: str, seconds: float) -> None: ...
