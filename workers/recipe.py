"""The port of the passes over a whole document, which read its ended pages a few at a time."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from pipeline.ledger import EndedPage, Outcome
from schemas.request import Request


class PagesOfRun(Protocol):
    """The ended pages of a run; every call reads them anew, a few at a time."""

    def summaries(self) -> Iterator[tuple[int, dict[str, Any]]]: ...

    def chunks(self) -> Iterator[Sequence[EndedPage]]: ...


class Sink(Protocol):
    """Where the passes leave what they found; it is stored in pieces, before the run ends."""

    def overlay(self, number: int, overlay: dict[str, Any]) -> None: ...

    def table(self, content: bytes) -> None: ...

    def chart(self, content: bytes) -> None: ...


class DocumentRecipe(Protocol):
    """What is done with a document as a whole."""

    def finish(
        self,
        request: Request,
        schema: dict[str, Any] | None,
        warnings: Sequence[dict[str, Any]],
        pages: PagesOfRun,
        sink: Sink,
    ) -> Outcome: ...
