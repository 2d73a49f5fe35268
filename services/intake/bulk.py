"""The work of `quire bulk`: every document of the journal sent, waited for, and its results written once."""

import hashlib
import json
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from quire_client import Document, Export, NotFound, Problem, Quire, Request, RequestInvalid
from services import cli_format
from services.intake.files import FileGone, open_regular
from services.intake.journal import Item, Journal, State

_LOOK_S = 0.2
_OURS = 500
_OF_ALL = frozenset({401, 403, 405, 422, 429, 502, 503, 504})


class Written(StrEnum):
    """What is written of each document besides its JSON."""

    MD = "md"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of every document, and where its results go."""

    request: Request
    also: frozenset[Written]
    out: Path
    parts: Path
    """For files that are being written; in the same file system as ``out``."""

    def key(self, item: Item, digest: str) -> str:
        """The same for the same bytes at the same path under the same request, whoever sends them when."""
        said = json.dumps(
            [item.origin.hex(), digest, item.attempt, dict(self.request)], sort_keys=True, ensure_ascii=False
        )
        return f"bulk-{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()}"


def identity(request: Request, also: frozenset[Written]) -> str:
    """What makes a request another one. A password does not: it opens a document, and is kept nowhere."""
    members = {name: value for name, value in request.items() if name != "password"}
    said = json.dumps([members, sorted(also)], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


class Bulk:
    """``in_flight`` documents at once, each in a thread that sends, waits and writes."""

    def __init__(
        self,
        quire: Quire,
        journal: Journal,
        order: Order,
        in_flight: int,
        told: Callable[[State], None],
    ) -> None:
        """``told`` is called for each document that has ended, from any thread."""
        self._quire = quire
        self._journal = journal
        self._order = order
        self._told = told
        self._waiting: queue.Queue[Item | None] = queue.Queue(in_flight)
        self._in_flight = in_flight
        self._busy = 0
        self._busy_lock = threading.Lock()
        self._stop = threading.Event()
        self._fault: BaseException | None = None

    def run(self) -> None:
        """Returns when nothing is left to do. Raises what ends the run for all documents."""
        # Daemons: a run that is interrupted leaves them behind wherever they are, and the journal knows.
        threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(self._in_flight)]
        for thread in threads:
            thread.start()
        try:
            self._feed()
        except BaseException:
            self._stop.set()
            raise
        if self._fault is not None:
            raise self._fault
        for _ in threads:
            self._waiting.put(None)
        for thread in threads:
            thread.join()

    def _feed(self) -> None:
        last = 0
        while not self._stop.is_set():
            with self._busy_lock:
                idle = self._busy == 0
            items = self._journal.open_after(last)
            if not items:
                if idle:  # looked at before the journal: nobody can have added members since
                    return
                self._stop.wait(_LOOK_S)
            for item in items:
                if not self._put(item):
                    return
                last = item.id

    def _put(self, item: Item) -> bool:
        with self._busy_lock:
            self._busy += 1
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._waiting.put(item, timeout=_LOOK_S)
                return True
        return False

    def _serve(self) -> None:
        while (item := self._waiting.get()) is not None and not self._stop.is_set():
            try:
                self._one(item)
            except BaseException as error:  # noqa: BLE001  # raised again by `run`
                self._fault = self._fault or error
                self._stop.set()
                return
            with self._busy_lock:
                self._busy -= 1

    def _one(self, item: Item) -> None:
        state = State.FAILED
        try:
            document = self._ended(item)
            if document["state"] in ("succeeded", "partial"):
                self._write(item, document)
                state = State(document["state"])
                self._journal.ended(item, state)
            else:
                code, detail, retryable = _fault_of(document)
                self._journal.failed(item, code, detail, retryable=retryable)
        except FileGone as error:
            self._journal.failed(item, error.code, error.detail, retryable=True)
        except OSError as error:
            self._journal.failed(item, "not_written", f"cannot be written: {error.strerror}", retryable=True)
        except Problem as problem:
            if _of_all(problem):
                raise
            self._journal.failed(item, problem.code, problem.detail, retryable=problem.status >= _OURS)
        self._told(state)

    def _ended(self, item: Item) -> Document:
        if item.remote_id is not None:
            try:
                return self._quire.documents.wait(item.remote_id)
            except NotFound:
                # Expired, deleted, or another service than last time.
                item = self._journal.anew(item)
        try:
            document = self._send(item)
        except RequestInvalid as problem:
            if problem.code != "idempotency_key_reused":
                raise
            # It was written to between its digest and its sending, when it was sent before.
            document = self._send(self._journal.anew(item))
        self._journal.sent(item, document["id"])
        return self._quire.documents.wait(document["id"])

    def _send(self, item: Item) -> Document:
        with open_regular(Path(os.fsdecode(item.origin))) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            document = self._quire.documents.submit(
                file,
                filename=item.shown.rsplit("/", 1)[-1],
                idempotency_key=self._order.key(item, digest),
                **self._order.request,
            )
        if document["sha256"] != digest:
            self._quire.documents.delete(document["id"])
            raise FileGone(detail="it was written to while it was sent")
        return document

    def _write(self, item: Item, document: Document) -> None:
        target = self._order.out / item.output
        target.parent.mkdir(parents=True, exist_ok=True)
        part = self._order.parts / str(item.id)
        for form in (*self._order.also, None):  # the JSON last: where it is, the others are
            if form is Written.CSV:
                result = self._quire.documents.result(document["id"], include=("fields", "tables"))
                with part.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(f"{line}\n" for line in cli_format.csv(dict(result), Path(item.shown)))
            else:
                export = Export.JSON if form is None else Export.MARKDOWN
                self._quire.documents.save(document["id"], part, export)
            part.replace(target.with_name(f"{target.name}.{form or 'json'}"))


def _fault_of(document: Document) -> tuple[str, str, bool]:
    error = document["error"]
    if error is None:  # somebody cancelled it
        return document["state"], f"the run was {document['state']}", True
    return error["code"], error["detail"], error["retryable"]


def _of_all(problem: Problem) -> bool:
    """What would be said of every document: the key, the request, the address; or patience is at its end."""
    return problem.status in _OF_ALL or problem.code in ("route_not_found", "http_error")
