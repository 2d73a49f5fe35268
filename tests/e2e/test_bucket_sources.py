"""Documents that come out of buckets: objects a tenant may name, and files sent straight to storage."""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from schemas.ids import DEFAULT_TENANT
from services.presigned import Presigned
from services.settings import Settings
from services.stores.choose import bucket_of
from services.stores.engine import Database
from services.stores.tables import uploads
from services.stores.upload_rows import Announced
from tests.bench.service import Service, running
from tests.e2e.client import Client, problem
from tests.servers.proxy import Proxy
from tests.servers.s3 import Bucket

LIMIT = 20_000_000


@pytest.fixture(scope="module")
def inbox(bucket: Bucket, invoice: bytes) -> Bucket:
    made = bucket.beside()
    made.put("in/Rechnung März.pdf", invoice)
    made.put("in/notes.txt", b"hello")
    made.put("in/large.pdf", b"%PDF-1.7" + b"0" * LIMIT)
    made.put("secret.pdf", invoice)
    return made


@pytest.fixture(scope="module")
def outside(bucket: Bucket) -> Iterator[Proxy]:
    """The address under which clients reach the server that the service reaches under another."""
    host, port = bucket.location.host.split(":")
    with Proxy(int(port), host) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def service(
    bucket: Bucket, inbox: Bucket, outside: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    settings = {
        "QUIRE_BLOBS_URL": bucket.url("sources", public=f"http://{outside.address}"),
        "QUIRE_SOURCE_BUCKETS": f"{inbox.url('in')}, another={inbox.url()}",
        "QUIRE_UPLOAD_URL_S": "60",
        "QUIRE_MAX_UPLOAD_BYTES": str(LIMIT),
        "QUIRE_MAX_ARCHIVE_BYTES": str(LIMIT),
        "QUIRE_ENGINE_URL": "scripted://?delay_ms=50",
        "QUIRE_CPU_PROCESSES": "1",
    }
    with running(tmp_path_factory.mktemp("service") / "data", **settings) as service:
        yield service


@pytest.fixture
def api(service: Service) -> Iterator[Client]:
    with httpx.Client(base_url=service.url, timeout=120) as http:
        yield Client(http)


def post(api: Client, source: dict[str, Any], **headers: str) -> httpx.Response:
    return api.http.post("/v1/documents", json={"source": source}, headers=headers)


def announce(api: Client, content: bytes, **more: Any) -> dict[str, Any]:
    answer = api.http.post("/v1/uploads", json={"filename": "big scan.pdf", "bytes": len(content), **more})
    assert answer.status_code == 201, answer.text
    ticket: dict[str, Any] = answer.json()
    return ticket


def send(ticket: dict[str, Any], content: bytes, url: str | None = None) -> int:
    """As a client would who knows nothing of Quire."""
    answer = httpx.request(ticket["method"], url or ticket["url"], content=content, headers=ticket["headers"])
    return answer.status_code


def staged(bucket: Bucket) -> list[str]:
    return bucket.keys("sources/staging/")


def test_an_object_becomes_a_document(api: Client, inbox: Bucket, invoice: bytes) -> None:
    source = {"object": f"s3://{inbox.location.bucket}/in/Rechnung März.pdf"}
    answer = post(api, source, Prefer="wait=60")
    assert answer.status_code == 200, answer.text
    assert answer.json()["filename"] == "Rechnung März.pdf"
    assert answer.json()["bytes"] == len(invoice)


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("in/none.pdf", 422, "source_failed"),
        ("in/notes.txt", 415, "unsupported_media_type"),
        ("in/large.pdf", 413, "payload_too_large"),
        ("secret.pdf", 422, "source_refused"),
        ("in/../secret.pdf", 422, "source_refused"),
    ],
)
def test_what_an_object_may_not_be(api: Client, inbox: Bucket, key: str, status: int, code: str) -> None:
    problem(post(api, {"object": f"s3://{inbox.location.bucket}/{key}"}), status, code)


def test_quires_own_bucket_is_out_of_reach(api: Client, bucket: Bucket) -> None:
    for key in bucket.keys("sources/"):
        problem(post(api, {"object": f"s3://{bucket.location.bucket}/{key}"}), 422, "source_refused")


