"""Idempotency keys: the same request twice does the work once."""

import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.e2e.client import Client, problem
from tests.e2e.conftest import Running

HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
MULTIPART = {"content-type": "multipart/form-data; boundary=b"}


@pytest.fixture
def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def count(api: Client, external_id: str) -> int:
    return len(api.get("/v1/documents", external_id=external_id)["items"])


def test_the_same_request_replays_its_answer(api: Client, invoice: bytes, key: dict[str, str]) -> None:
    mark = key["Idempotency-Key"]
    first = api.send(invoice, headers=key, external_id=mark, pages="1")
    again = api.send(invoice, headers=key, pages="1", external_id=mark)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert count(api, mark) == 1
    waited = api.send(invoice, headers={**key, "Prefer": "wait=60"}, external_id=mark, pages="1")
    assert waited.status_code == 200
    assert (waited.json()["id"], waited.json()["state"]) == (first.json()["id"], "succeeded")


def test_another_request_under_the_key_is_refused(
    api: Client, invoice: bytes, receipt: bytes, key: dict[str, str]
) -> None:
    assert api.send(invoice, headers=key).status_code == 202
    problem(api.send(receipt, headers=key), 422, "idempotency_key_reused")
    problem(api.send(invoice, headers=key, pages="1"), 422, "idempotency_key_reused")
    problem(api.send(invoice, headers=key, password="x"), 422, "idempotency_key_reused")


def test_a_request_that_failed_may_be_tried_again(api: Client, invoice: bytes, key: dict[str, str]) -> None:
    problem(api.send(b"no document", headers=key), 415, "unsupported_media_type")
    problem(api.send(invoice, headers=key, schema="unheard-of"), 422, "schema_unknown")
    assert api.send(invoice, headers=key).status_code == 202


def test_while_the_first_is_running_the_second_is_turned_away(
    api: Client, running: Running, invoice: bytes, key: dict[str, str]
) -> None:
    go_on = threading.Event()
    answers: list[httpx.Response] = []

    def slow_body() -> Iterator[bytes]:
        yield HEAD + invoice[:1000]
        go_on.wait()
        yield invoice[1000:] + b"\r\n--b--\r\n"

    def first() -> None:
        with httpx.Client(base_url=running.url, timeout=60) as http:
            answers.append(http.post("/v1/documents", content=slow_body(), headers=MULTIPART | key))

    thread = threading.Thread(target=first)
    thread.start()
    while not list((running.data / "staging").glob("upload-*")):
        time.sleep(0.01)
    second = api.send(invoice, headers=key)
    body = problem(second, 409, "idempotency_key_in_use")
    assert body["retryable"]
    assert second.headers["retry-after"]
    go_on.set()
    thread.join()
    assert answers[-1].status_code == 202
    assert api.send(invoice, headers=key).json()["id"] == answers[-1].json()["id"]


def test_runs_have_keys_too(api: Client, invoice: bytes, key: dict[str, str]) -> None:
    document = api.read(invoice)["id"]
    path = f"/v1/documents/{document}/runs"
    first = api.http.post(path, json={"request": {"pages": "1"}}, headers=key)
    again = api.http.post(path, json={"request": {"pages": "1"}}, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    problem(api.http.post(path, json={"request": {}}, headers=key), 422, "idempotency_key_reused")
    assert len(api.get(path)["items"]) == 2
    api.ended(document)


@pytest.mark.parametrize("bad", ["", "x" * 300])
def test_malformed_keys(api: Client, invoice: bytes, bad: str) -> None:
    problem(api.send(invoice, headers={"Idempotency-Key": bad}), 422, "idempotency_key_malformed")
