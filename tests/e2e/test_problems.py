"""Whatever is wrong with a request, the answer is a problem with a stable code."""

import base64
import json
import select
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.client import Client, problem
from tests.e2e.conftest import LIMIT, Running

MULTIPART = {"content-type": "multipart/form-data; boundary=b"}


def test_addresses_and_methods_that_do_not_exist(api: Client) -> None:
    problem(api.http.get("/v1/nothing"), 404, "route_not_found")
    answer = api.http.put("/v1/documents")
    problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_parameters_are_pointed_at(api: Client) -> None:
    body = problem(api.http.get("/v1/documents?limit=0&state=done"), 422, "request_invalid")
    assert {item["pointer"] for item in body["errors"]} == {"/query/limit", "/query/state"}


def test_a_request_id_of_the_caller_is_kept_unless_it_is_odd(api: Client) -> None:
    assert (
        api.http.get("/healthz", headers={"X-Request-Id": "trace-12345"}).headers["x-request-id"]
        == "trace-12345"
    )
    assert (
        api.http.get("/healthz", headers={"X-Request-Id": "a b"}).headers["x-request-id"].startswith("req_")
    )


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "empty_body"),
        (b"hello", 415, "unsupported_media_type"),
        (b"PK\x03\x04" + b"\0" * 100, 415, "unsupported_media_type"),
        (b"%PDF-" + b"0" * LIMIT, 413, "payload_too_large"),
    ],
    ids=["empty", "text", "zip", "large"],
)
def test_files_that_are_refused_at_the_door(api: Client, content: bytes, status: int, code: str) -> None:
    problem(api.send(content), status, code)


def test_a_body_over_the_limit_is_answered_in_mid_stream(running: Running) -> None:
    url = httpx.URL(running.url)
    head = (
        f"POST /v1/documents HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    start = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.pdf"\r\n\r\n%PDF-1.7'
    with socket.create_connection((url.host, url.port or 80)) as wire:
        wire.sendall(head.encode() + b"%x\r\n%s\r\n" % (len(start), start))
        while not select.select([wire], [], [], 0)[0]:  # a body without end
            wire.sendall(b"186a0\r\n" + b"0" * 100_000 + b"\r\n")
        answer = b""
        while b"\r\n\r\n{" not in answer or not answer.endswith(b"}"):  # it may come in parts
            part = wire.recv(65_536)
            assert part, answer
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":"payload_too_large"' in answer
    assert list((running.data / "staging").glob("*")) == []


def test_a_client_that_goes_away_leaves_nothing_behind(running: Running) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.pdf"\r\n\r\n%PDF-1.7'
        for _ in range(20):
            yield b"0" * 50_000
        raise ConnectionAbortedError

    with httpx.Client(base_url=running.url) as http, pytest.raises(ConnectionAbortedError):
        http.post("/v1/documents", content=body(), headers=MULTIPART)
    with httpx.Client(base_url=running.url) as http:
        while list((running.data / "staging").glob("*")):
            http.get("/healthz")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"%PDF-1.7", {"content-type": "application/pdf"}, 415, "unsupported_media_type"),
        (b"", {}, 415, "unsupported_media_type"),
        (b"", {"content-type": "application/json"}, 400, "empty_body"),
        (b"{", {"content-type": "application/json"}, 400, "malformed_json"),
        (b"[]", {"content-type": "application/json"}, 422, "request_invalid"),
        (b"{}", {"content-type": "application/json"}, 422, "request_invalid"),
        (b"x" * 2_000_000, {"content-type": "application/json"}, 413, "payload_too_large"),
        (b"--b--\r\n", MULTIPART, 400, "no_file"),
        (b"garbage", MULTIPART, 400, "malformed_body"),
        (b"", {"content-type": "multipart/form-data"}, 400, "malformed_body"),
    ],
)
def test_bodies_that_are_no_request(
    api: Client, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    problem(api.http.post("/v1/documents", content=body, headers=headers), status, code)


@pytest.mark.parametrize(
    ("request_part", "pointer"),
    [
        ({"pages": "x"}, "/request/pages"),
        ({"nonsense": 1}, "/request/nonsense"),
        ({"schema": {"$ref": "http://127.0.0.1/x"}}, "/request/schema/$ref"),
        ({"schema": "unheard-of"}, "/request/schema"),
        ({"engine": "other"}, "/request/engine"),
    ],
)
def test_faults_of_a_request_are_pointed_at(
    api: Client, invoice: bytes, request_part: dict[str, Any], pointer: str
) -> None:
    answer = api.send(invoice, **request_part)
    assert answer.status_code == 422
    assert [item["pointer"] for item in answer.json()["errors"]] == [pointer]
    problem(answer, 422, answer.json()["code"])


def test_a_password_is_never_repeated(api: Client, invoice: bytes) -> None:
    refused = api.send(invoice, password="hunter2" * 100, labels={"hunter2hunter2": 5})
    assert refused.status_code == 422
    document = api.read(invoice, password="hunter2")
    for path in ("", "/runs", f"/runs/{document['run_id']}", "/result", "/events"):
        assert "hunter2" not in api.http.get(f"/v1/documents/{document['id']}{path}").text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "host_refused"),
        ({"Host": "127.0.0.1.evil.example"}, "host_refused"),
        ({"Host": "localhost@evil.example"}, "host_refused"),
        ({"Host": ""}, "host_refused"),
        ({"Origin": "https://evil.example"}, "origin_refused"),
        ({"Origin": "http://localhost:1"}, "origin_refused"),
        ({"Origin": "null"}, "origin_refused"),
        ({"Sec-Fetch-Site": "cross-site"}, "origin_refused"),
    ],
)
def test_web_pages_of_others_are_kept_out(api: Client, headers: dict[str, str], code: str) -> None:
    problem(api.http.get("/v1/documents", headers=headers), 403, code)


