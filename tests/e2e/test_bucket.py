"""The service with its files in a bucket, on a real S3 server that goes away and comes back."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.bench.service import Service, running
from tests.e2e.client import Client, problem
from tests.servers.proxy import Proxy
from tests.servers.s3 import Bucket


@pytest.fixture(scope="module")
def proxy(bucket: Bucket) -> Iterator[Proxy]:
    host, port = bucket.location.host.split(":")
    with Proxy(int(port), host) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def service(bucket: Bucket, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "QUIRE_BLOBS_URL": bucket.url("e2e", host=proxy.address),
        "QUIRE_ENGINE_URL": "scripted://?delay_ms=50",
        "QUIRE_CPU_PROCESSES": "1",
    }
    with running(tmp_path_factory.mktemp("service") / "data", **settings) as service:
        yield service


@pytest.fixture
def api(service: Service) -> Iterator[Client]:
    with httpx.Client(base_url=service.url, timeout=120) as http:
        yield Client(http)


def post(api: Client, name: str, data: bytes, **headers: str) -> httpx.Response:
    return api.http.post("/v1/documents", files={"file": (name, data)}, headers=headers)


def test_a_document_is_read_and_its_files_end_with_it(
    api: Client, bucket: Bucket, invoice: bytes, receipt: bytes
) -> None:
    made = []
    for name, data in {"invoice.pdf": invoice, "receipt.jpg": receipt}.items():
        answer = post(api, name, data, Prefer="wait=60")
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "succeeded"
        made.append(answer.json()["id"])
    image = api.http.get(f"/v1/documents/{made[0]}/pages/1/image")
    assert image.status_code == 200
    assert len(bucket.keys("e2e/blobs/default")) >= 3  # two documents, and the image that was read
    for document in made:
        assert api.http.delete(f"/v1/documents/{document}").status_code == 204
    assert bucket.keys("e2e/blobs") == []


def test_an_outage_delays_documents_and_loses_none(
    api: Client, proxy: Proxy, bucket: Bucket, receipt: bytes, long: bytes
) -> None:
    made = [post(api, "a.pdf", long).json()["id"], post(api, "b.jpg", receipt + b"\0").json()["id"]]
    proxy.cut()
    healing = threading.Timer(5, proxy.restore)
    healing.start()
    problem(post(api, "c.jpg", receipt + b"\0\0"), 503, "store_unavailable")
    healing.join()
    for document in made:
        answer = api.http.get(f"/v1/documents/{document}", headers={"Prefer": "wait=60"})
        assert answer.json()["state"] == "succeeded", answer.text
    proxy.cut()
    for document in made:
        assert api.http.delete(f"/v1/documents/{document}").status_code == 204
    proxy.restore()


def test_no_secret_is_written_down(service: Service, api: Client, bucket: Bucket) -> None:
    secret = bucket.location.secret_key
    assert secret not in service.log.read_text()
    for route in ("/readyz", "/healthz", "/v1/engines"):
        assert secret not in api.http.get(route).text
