"""The calls of the REST API that measurements need, over HTTP as any caller would make them."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from schemas.result import Result

T = TypeVar("T")
R = TypeVar("R")

TERMINAL = frozenset({"succeeded", "partial", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one file ended: refused at the door, or as a document in a terminal state."""

    path: Path
    seconds: float
    status: int
    document: dict[str, Any] = field(default_factory=dict)
    problem: dict[str, Any] = field(default_factory=dict)
    result: Result | None = None

    @property
    def state(self) -> str:
        return str(self.document.get("state") or f"refused {self.status} {self.problem.get('code')}")


class Api:
    """``revive`` is called when nobody answers; it returns once the service answers again, or raises."""

    def __init__(
        self,
        url: str,
        *,
        in_flight: int = 2,
        patience_s: float = 900.0,
        revive: Callable[[], None] | None = None,
    ) -> None:
        self.http = httpx.Client(base_url=url, timeout=httpx.Timeout(120.0))
        self.in_flight = in_flight
        self.patience_s = patience_s
        self._revive = revive

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def _insist(self, call: Callable[[], R]) -> R:
        """Calls again after reviving the service; documents under way go on where they stopped."""
        try:
            return call()
        except httpx.TransportError:
            if self._revive is None:
                raise
            self._revive()
            return call()

    def post(self, path: Path, request: dict[str, Any] | None = None) -> httpx.Response:
        with path.open("rb") as file:
            parts: dict[str, Any] = {"file": (path.name, file)}
            if request:
                parts["request"] = (None, json.dumps(request), "application/json")
            return self.http.post("/v1/documents", files=parts)

    def document(self, document_id: str, wait_s: int = 0) -> dict[str, Any]:
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        answer = self.http.get(f"/v1/documents/{document_id}", headers=headers)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def wait(self, document_id: str) -> dict[str, Any]:
        """The document once it is in a terminal state, or as it is when patience ends."""
        deadline = time.monotonic() + self.patience_s
        document = self._insist(lambda: self.document(document_id))
        while document["state"] not in TERMINAL and time.monotonic() < deadline:
            document = self._insist(lambda: self.document(document_id, wait_s=20))
        return document

    def result(self, document_id: str) -> Result | None:
        """The result, or None where there is none (a document that failed as a whole)."""
        answer = self._insist(lambda: self.http.get(f"/v1/documents/{document_id}/result"))
        if answer.status_code == 409:
            return None
        answer.raise_for_status()
        return Result.model_validate_json(answer.content)

    def read(self, path: Path, request: dict[str, Any] | None = None) -> Outcome:
        """Post a file, wait until it is done, fetch its result."""
        begun = time.monotonic()
        answer = self._insist(lambda: self.post(path, request))
        if answer.status_code >= 400:
            is_json = "json" in answer.headers.get("content-type", "")
            problem = answer.json() if is_json else {"detail": answer.text[:200]}
            return Outcome(path, time.monotonic() - begun, answer.status_code, problem=problem)
        document = self.wait(answer.json()["id"])
        seconds = time.monotonic() - begun
        result = self.result(document["id"]) if document["state"] in TERMINAL else None
        return Outcome(path, seconds, answer.status_code, document, result=result)

    def each(self, call: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Calls for all items, ``in_flight`` at a time, answers in the order of the items."""
        with ThreadPoolExecutor(self.in_flight) as pool:
            yield from pool.map(call, items)
