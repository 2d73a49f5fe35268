"""Server-Sent Events: page by page, resumable, and cheap to wait for."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import psutil

from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    kind: str
    data: dict[str, Any]


def events(http: httpx.Client, document_id: str, last: int | None = None) -> Iterator[Event]:
    headers = {"Last-Event-ID": str(last)} if last is not None else {}
    with http.stream("GET", f"/v1/documents/{document_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if "data" in fields:
                yield Event(int(fields["id"]), fields["event"], orjson.loads(fields["data"]))
            fields = {}


def test_every_page_is_told_and_the_stream_ends_with_the_document(api: Client, long: bytes) -> None:
    document_id = api.send(long, reuse=False).json()["id"]
    heard = list(events(api.http, document_id))
    assert [event.id for event in heard] == sorted({event.id for event in heard})
    assert heard[-1].kind == "document.succeeded"
    assert sorted(event.data["number"] for event in heard if event.kind == "page.finished") == list(
        range(1, 41)
    )
    assert all(event.data["document_id"] == document_id for event in heard)
    assert list(events(api.http, document_id)) == heard, "what is over can be heard again"
    middle = heard[len(heard) // 2]
    assert list(events(api.http, document_id, middle.id)) == heard[len(heard) // 2 + 1 :]
    over = api.http.get(f"/v1/documents/{document_id}/events", headers={"Last-Event-ID": str(heard[-1].id)})
    assert over.status_code == 204


def test_a_broken_stream_is_resumed_without_a_gap(api: Client, running: Running, long: bytes) -> None:
    document_id = api.send(long, reuse=False).json()["id"]
    heard: list[Event] = []
    with httpx.Client(base_url=running.url, timeout=60) as http:
        stream = events(http, document_id)
        for event in stream:
            heard.append(event)
            if len(heard) == 5:
                break
        stream.close()  # type: ignore[attr-defined]  # a generator
    heard += events(api.http, document_id, heard[-1].id)
    assert heard == list(events(api.http, document_id))


def test_a_deleted_document_ends_its_stream(api: Client, running: Running, long: bytes) -> None:
    document_id = api.send(long, reuse=False).json()["id"]
    with httpx.Client(base_url=running.url, timeout=60) as http:
        stream = events(http, document_id)
        next(stream)
        api.http.delete(f"/v1/documents/{document_id}")
        list(stream)


def test_malformed_event_ids_are_refused(api: Client, invoice: bytes) -> None:
    document_id = api.read(invoice)["id"]
    answer = api.http.get(f"/v1/documents/{document_id}/events", headers={"Last-Event-ID": "x"})
    problem(answer, 422, "request_invalid")


def test_waiting_clients_hold_no_threads(api: Client, running: Running, long: bytes) -> None:
    """Sixty waiters and listeners at once: the service has hardly more threads than with none."""
    document_id = api.send(long, reuse=False).json()["id"]
    service = next(
        process
        for process in psutil.process_iter(["cmdline"])
        if "serve" in (process.info["cmdline"] or [])
        and str(running.data) in process.environ().get("QUIRE_DATA_DIR", "")
    )
    before = service.num_threads()
    ended: list[str] = []

    def wait() -> None:
        with httpx.Client(base_url=running.url, timeout=120) as http:
            answer = http.get(f"/v1/documents/{document_id}", headers={"Prefer": "wait=60"})
            ended.append(answer.json()["state"])

    def listen() -> None:
        with httpx.Client(base_url=running.url, timeout=120) as http:
            ended.append(list(events(http, document_id))[-1].data["state"])

    threads = [threading.Thread(target=wait if n % 2 else listen) for n in range(60)]
    for thread in threads:
        thread.start()
    most = 0
    while any(thread.is_alive() for thread in threads):
        most = max(most, service.num_threads())
        threads[0].join(0.05)
    assert ended == ["succeeded"] * 60
    # The pool for short reads may grow to its own bound; sixty threads of waiters would exceed it.
    assert most - before < 45
