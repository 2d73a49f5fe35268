"""One trace from the request that posts a document through every job that reads it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.bench.service import Service, running
from tests.e2e.client import Client
from tests.samples.receipt import receipt_jpeg
from tests.servers.collector import Collector, Span

SECRET = "hunter2-swordfish"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


@pytest.fixture(scope="module")
def service(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("traced") / "data"
    settings = {
        "QUIRE_ENGINE_URL": "scripted://",
        "QUIRE_CPU_PROCESSES": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    with running(data, **settings) as started:
        yield started


@pytest.fixture
def api(service: Service) -> Iterator[Client]:
    with httpx.Client(base_url=service.url, timeout=120) as http:
        yield Client(http)


def chain(spans: list[Span], name: str) -> list[str]:
    """Names from a span up to the first of its trace that was sent."""
    found = next(span for span in spans if span.name == name)
    names, by_id = [found.name], {span.ident: span for span in spans}
    while found.parent in by_id:
        found = by_id[found.parent]
        names.append(found.name)
    return names


def test_jobs_belong_to_the_trace_of_their_request(api: Client, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01", "Prefer": "wait=60"}
    document = api.send(receipt_jpeg(), f"{SECRET}.jpg", headers, external_id=SECRET).json()
    assert document["state"] == "succeeded"
    api.http.get(f"/v1/documents?external_id={SECRET}", headers={"traceparent": headers["traceparent"]})
    api.http.get("/healthz", headers={"traceparent": headers["traceparent"]})
    wanted = {"job plan", "job raster", "page", "job read", "engine", "job finish", "GET /v1/documents"}
    spans = [
        span
        for span in collector.spans(lambda spans: wanted <= {span.name for span in spans})
        if span.trace == TRACE
    ]
    assert {span.name for span in spans} == wanted | {"POST /v1/documents"}
    post = "POST /v1/documents"
    assert chain(spans, "page") == ["page", "job raster", post]
    assert chain(spans, "engine") == ["engine", "job read", post]
    for job in ("job plan", "job finish"):
        assert chain(spans, job) == [job, post]
    assert next(span for span in spans if span.name == post).parent == CALLER
    (read,) = [span for span in spans if span.name == "job read"]
    assert read.service == "quire-serve"
    assert read.attributes["quire.run_id"] == document["run_id"]
    assert read.attributes["quire.page"] == 1
    assert SECRET not in "".join(span.text for span in spans)


def test_without_a_trace_of_the_caller_each_request_begins_one(api: Client, collector: Collector) -> None:
    first, second = (api.send(receipt_jpeg(), "a.jpg", {"Prefer": "wait=60"}).json() for _ in range(2))

    def of(spans: list[Span], run: str) -> set[str]:
        return {span.trace for span in spans if span.attributes.get("quire.run_id") == run}

    spans = collector.spans(
        lambda spans: bool(of(spans, first["run_id"])) and bool(of(spans, second["run_id"]))
    )
    (one,), (other,) = of(spans, first["run_id"]), of(spans, second["run_id"])
    assert one != other


def test_a_collector_that_is_gone_disturbs_nobody(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("untraced") / "data"
    settings = {"QUIRE_ENGINE_URL": "scripted://", "QUIRE_OTLP_URL": "http://127.0.0.1:9"}
    with running(data, **settings) as service, httpx.Client(base_url=service.url, timeout=120) as http:
        assert Client(http).read(receipt_jpeg())["state"] == "succeeded"
