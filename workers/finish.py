"""The last job of a run: has the document-level passes made and stores what they yield, piece by piece."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.ledger import Claim, EndedPage, Ledger, Queue, UnitOfWork
from schemas.errors import NotFound
from schemas.page import PageContent
from workers.commit import Commit
from workers.context import Context
from workers.orders import request_of
from workers.recipe import Ask

_CHUNK = 16
_FLUSH_BYTES = 1 << 20
_FLUSH_OVERLAYS = 500
_WAKES = 8
_FLUSH_TEXTS = 100  # a dense page has a thousand words, each to be put into an index


@dataclass(frozen=True, slots=True)
class FinishJob:
    context: Context
    commit: Commit

    def finish(self, claim: Claim, lost: Callable[[], bool]) -> None:  # noqa: ARG002  # every job is called alike
        request, sink = request_of(claim), _Sink(claim, self.commit)
        ask = Ask(
            request,
            self.context.engines.named(request.engine).spec,
            claim.facts.schema,
            claim.facts.warnings,
        )
        outcome = self.context.recipe.finish(ask, _Pages(self.context.ledger, claim), sink)
        sink.flush()
        self.commit(claim, lambda unit: unit.end_run(outcome))
        self.context.waker.wake(Queue.DELIVER)
        for _ in range(min(_WAKES, len(outcome.split.parts) if outcome.split else 0)):
            self.context.waker.wake(Queue.PLAN)


@dataclass(frozen=True, slots=True)
class _Pages:
    ledger: Ledger
    claim: Claim

    def summaries(self) -> Iterator[tuple[int, dict[str, Any]]]:
        return self.ledger.summaries(self.claim.run, 500)

    def content(self, number: int) -> PageContent:
        stored = self.ledger.content(self.claim.run, number)
        if stored is None:
            raise NotFound("page_not_found", f"page {number} has no content")
        return PageContent.model_validate_json(stored)

    def chunks(self) -> Iterator[Sequence[EndedPage]]:
        return self.ledger.ended_pages(self.claim.run, _CHUNK)


class _Sink:
    """Collects a little, then writes it; a job begun anew overwrites what an earlier try left."""

    def __init__(self, claim: Claim, commit: Commit) -> None:
        self._claim = claim
        self._commit = commit
        self._overlays: list[tuple[int, dict[str, Any]]] = []
        self._texts: list[tuple[int, str]] = []
        self._texts_written = False
        self._parts: dict[str, list[bytes]] = {"table": [], "chart": []}
        self._written = {"table": 0, "chart": 0}
        self._bytes = 0

    def overlay(self, number: int, overlay: dict[str, Any]) -> None:
        self._overlays.append((number, overlay))
        if len(self._overlays) >= _FLUSH_OVERLAYS:
            self.flush()

    def text(self, number: int, text: str) -> None:
        self._texts.append((number, text))
        self._bytes += len(text)
        if self._bytes >= _FLUSH_BYTES or len(self._texts) >= _FLUSH_TEXTS:
            self.flush()

    def table(self, content: bytes) -> None:
        self._part("table", content)

    def chart(self, content: bytes) -> None:
        self._part("chart", content)

    def _part(self, kind: str, content: bytes) -> None:
        self._parts[kind].append(content)
        self._bytes += len(content)
        if self._bytes >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        overlays, parts, texts = self._overlays, self._parts, self._texts

        def write(unit: UnitOfWork) -> None:
            unit.overlay(overlays)
            if texts or not self._texts_written:
                unit.texts(texts, first=not self._texts_written)
            for kind, contents in parts.items():
                if contents or not self._written[kind]:
                    unit.parts(kind, self._written[kind], contents)

        self._commit(self._claim, write)
        self._texts, self._texts_written = [], True
        for kind, contents in parts.items():
            self._written[kind] += len(contents)
        self._overlays, self._parts, self._bytes = [], {"table": [], "chart": []}, 0