def test_own_names_are_let_in(api: Client, running: Running) -> None:
    port = httpx.URL(running.url).port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST"):
        assert api.http.get("/healthz", headers={"Host": host}).status_code == 200
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert api.http.get("/healthz", headers=own).status_code == 200


def test_answers_carry_what_browsers_should_obey(api: Client) -> None:
    headers = api.http.get("/healthz").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "server" not in headers


def test_objects_come_only_from_buckets_that_the_operator_allowed(api: Client) -> None:
    answer = api.http.post("/v1/documents", json={"source": {"object": "s3://bucket/key"}})
    problem(answer, 422, "source_refused")


def test_base64_sources(api: Client, invoice: bytes) -> None:
    text = base64.b64encode(invoice).decode()
    answer = api.http.post(
        "/v1/documents",
        json={"source": {"base64": text, "filename": "x/../a.pdf"}, "request": {"pages": "1"}},
        headers={"Prefer": "wait=60"},
    )
    assert answer.status_code == 200
    assert (answer.json()["filename"], answer.json()["bytes"]) == ("a.pdf", len(invoice))
    broken = {"source": {"base64": text[:-3] + "$$$"}}
    problem(api.http.post("/v1/documents", json=broken), 422, "source_malformed")
    both = {"source": {"base64": text, "url": "http://127.0.0.1/"}}
    body = problem(api.http.post("/v1/documents", json=both), 422, "request_invalid")
    assert body["errors"][0]["pointer"] == "/source"


def test_the_description_of_the_api_is_complete(api: Client) -> None:
    document = api.get("/openapi.json")
    text = json.dumps(document)
    names = set(document["components"]["schemas"])
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= names
    assert "HTTPValidationError" not in text
    assert document["openapi"].startswith("3.1")
    post = document["paths"]["/v1/documents"]["post"]
    assert {"200", "202", "400", "413", "415", "422"} <= set(post["responses"])
    assert set(post["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