def test_a_file_sent_straight_to_the_bucket_becomes_a_document_once(
    api: Client, bucket: Bucket, outside: Proxy, long: bytes
) -> None:
    ticket = announce(api, long, sha256=hashlib.sha256(long).hexdigest())
    assert ticket["url"].startswith(f"http://{outside.address}/")
    source = {"upload": ticket["upload_id"]}
    problem(post(api, source), 409, "upload_not_received")
    assert send(ticket, long) == 200
    assert len(staged(bucket)) == 1
    answer = post(api, source, **{"Idempotency-Key": ticket["upload_id"], "Prefer": "wait=60"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["filename"] == "big scan.pdf"
    assert answer.json()["sha256"] == hashlib.sha256(long).hexdigest()
    assert staged(bucket) == []
    problem(post(api, source), 409, "upload_used")
    again = post(api, source, **{"Idempotency-Key": ticket["upload_id"]})
    assert again.status_code == 202
    assert again.json()["id"] == answer.json()["id"]


def test_of_posts_at_the_same_moment_one_makes_a_document(api: Client, invoice: bytes) -> None:
    ticket = announce(api, invoice)
    send(ticket, invoice)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: post(api, {"upload": ticket["upload_id"]}), range(6)))
    assert sorted(answer.status_code for answer in answers)[:2] == [202, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {
        "upload_used",
        "upload_not_received",
    }


def test_other_bytes_than_announced_are_refused_and_can_be_sent_again(api: Client, invoice: bytes) -> None:
    ticket = announce(api, invoice, sha256=hashlib.sha256(invoice).hexdigest())
    source = {"upload": ticket["upload_id"]}
    for wrong in (invoice + b"\0", invoice[:-1], invoice[:-1] + b"\0", b""):
        assert send(ticket, wrong) == 200
        problem(post(api, source), 422, "upload_mismatch")
    assert send(ticket, invoice) == 200
    assert post(api, source).status_code == 202


def test_a_url_that_was_changed_is_refused_by_the_server(api: Client, invoice: bytes) -> None:
    ticket, other = announce(api, invoice), announce(api, invoice)
    swapped = ticket["url"].replace(ticket["upload_id"], other["upload_id"])
    assert send(ticket, invoice, swapped) == 403
    assert send(ticket, invoice, ticket["url"].replace("X-Amz-Expires=60", "X-Amz-Expires=6000")) == 403
    assert httpx.get(ticket["url"]).status_code == 403  # writing is all it allows


def test_what_can_not_be_announced(api: Client) -> None:
    def ask(**body: Any) -> httpx.Response:
        return api.http.post("/v1/uploads", json=body)

    problem(ask(bytes=LIMIT + 1), 413, "payload_too_large")
    for body in ({}, {"bytes": 0}, {"bytes": 1, "sha256": "x"}, {"bytes": 1, "more": 1}):
        problem(ask(**body), 422, "request_invalid")
    for upload in ("upl_none", "", "../x", "\0"):
        problem(post(api, {"upload": upload}), 404, "upload_not_found")


def test_urls_and_uploads_end(service: Service, api: Client, bucket: Bucket, invoice: bytes) -> None:
    ticket = announce(api, invoice)
    send(ticket, invoice)
    database = Database(f"sqlite:///{service.data_dir / 'quire.db'}")

    def an_hour_passes() -> None:
        with database.write() as connection:
            connection.execute(sa.update(uploads).values(expires_at=uploads.c.expires_at - 3_600_000_000))

    an_hour_passes()
    problem(post(api, {"upload": ticket["upload_id"]}), 410, "upload_expired")
    assert any(ticket["upload_id"] in name for name in staged(bucket))
    an_hour_passes()
    location = bucket_of(Settings.model_validate({"blobs_url": bucket.url("sources")}))
    presigned = Presigned(database, location, lifetime_s=1, max_bytes=LIMIT)
    presigned.sweep()
    assert staged(bucket) == []
    with database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(uploads)) == 0
    short = presigned.begin(DEFAULT_TENANT, Announced(None, len(invoice), None))
    time.sleep(2.5)
    assert send({"method": "PUT", "headers": {}, "url": short.url}, invoice) in (400, 403)
    assert staged(bucket) == []
    database.close()


def test_without_a_bucket_it_is_said_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        running(tmp_path_factory.mktemp("service") / "data", QUIRE_ENGINE_URL="scripted://") as service,
        httpx.Client(base_url=service.url) as http,
    ):
        answer = problem(http.post("/v1/uploads", json={"bytes": 1}), 422, "unsupported")
        assert "QUIRE_BLOBS_URL" in str(answer)
        answer = problem(
            http.post("/v1/documents", json={"source": {"object": "s3://bucket/key"}}), 422, "source_refused"
        )
        assert "QUIRE_SOURCE_BUCKETS" in str(answer)
