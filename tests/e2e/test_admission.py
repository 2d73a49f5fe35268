"""A full backlog is refused before anything is stored, and whoever was answered is answered again."""

from pathlib import Path

import httpx

from tests.bench.service import running as running_service
from tests.e2e.client import Client, problem
from tests.samples.receipt import receipt_jpeg


def test_a_full_backlog_answers_429_and_stores_nothing(tmp_path: Path) -> None:
    settings = {"QUIRE_ENGINE_URL": "scripted://?delay_ms=60000", "QUIRE_MAX_BACKLOG_PAGES": "1"}
    with (
        running_service(tmp_path / "data", **settings) as service,
        httpx.Client(base_url=service.url) as http,
    ):
        api, key = Client(http), {"Idempotency-Key": "first"}
        first = api.send(receipt_jpeg(), headers=key)
        assert first.status_code == 202
        body = problem(api.send(receipt_jpeg()), 429, "backlog_full")
        assert body["retryable"] is True
        refused = api.send(receipt_jpeg(), headers={"Idempotency-Key": "second"})
        assert int(refused.headers["Retry-After"]) > 0
        assert len(api.get("/v1/documents")["items"]) == 1
        again = api.send(receipt_jpeg(), headers=key)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        http.post(f"/v1/documents/{first.json()['id']}/cancel")
