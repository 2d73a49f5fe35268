"""URL sources against a web server on loopback, which this service is allowed to reach; nothing else is."""

import base64
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.e2e.client import Client, problem
from tests.e2e.conftest import LIMIT
from tests.samples.invoice import invoice_pdf
from tests.servers.stage import Reply, Stage

INVOICE = invoice_pdf()


class Site(BaseHTTPRequestHandler):
    """A small site with what a source may meet."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, body, headers = {
            "/docs/Rechnung%20M%C3%A4rz.pdf": (200, INVOICE, {}),
            "/text": (200, b"hello", {}),
            "/empty": (200, b"", {}),
            "/large": (200, b"%PDF-" + b"0" * LIMIT, {}),
            "/moved": (302, b"", {"Location": "/docs/Rechnung%20M%C3%A4rz.pdf"}),
            "/loop": (302, b"", {"Location": "/loop"}),
            "/inside": (302, b"", {"Location": "http://127.0.0.2/secret"}),
            "/short": (200, b"%PDF-1.7", {"Content-Length": "5000"}),
        }.get(self.path, (404, b"no such page", {}))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def post(api: Client, url: str, **headers: str) -> httpx.Response:
    return api.http.post("/v1/documents", json={"source": {"url": url}}, headers=headers)


@pytest.mark.parametrize("path", ["/docs/Rechnung%20M%C3%A4rz.pdf", "/moved"])
def test_a_document_is_fetched(api: Client, site: str, path: str) -> None:
    answer = post(api, site + path, Prefer="wait=60")
    assert answer.status_code == 200, answer.text
    assert answer.json()["bytes"] == len(INVOICE)
    assert answer.json()["filename"] == ("Rechnung März.pdf" if "M" in path else "moved")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/text", 415, "unsupported_media_type"),
        ("/empty", 400, "empty_body"),
        ("/large", 413, "payload_too_large"),
        ("/missing", 422, "source_failed"),
        ("/loop", 422, "source_failed"),
        ("/short", 422, "source_failed"),
        ("/inside", 422, "source_refused"),
    ],
)
def test_what_a_source_may_do_wrong(api: Client, site: str, path: str, status: int, code: str) -> None:
    problem(post(api, site + path), status, code)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2/",
        "http://[::1]/",
        "http://169.254.169.254/latest/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/x",
        "x",
    ],
)
def test_addresses_beyond_the_allowed_network_are_refused(api: Client, url: str) -> None:
    problem(post(api, url), 422, "source_refused")


def test_a_port_without_a_server(api: Client) -> None:
    problem(post(api, "http://127.0.0.1:1/x.pdf"), 422, "source_failed")


def test_slow_servers_of_others_stop_nobody_else(api: Client) -> None:
    """More of them than an event loop has threads by default, which are forty."""
    with Stage(Reply(silent=True)) as slow:
        waiting = [
            threading.Thread(target=post, args=(api, f"{slow.url}/{number}"), daemon=True)
            for number in range(48)
        ]
        for one in waiting:
            one.start()
        while len(slow.asked) < 16:
            time.sleep(0.02)
        time.sleep(0.5)  # for those beyond, if anything lets them in
        assert len(slow.asked) == 16
        assert api.http.get("/readyz", timeout=20).status_code == 200
        assert api.http.get("/v1/documents", timeout=20).status_code == 200
    for one in waiting:
        one.join()


def test_sources_that_are_malformed_are_told(api: Client) -> None:
    problem(api.http.post("/v1/documents", json={"source": {"base64": "é"}}), 422, "source_malformed")
    deep: object = "x"
    for _ in range(300):
        deep = [deep]
    text = base64.b64encode(INVOICE).decode()
    sources = [{"base64": text, "request": {"labels": deep}}]
    problem(api.http.post("/v1/batches", json={"sources": sources}), 422, "request_invalid")
    answer = api.http.post("/v1/batches", json={"sources": [{"url": "http://[x"}, {"base64": "é"}]})
    assert answer.status_code == 202, answer.text
    at = f"/v1/batches/{answer.json()['id']}"
    while api.http.get(at).json()["finished_at"] is None:
        time.sleep(0.05)
    members = api.http.get(f"{at}/documents").json()["items"]
    assert [member["error"]["code"] for member in members] == ["source_refused", "source_malformed"]
