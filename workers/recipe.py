"""The port of the passes over a whole document, which read its ended pages a few at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.ledger import EndedPage, Outcome
from schemas.engine import EngineSpec
from schemas.page import PageContent
from schemas.request import Request


class PagesOfRun(Protocol):
    """The ended pages of a run; every call reads them anew, a few at a time."""

    def summaries(self) -> Iterator[tuple[int, dict[str, Any]]]: ...

    def content(self, number: int) -> PageContent:
        """One page as it was read."""

    def chunks(self) -> Iterator[Sequence[EndedPage]]: ...


class Sink(Protocol):
    """Where the passes leave what they found; it is stored in pieces, before the run ends."""

    def overlay(self, number: int, overlay: dict[str, Any]) -> None: ...

    def text(self, number: int, text: str) -> None:
        """What a page says, to be found by its words."""

    def table(self, content: bytes) -> None: ...

    def chart(self, content: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """What a document is finished for; ``warnings`` are those found when it was opened."""

    request: Request
    engine: EngineSpec
    schema: dict[str, Any] | None
    warnings: Sequence[dict[str, Any]]


class DocumentRecipe(Protocol):
    """What is done with a document as a whole."""

    def finish(self, ask: Ask, pages: PagesOfRun, sink: Sink) -> Outcome: ...
