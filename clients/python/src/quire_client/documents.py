"""Documents: post, wait, read, export, correct."""

import math
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO, Literal, Unpack, cast

from quire_client import exports, sending
from quire_client.errors import StillRunning
from quire_client.exports import Export
from quire_client.sending import Source
from quire_client.shapes import ENDED, Change, Corrected, Document, Page, Request, Result, Run
from quire_client.transport import Body, Call, Transport, json_body, json_of, paged, path, send_held

LARGE = 64 << 20
"""Files from this size on go straight to the service's bucket, where it has one."""

_HOLD_S = 30.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0

Told = Callable[[Document], None]


class Documents:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def submit(
        self,
        source: Source,
        *,
        filename: str | None = None,
        wait_s: float | None = None,
        idempotency_key: str | None = None,
        large: int | None = LARGE,
        **request: Unpack[Request],
    ) -> Document:
        """Post a document; it is read when this returns only if that took less than ``wait_s`` (at most 60).

        Give an ``idempotency_key`` of your own to post the same document once however often your program
        is started again; without one, a new one covers the repetitions of this call. Files of ``large``
        bytes or more go through its bucket where the service has one, but never under a key of your own:
        each upload is another one, so the key could not recognise the document.
        """
        asked = sending.members(request)
        body = None
        if idempotency_key is None and large is not None:
            body = self._uploaded(source, asked, filename, large)
        body = body or sending.body_of(source, asked, filename)
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        call = Call("POST", path("documents"), headers=headers, body=body, wait_s=wait_s)
        return cast("Document", json_of(send_held(self._transport, call)[0]))

    def _uploaded(
        self, source: Source, asked: Mapping[str, Any], filename: str | None, large: int
    ) -> Body | None:
        if not isinstance(source, str | os.PathLike) or (isinstance(source, str) and "://" in source):
            return None
        if Path(source).stat().st_size < large:
            return None
        upload = sending.upload(self._transport, source, filename)
        return sending.source_body({"upload": upload}, asked) if upload is not None else None

    def get(self, document_id: str) -> Document:
        return cast("Document", self._transport.json(Call("GET", path("documents", document_id))))

    def list(
        self,
        *,
        state: str | None = None,
        batch_id: str | None = None,
        parent_id: str | None = None,
        document_class: str | None = None,
        external_id: str | None = None,
        sha256: str | None = None,
        created_after: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Iterator[Document]:
        """Documents, newest first."""
        params: dict[str, Any] = {
            "state": state,
            "batch_id": batch_id,
            "parent_id": parent_id,
            "class": document_class,
            "external_id": external_id,
            "sha256": sha256,
            "created_after": created_after,
            **{f"label.{name}": value for name, value in (labels or {}).items()},
        }
        yield from paged(self._transport, Call("GET", path("documents"), params))

    def delete(self, document_id: str) -> None:
        self._transport.send(Call("DELETE", path("documents", document_id)))

    def wait(self, document_id: str, *, timeout_s: float | None = None, told: Told | None = None) -> Document:
        """The document once its newest run has ended, well or not. `StillRunning` after ``timeout_s``.

        ``told`` is called with every look at the document. Asks the service to hold its answers, and looks
        again and again where something in between does not let it.
        """
        end = math.inf if timeout_s is None else monotonic() + timeout_s
        held, pause = True, _FIRST_PAUSE_S
        step = 1.0 if told is not None else _HOLD_S
        while True:
            left = max(0.0, end - monotonic())
            document, held = self._look(document_id, min(step, left) if held else None)
            if told is not None:
                told(document)
            if document["state"] in ENDED:
                return document
            if monotonic() >= end:
                raise StillRunning(document)
            if not held:
                sleep(min(pause, max(0.0, end - monotonic())))
                pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _look(self, document_id: str, hold_s: float | None) -> tuple[Document, bool]:
        """The document, and whether the service held its answer back as it was asked to."""
        answer, held = send_held(self._transport, Call("GET", path("documents", document_id), wait_s=hold_s))
        return cast("Document", json_of(answer)), held

    def result(
        self,
        document_id: str,
        *,
        include: Iterable[str] | None = None,
        pages: str | None = None,
        run: str | None = None,
    ) -> Result:
        """The result of the newest finished run; ``include``: fields, tables, charts, words, text."""
        params = {"include": ",".join(include) if include is not None else None, "pages": pages, "run": run}
        call = Call("GET", path("documents", document_id, "result"), params)
        return cast("Result", self._transport.json(call))

    def markdown(self, document_id: str, *, pages: str | None = None, run: str | None = None) -> str:
        call = Call("GET", path("documents", document_id, "result.md"), {"pages": pages, "run": run})
        return self._transport.send(call).text

    def save(
        self, document_id: str, to: "str | os.PathLike[str]", export: Export = Export.JSON, **params: Any
    ) -> int:
        """An export to a file, whole or not at all; ``params`` such as ``pages="1-20"``."""
        return exports.save(self._transport, Call("GET", path("documents", document_id, export), params), to)

    def copy(self, document_id: str, to: BinaryIO, export: Export = Export.JSON, **params: Any) -> int:
        """An export to an open file such as `sys.stdout.buffer`, as it comes."""
        return exports.copy(self._transport, Call("GET", path("documents", document_id, export), params), to)

    def table(
        self, document_id: str, table_id: str, form: Literal["csv", "html"] = "csv", run: str | None = None
    ) -> str:
        address = path("documents", document_id, "tables", f"{table_id}.{form}")
        return self._transport.send(Call("GET", address, {"run": run})).text

    def pages(
        self, document_id: str, *, include: Iterable[str] = ("text",), run: str | None = None
    ) -> Iterator[Page]:
        """Pages in order, also while the rest is being read."""
        params = {"include": ",".join(include), "run": run}
        yield from paged(self._transport, Call("GET", path("documents", document_id, "pages"), params))

    def page(self, document_id: str, number: int, *, run: str | None = None) -> Page:
        call = Call("GET", path("documents", document_id, "pages", number), {"run": run})
        return cast("Page", self._transport.json(call))

    def page_image(self, document_id: str, number: int, *, width: int = 1000) -> bytes:
        call = Call("GET", path("documents", document_id, "pages", number, "image"), {"width": width})
        return self._transport.send(call).content

    def cancel(self, document_id: str) -> Document:
        return cast("Document", self._post(document_id, "cancel", None, repeatable=True))

    def read_again(
        self, document_id: str, *, idempotency_key: str | None = None, **request: Unpack[Request]
    ) -> Run:
        """A new run of the document under another request."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        body = json_body({"request": sending.members(request)})
        call = Call("POST", path("documents", document_id, "runs"), headers=headers, body=body)
        return cast("Run", self._transport.json(call))

    def retry(self, document_id: str, *, password: str | None = None) -> Run:
        """A new run of only what failed."""
        return cast("Run", self._post(document_id, "retry", {"password": password}))

    def ask(self, document_id: str, questions: Iterable[str], *, password: str | None = None) -> Run:
        """A run that asks more of pages already read."""
        body = {"questions": [*questions], "password": password}
        return cast("Run", self._post(document_id, "questions", body))

    def runs(self, document_id: str) -> Iterator[Run]:
        yield from paged(self._transport, Call("GET", path("documents", document_id, "runs")))

    def run(self, document_id: str, run_id: str) -> Run:
        return cast("Run", self._transport.json(Call("GET", path("documents", document_id, "runs", run_id))))

    def correct(self, document_id: str, changes: Iterable[Change]) -> Corrected:
        """Correct fields: the machine's values stay, queries and `extraction` use yours."""
        body = json_body({"corrections": [*changes]})
        call = Call("PATCH", path("documents", document_id, "fields"), body=body, repeatable=False)
        return cast("Corrected", self._transport.json(call))

    def _post(
        self, document_id: str, what: str, body: dict[str, Any] | None, *, repeatable: bool = False
    ) -> Any:
        given = {name: value for name, value in (body or {}).items() if value is not None}
        call = Call(
            "POST",
            path("documents", document_id, what),
            body=json_body(given) if given else None,
            repeatable=repeatable,
        )
        return self._transport.json(call)
