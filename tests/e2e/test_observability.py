"""What an operator sees of a running service: figures and log lines, never a secret or a document's text."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from tests.bench.service import Service, running
from tests.e2e.client import Client
from tests.samples.invoice import invoice_pdf
from tests.samples.receipt import receipt_jpeg

SECRET = "hunter2-swordfish"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("observed") / "data"
    settings = {
        "QUIRE_ENGINE_URL": "scripted://?fail=engine_unavailable&times=1",
        "QUIRE_LOG_LEVEL": "debug",
        "QUIRE_LOG_FORMAT": "json",
        "QUIRE_CPU_PROCESSES": "1",
    }
    with running(data, **settings) as started:
        yield started


@pytest.fixture
def api(service: Service) -> Iterator[Client]:
    with httpx.Client(base_url=service.url, timeout=120) as http:
        yield Client(http)


def _smaller(picture: bytes) -> bytes:
    """Another picture, so that the engine fails once again."""
    with Image.open(io.BytesIO(picture)) as image:
        made = io.BytesIO()
        image.resize((image.width * 3 // 4, image.height * 3 // 4)).save(made, "JPEG")
    return made.getvalue()


def figures(api: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = api.http.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def test_figures_follow_a_document_through_its_queues(api: Client) -> None:
    document = api.read(receipt_jpeg(), "receipt.jpg")
    assert document["state"] == "succeeded"
    found = figures(api)
    assert found["quire_pages_total", (("state", "read"),)] >= 1
    assert found["quire_runs_total", (("state", "succeeded"),)] >= 1
    again = ("code", "engine_unavailable"), ("counted", "no"), ("queue", "read")
    assert found["quire_failed_tries_total", again] == 1
    assert found["quire_engine_seconds_count", (("engine", "scripted"), ("outcome", "ok"))] == 1
    posted = ("method", "POST"), ("route", "/v1/documents"), ("status", "200")
    assert found["quire_http_requests_total", posted] >= 1
    for queue in ("plan", "raster", "read", "finish"):
        assert found["quire_job_seconds_count", (("outcome", "done"), ("queue", queue))] >= 1
        assert found["quire_queue_jobs", (("queue", queue), ("state", "waiting"))] == 0


def test_labels_name_kinds_and_never_things(api: Client) -> None:
    document = api.read(invoice_pdf(), "a.pdf")
    api.http.get(f"/v1/documents/{document['id']}/nothing")
    api.http.get("/somewhere/else")
    api.http.request("BREW", "/v1/documents")
    labels = " ".join(value for _, pairs in figures(api) for _, value in pairs)
    for thing in (document["id"], document["run_id"], "default", "nothing", "else", "BREW"):
        assert thing not in labels


def test_lines_of_jobs_and_requests_can_be_followed(api: Client, service: Service) -> None:
    ident = "from-the-client-42"
    posted = api.send(_smaller(receipt_jpeg()), "b.jpg", {"X-Request-Id": ident, "Prefer": "wait=60"})
    assert posted.headers["x-request-id"] == ident
    document = posted.json()
    told = lines(service.log)
    (request,) = [line for line in told if line["event"] == "request" and line["request_id"] == ident]
    assert (request["route"], request["status"], request["process"]) == ("/v1/documents", 200, "serve")
    (failed,) = [
        line for line in told if line["event"] == "job_failed" and line["run_id"] == document["run_id"]
    ]
    assert (failed["code"], failed["request_id"]) == ("engine_unavailable", ident)
    assert (failed["document_id"], failed["queue"], failed["page"]) == (document["id"], "read", 1)
    assert failed["job_id"].startswith("job_")


def test_an_odd_request_id_is_replaced(api: Client) -> None:
    for odd in ("x", "a b c d e f g h", "'; drop table runs", "é" * 10, "a" * 65):
        answer = api.http.get("/healthz", headers={b"X-Request-Id": odd.encode("latin-1")})
        assert answer.headers["x-request-id"].startswith("req_")


def test_no_line_holds_a_secret_or_what_a_document_says(api: Client, service: Service) -> None:
    said = (SECRET, "Nordlicht", "RE-2024-00815", "Köhler")
    for request in (
        {"password": SECRET, "external_id": SECRET, "labels": {"k": SECRET}, "questions": [SECRET]},
        {"schema": {"type": "object", "properties": {SECRET: {"type": SECRET}}}},
        {"callback_url": f"http://user:{SECRET}@127.0.0.1/{SECRET}"},
        {"source": SECRET},
    ):
        api.send(
            invoice_pdf(),
            f"{SECRET}.pdf",
            {"Authorization": f"Bearer {SECRET}", "Prefer": "wait=30"},
            **request,
        )
    api.send(b"%PDF-1.7\n" + SECRET.encode() * 100, f"{SECRET}.pdf", {"Prefer": "wait=30"})
    api.http.post("/v1/documents", content=f'{{"a": "{SECRET}"', headers={"Content-Type": "application/json"})
    api.http.post("/v1/documents", json={"source": {"url": f"http://127.0.0.1:9/{SECRET}?key={SECRET}"}})
    api.http.get(f"/v1/documents?external_id={SECRET}&cursor={SECRET}")
    api.http.get(f"/{SECRET}", headers={"Cookie": SECRET, "Host": SECRET})
    text = service.log.read_text()
    assert len(lines(service.log)) > 10
    for secret in said:
        assert secret not in text
