"""Every route of the OpenAPI document that changes something leaves an entry in the audit log."""

import base64
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network

import httpx
import pytest

from services.container import embedded
from services.server import in_background
from services.settings import Settings
from services.stores.audit_rows import Action
from tests.e2e.client import Client
from tests.samples.invoice import invoice_pdf
from tests.samples.receipt import receipt_jpeg
from tests.servers.receiver import Receiver

Route = tuple[str, str]
Act = Callable[[], httpx.Response]

ASKING: dict[Route, str] = {
    ("POST", "/v1/query"): "changes nothing",
    ("POST", "/v1/schemas/infer"): "changes nothing",
    ("POST", "/v1/uploads"): "needs a bucket: tests/contract/test_buckets.py",
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("audit"),
        engine_url="scripted://?delay_ms=3000",
        cpu_processes=1,
        webhook_allow=(IPv4Network("127.0.0.1/32"),),
    )
    with (
        embedded(settings) as parts,
        in_background(parts) as url,
        httpx.Client(base_url=url, timeout=120) as http,
    ):
        yield Client(http)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Acts:
    """Does what routes are for, each on something of its own."""

    def __init__(self, api: Client, receiver: Receiver) -> None:
        self.api, self.http, self.receiver = api, api.http, receiver
        receipt = base64.b64encode(receipt_jpeg()).decode()
        self.sources = {"sources": [{"base64": receipt}], "request": {"reuse": False}}

    def read(self) -> str:
        return f"/v1/documents/{self.api.read(invoice_pdf(), schema='invoice')['id']}"

    def busy(self) -> str:
        return f"/v1/documents/{self.api.send(receipt_jpeg(), reuse=False).json()['id']}"

    def cancelled(self) -> str:
        document = self.busy()
        assert self.http.post(f"{document}/cancel").status_code == 200
        return document

    def post_batch(self) -> httpx.Response:
        return self.http.post("/v1/batches", json=self.sources)

    def busy_batch(self) -> str:
        return f"/v1/batches/{self.post_batch().json()['id']}"

    def cancelled_batch(self) -> str:
        batch = self.busy_batch()
        while not self.api.get(f"{batch}/documents", state="processing")["items"]:
            time.sleep(0.05)
        assert self.http.post(f"{batch}/cancel").is_success
        while self.api.get(batch)["finished_at"] is None:
            time.sleep(0.05)
        return batch

    def post_hook(self) -> httpx.Response:
        return self.http.post("/v1/webhooks", json={"url": f"{self.receiver.url}/x"})

    def hook(self) -> str:
        return f"/v1/webhooks/{self.post_hook().json()['id']}"

    def delivery(self) -> str:
        hook = self.hook()
        return f"{hook}/deliveries/{self.http.post(f'{hook}/test').json()['id']}"

    def put_schema(self) -> httpx.Response:
        return self.http.put(f"/v1/schemas/s{time.monotonic_ns()}", json={"type": "object"})

    def schema(self) -> str:
        return f"/v1/schemas/{self.put_schema().json()['name']}"

    def correct(self) -> httpx.Response:
        change = {"corrections": [{"path": "number", "value": "RE-1"}]}
        return self.http.patch(f"{self.read()}/fields", json=change)

    def ask(self) -> httpx.Response:
        return self.http.post(f"{self.read()}/questions", json={"questions": ["Who?"]})


def routes(do: Acts) -> dict[Route, tuple[Action, Act]]:
    """How each route is called so that it does what it is for, and what that is called in the log."""
    http = do.http
    at, batch, hook = "/v1/documents/{document_id}", "/v1/batches/{batch_id}", "/v1/webhooks/{webhook_id}"
    again = f"{hook}/deliveries/{{delivery_id}}/redeliver"
    return {
        ("POST", "/v1/documents"): (Action.DOCUMENT_CREATED, lambda: do.api.send(invoice_pdf())),
        ("DELETE", at): (Action.DOCUMENT_DELETED, lambda: http.delete(do.read())),
        ("POST", f"{at}/runs"): (Action.RUN_CREATED, lambda: http.post(f"{do.read()}/runs", json={})),
        ("POST", f"{at}/retry"): (Action.RUN_CREATED, lambda: http.post(f"{do.cancelled()}/retry")),
        ("POST", f"{at}/questions"): (Action.RUN_CREATED, do.ask),
        ("POST", f"{at}/cancel"): (Action.RUN_CANCELLED, lambda: http.post(f"{do.busy()}/cancel")),
        ("PATCH", f"{at}/fields"): (Action.DOCUMENT_CORRECTED, do.correct),
        ("POST", "/v1/batches"): (Action.BATCH_CREATED, do.post_batch),
        ("DELETE", batch): (Action.BATCH_DELETED, lambda: http.delete(do.cancelled_batch())),
        ("POST", f"{batch}/cancel"): (
            Action.BATCH_CANCELLED,
            lambda: http.post(f"{do.busy_batch()}/cancel"),
        ),
        ("POST", f"{batch}/retry"): (
            Action.BATCH_RETRIED,
            lambda: http.post(f"{do.cancelled_batch()}/retry"),
        ),
        ("PUT", "/v1/schemas/{name}"): (Action.SCHEMA_PUT, do.put_schema),
        ("DELETE", "/v1/schemas/{name}"): (Action.SCHEMA_DELETED, lambda: http.delete(do.schema())),
        ("POST", "/v1/webhooks"): (Action.WEBHOOK_CREATED, do.post_hook),
        ("PATCH", hook): (
            Action.WEBHOOK_CHANGED,
            lambda: http.patch(do.hook(), json={"description": "mine"}),
        ),
        ("DELETE", hook): (Action.WEBHOOK_DELETED, lambda: http.delete(do.hook())),
        ("POST", f"{hook}/rotate"): (Action.WEBHOOK_ROTATED, lambda: http.post(f"{do.hook()}/rotate")),
        ("POST", f"{hook}/test"): (Action.WEBHOOK_TESTED, lambda: http.post(f"{do.hook()}/test")),
        ("POST", again): (
            Action.DELIVERY_REDELIVERED,
            lambda: http.post(f"{do.delivery()}/redeliver"),
        ),
    }


def test_every_route_that_changes_something_is_in_the_audit_log(api: Client, receiver: Receiver) -> None:
    known = routes(Acts(api, receiver))
    found = {
        (method.upper(), path)
        for path, operations in api.get("/openapi.json")["paths"].items()
        for method in operations
        if method != "get"
    }
    assert found - ASKING.keys() == known.keys(), "a new route: say here how it is called"
    for route, (action, act) in known.items():
        answer = act()
        assert answer.is_success, (route, answer.text)
        newest = api.get("/v1/audit", action=action, limit=1)["items"]
        assert newest, f"{route} leaves no entry {action}"
        assert newest[0]["request_id"] == answer.headers["x-request-id"], (route, newest)
        assert newest[0]["object_id"]
