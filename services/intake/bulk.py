"""The work of `quire bulk`: every document of the journal sent, waited for, and its results written once."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from quire_client import Document, Export, NotFound, Problem, Quire, Request, RequestInvalid
from services import cli_format
from services.intake.crew import Crew
from services.intake.files import FileGone, open_regular
from services.intake.journal import Item, Journal, Kind, New, State
from services.intake.verdicts import fault_of, of_all, of_ours


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
        return f"bulk-{identity(self.request, item.origin.hex(), digest, item.attempt)}"

    @property
    def identity(self) -> str:
        """What makes it another order."""
        return identity(self.request, *sorted(self.also))


def identity(request: Request, *more: str | int) -> str:
    """A digest. A password is no part of it: it opens a document, and is to be found out from nothing."""
    members = {name: value for name, value in request.items() if name != "password"}
    said = json.dumps([members, more], sort_keys=True, ensure_ascii=False)
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
        self._crew = Crew(in_flight, self._one)

    def run(self) -> None:
        """Returns when nothing is left to do. Raises what ends the run for all documents."""
        last = 0
        while True:
            idle = self._crew.idle
            items = self._journal.open_after(last)
            if not items and idle:  # asked before the journal was: nobody can have added members since
                self._crew.check()
                return
            if not items:
                self._crew.pause()
            for item in items:
                self._crew.hand(item)
                last = item.id

    def _one(self, item: Item) -> None:
        state = State.FAILED
        try:
            state = self._unpacked(item) if item.kind is Kind.ARCHIVE else self._read(item)
        except FileGone as error:
            self._journal.failed(item, error.code, error.detail, retryable=True)
        except OSError as error:
            self._journal.failed(item, "not_written", f"cannot be written: {error.strerror}", retryable=True)
        except Problem as problem:
            if of_all(problem):
                raise
            self._journal.failed(item, problem.code, problem.detail, retryable=of_ours(problem))
        self._told(state)

    def _read(self, item: Item) -> State:
        document = self._ended(item)
        if document["state"] not in ("succeeded", "partial"):
            code, detail, retryable = fault_of(document)
            self._journal.failed(item, code, detail, retryable=retryable)
            return State.FAILED
        self._write(item, document)
        self._journal.ended(item, state := State(document["state"]))
        return state

    def _ended(self, item: Item) -> Document:
        if item.remote_id is not None:
            try:
                return self._quire.documents.wait(item.remote_id)
            except NotFound:
                if item.kind is Kind.MEMBER:
                    raise  # there is nothing here that could be sent
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

    def _unpacked(self, item: Item) -> State:
        """Have the service take an archive apart; what it has read of it is noted as it comes."""
        batch_id = self._still_there(item)
        if batch_id is None:
            item = self._journal.anew(item) if item.remote_id is not None else item
            with open_regular(Path(os.fsdecode(item.origin))) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                batch = self._quire.batches.archive(
                    file,
                    filename=item.shown.rsplit("/", 1)[-1],
                    idempotency_key=self._order.key(item, digest),
                    **self._order.request,
                )
            batch_id = str(batch["id"])
            self._journal.sent(item, batch_id)
        for line in self._quire.batches.results(batch_id, follow=True, include=()):
            self._journal.add([_member(item, line)])
        error = self._quire.batches.get(batch_id)["error"]
        if error is not None:
            self._journal.failed(item, error["code"], error["detail"], retryable=error["retryable"])
            return State.FAILED
        self._journal.ended(item, State.UNPACKED)
        return State.UNPACKED

    def _still_there(self, item: Item) -> str | None:
        """The batch that was made of an archive; None where there is none, or none any more."""
        if item.remote_id is None:
            return None
        try:
            self._quire.batches.get(item.remote_id)
        except NotFound:  # expired, deleted, or another service than last time
            return None
        return item.remote_id


def _member(archive: Item, line: Mapping[str, Any]) -> New:
    error = line["error"] if line["document_id"] is None else None
    return New(
        Kind.MEMBER,
        archive.origin + b"\0%d" % line["number"],
        (*archive.shown.split("/"), *str(line["name"] or line["number"]).split("/")),
        remote_id=line["document_id"],
        code=error["code"] if error is not None else None,
        detail=error["detail"] if error is not None else None,
    )
