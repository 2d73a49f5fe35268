"""Batches: many documents in one post, from an archive, a bucket or a list of addresses."""

import json
import math
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypedDict, Unpack

from quire_client import sending
from quire_client.errors import QuireError, Unreachable
from quire_client.retries import Tries
from quire_client.shapes import Request
from quire_client.transport import Body, Call, Transport, json_body, paged, path, translated

Batch = dict[str, Any]
Member = dict[str, Any]

ENDED = frozenset({"succeeded", "partial", "failed", "cancelled"})
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0


class Origin(TypedDict, total=False):
    """One of a list of sources."""

    url: str
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
        archive: "str | os.PathLike[str]",
        *,
        idempotency_key: str | None = None,
        **request: Unpack[Request],
    ) -> Batch:
        """Every document of a zip, tar, tar.gz, tar.zst or 7z, read under one request."""
        place = Path(archive)
        return self._create(sending.form_body(place, place.name, sending.members(request)), idempotency_key)

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
        pause = _FIRST_PAUSE_S
        while True:
            batch = self.get(batch_id)
            if told is not None:
                told(batch)
            if batch["state"] in ENDED:
                return batch
            if monotonic() >= end:
                raise BatchRunning(batch)
            sleep(min(pause, max(0.0, end - monotonic())))
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def documents(self, batch_id: str, **filters: Any) -> Iterator[Member]:
        """Every member, the refused ones with their reason."""
        yield from paged(self._transport, Call("GET", path("batches", batch_id, "documents"), filters))

    def results(self, batch_id: str, *, cursor: str | None = None, **params: Any) -> Iterator[dict[str, Any]]:
        """Lines of results as they are there now, from ``cursor`` on; a later line about a document counts.

        A connection that breaks is taken up again after the last line that came whole.
        """
        tries = Tries(self._transport.retries)
        while True:
            call = Call("GET", path("batches", batch_id, "results.ndjson"), {**params, "cursor": cursor})
            try:
                for line in self._lines(call):
                    cursor = line.get("cursor", cursor)
                    yield line
                return
            except Unreachable:
                if not tries.again():
                    raise

    def cancel(self, batch_id: str) -> Batch:
        return dict(self._transport.json(Call("POST", path("batches", batch_id, "cancel"))))

    def retry(self, batch_id: str) -> Batch:
        """Read again what failed."""
        return dict(self._transport.json(Call("POST", path("batches", batch_id, "retry"), repeatable=False)))

    def _create(self, body: Body, key: str | None) -> Batch:
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return dict(self._transport.json(Call("POST", path("batches"), headers=headers, body=body)))

    def _lines(self, call: Call) -> Iterator[dict[str, Any]]:
        with self._transport.stream(call, read=False) as answer:
            lines = answer.iter_lines()
            while True:
                with translated(self._transport.url):
                    line = next(lines, None)
                if line is None:
                    return
                if line:
                    yield json.loads(line)
