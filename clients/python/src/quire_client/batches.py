"""Batches: many documents in one post, from an archive, a bucket or a list of addresses."""

import json
import math
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Literal, TypedDict, Unpack

from quire_client import exports, sending
from quire_client.errors import QuireError, Unreachable
from quire_client.retries import Tries
from quire_client.shapes import Request, Result
from quire_client.transport import (
    Body,
    Call,
    Transport,
    json_body,
    json_of,
    paged,
    path,
    send_held,
    translated,
)

Batch = dict[str, Any]
Member = dict[str, Any]


class Line(TypedDict):
    """How a member ended; of two lines of a member the one with the higher ``sequence`` counts."""

    sequence: int
    number: int
    name: str | None
    external_id: str | None
    state: str
    document_id: str | None
    run_id: str | None
    error: dict[str, Any] | None
    result: Result | None


ENDED = frozenset({"succeeded", "partial", "failed", "cancelled"})
_HOLD_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0


class Origin(TypedDict, total=False):
    """One of a list of sources: one of ``url``, ``base64``, ``object``."""

    url: str
    base64: str
    object: str
    filename: str
    external_id: str
    request: Request


class BatchRunning(QuireError):
    def __init__(self, batch: Batch) -> None:
        super().__init__(f"{batch['id']} is still {batch['state']}")
        self.batch = batch


class Batches:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def archive(
        self,
        archive: sending.File,
        *,
        filename: str | None = None,
        idempotency_key: str | None = None,
        **request: Unpack[Request],
    ) -> Batch:
        """Every document of a zip, tar, tar.gz, tar.zst or 7z, read under one request."""
        name = filename or (Path(archive).name if isinstance(archive, str | os.PathLike) else "archive")
        return self._create(sending.form_body(archive, name, sending.members(request)), idempotency_key)

    def prefix(self, prefix: str, *, idempotency_key: str | None = None, **request: Unpack[Request]) -> Batch:
        """Every document of a bucket under a prefix such as `s3://inbox/2026/`."""
        body = json_body({"source": {"prefix": prefix}, "request": sending.members(request)})
        return self._create(body, idempotency_key)

    def sources(
        self, sources: Sequence[Origin], *, idempotency_key: str | None = None, **request: Unpack[Request]
    ) -> Batch:
        body = json_body({"sources": [*sources], "request": sending.members(request)})
        return self._create(body, idempotency_key)

    def get(self, batch_id: str) -> Batch:
        return dict(self._transport.json(Call("GET", path("batches", batch_id))))

    def list(self) -> Iterator[Batch]:
        yield from paged(self._transport, Call("GET", path("batches")))

    def wait(
        self, batch_id: str, *, timeout_s: float | None = None, told: Callable[[Batch], None] | None = None
    ) -> Batch:
        """The batch once every member has ended. `BatchRunning` after ``timeout_s``."""
        end = math.inf if timeout_s is None else monotonic() + timeout_s
        pause, step = _FIRST_PAUSE_S, 1.0 if told is not None else _HOLD_S
        while True:
            call = Call("GET", path("batches", batch_id), wait_s=min(step, max(0.0, end - monotonic())))
            answer, held = send_held(self._transport, call)
            batch: Batch = dict(json_of(answer))
            if told is not None:
                told(batch)
            if batch["state"] in ENDED:
                return batch
            if monotonic() >= end:
                raise BatchRunning(batch)
            if not held:
                sleep(min(pause, max(0.0, end - monotonic())))
                pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def documents(self, batch_id: str, **filters: Any) -> Iterator[Member]:
        """Every member, the refused ones with their reason."""
        yield from paged(self._transport, Call("GET", path("batches", batch_id, "documents"), filters))

    def results(
        self, batch_id: str, *, after: int = 0, follow: bool = False, include: Iterable[str] | None = None
    ) -> Iterator[Line]:
        """A line for each member that has ended, in the order of their ends; later lines of a member count.

        ``after``: the `sequence` of the last line you have. ``follow``: until the batch has ended. A
        connection that breaks is taken up again after the last line that came whole.
        """
        wanted = ",".join(include) if include is not None else None
        tries: Tries | None = None
        while True:
            # Asked first: a stream that ends with its service, as a restart does it, is no end of the batch.
            over = not follow or self.get(batch_id)["state"] in ENDED
            began = after
            params = {"cursor": after, "follow": "true" if follow else None, "include": wanted}
            try:
                for line in self._lines(Call("GET", path("batches", batch_id, "results.ndjson"), params)):
                    after, tries = int(line["sequence"]), None
                    yield line
            except Unreachable:
                tries = tries or Tries(self._transport.retries)
                if not tries.again():
                    raise
                continue
            if over:
                return
            if after == began:
                sleep(_FIRST_PAUSE_S)

    def save(self, batch_id: str, to: "str | os.PathLike[str]", form: Literal["csv", "zip"] = "zip") -> int:
        """All results as they stand, to a file, whole or not at all."""
        return exports.save(self._transport, Call("GET", path("batches", batch_id, f"results.{form}")), to)

    def cancel(self, batch_id: str) -> Batch:
        return dict(self._transport.json(Call("POST", path("batches", batch_id, "cancel"))))

    def retry(self, batch_id: str) -> Batch:
        """Read again what failed."""
        return dict(self._transport.json(Call("POST", path("batches", batch_id, "retry"), repeatable=False)))

    def delete(self, batch_id: str, *, documents: bool = False) -> None:
        """With the names of its members; ``documents``: those, too, within a minute."""
        params = {"documents": "true"} if documents else {}
        self._transport.send(Call("DELETE", path("batches", batch_id), params))

    def _create(self, body: Body, key: str | None) -> Batch:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return dict(self._transport.json(Call("POST", path("batches"), headers=headers, body=body)))

    def _lines(self, call: Call) -> Iterator[Line]:
        with self._transport.stream(call, read=False) as answer:
            chunks, held = answer.iter_bytes(), b""
            while True:
                with translated(self._transport.url):
                    chunk = next(chunks, None)
                if chunk is None:
                    break
                # At line feeds alone: httpx's own lines end at every character that Unicode calls an end.
                *whole, held = (held + chunk).split(b"\n")
                yield from (json.loads(line) for line in whole if line)
            if held:
                yield json.loads(held)
