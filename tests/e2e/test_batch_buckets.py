"""Batches out of a bucket, on a real S3 server: all below a prefix, and an archive sent straight to it."""

import itertools
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.bench.batch_archive import numbered, page
from tests.bench.service import Service, running
from tests.e2e.client import Client, problem
from tests.samples.archives import zipped
from tests.servers.s3 import Bucket

DOCUMENT_LIMIT = 100_000
MANY = 1100
"""Objects: servers list a thousand at a time, batches take five hundred."""

TEMPLATE = page()


@pytest.fixture(scope="module")
def inbox(bucket: Bucket) -> Bucket:
    made = bucket.beside()
    odd = {
        "in/Rechnung März.pdf": numbered(TEMPLATE, 1),
        "in/2026/a b+c%2F#?.pdf": numbered(TEMPLATE, 2),
        "in/2026/again.pdf": numbered(TEMPLATE, 2),
        "in/notes.txt": b"hello",
        "in/empty.pdf": b"",
        "in/.DS_Store": b"x",
        "in/__MACOSX/._a.pdf": b"x",
        "in/archive.zip": zipped({"inner.pdf": numbered(TEMPLATE, 3)}),
        "in/large.pdf": b"%PDF-1.7" + b"0" * DOCUMENT_LIMIT,
        "secret.pdf": numbered(TEMPLATE, 4),
    }
    # Empty ones cost little; documents stand on each of the pages.
    many = {
        f"many/{n:04}.pdf": numbered(TEMPLATE, n) if n % 100 == 50 or n == MANY - 1 else b""
        for n in range(MANY)
    }
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda pair: made.put(*pair), itertools.chain(odd.items(), many.items())))
    return made


@pytest.fixture(scope="module")
def api(bucket: Bucket, inbox: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    settings = {
        "QUIRE_BLOBS_URL": bucket.url("batches"),
        "QUIRE_SOURCE_BUCKETS": f"{inbox.url('in')}, {inbox.url('many')}",
        "QUIRE_MAX_UPLOAD_BYTES": str(DOCUMENT_LIMIT),
        "QUIRE_MAX_ARCHIVE_BYTES": "1000000",
        "QUIRE_ENGINE_URL": "scripted://",
        "QUIRE_CPU_PROCESSES": "1",
    }
    service: Service
    with (
        running(tmp_path_factory.mktemp("service") / "data", **settings) as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        yield Client(http)


def post(api: Client, source: dict[str, str]) -> httpx.Response:
    return api.http.post("/v1/batches", json={"source": source})


def ended(api: Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    while True:
        batch = api.http.get(answer.headers["location"], headers={"Prefer": "wait=60"}).json()
        if batch["finished_at"] is not None:
            return dict(batch)


def members(api: Client, batch: dict[str, Any]) -> list[dict[str, Any]]:
    return list(api.get(f"/v1/batches/{batch['id']}/documents", limit=1000)["items"])


def test_everything_below_a_prefix_is_read_skipped_or_refused_with_its_reason(
    api: Client, inbox: Bucket
) -> None:
    root = f"s3://{inbox.location.bucket}/in/"
    batch = ended(api, post(api, {"prefix": root}))
    assert (batch["kind"], batch["state"], batch["prefix"]) == ("prefix", "partial", root)
    assert batch["skipped"] == {"empty": 1, "junk": 2}
    assert batch["refused"] == {"unsupported_media_type": 2, "payload_too_large": 1}
    states = {member["name"].removeprefix(root): member["state"] for member in members(api, batch)}
    assert states == {
        "Rechnung März.pdf": "succeeded", "2026/a b+c%2F#?.pdf": "succeeded", "2026/again.pdf": "succeeded",
        "notes.txt": "refused", "archive.zip": "refused", "large.pdf": "refused",
    }  # fmt: skip
    read = api.get("/v1/documents", batch_id=batch["id"])["items"]
    assert Counter(document["sha256"] for document in read).most_common(1)[0][1] == 2
    assert {document["filename"] for document in read} == {"Rechnung März.pdf", "a b+c%2F#?.pdf", "again.pdf"}


def test_what_was_wrong_in_the_bucket_can_be_put_right_and_tried_again(api: Client, inbox: Bucket) -> None:
    inbox.put("in/later/a.pdf", b"not yet")
    root = f"s3://{inbox.location.bucket}/in/later/"
    batch = ended(api, post(api, {"prefix": root}))
    assert (batch["state"], batch["refused"]) == ("failed", {"unsupported_media_type": 1})
    inbox.put("in/later/a.pdf", numbered(TEMPLATE, 9))
    batch = ended(api, api.http.post(f"/v1/batches/{batch['id']}/retry"))
    assert (batch["state"], batch["refused"]) == ("succeeded", {})


def test_more_objects_than_a_listing_holds(api: Client, inbox: Bucket) -> None:
    batch = ended(api, post(api, {"prefix": f"s3://{inbox.location.bucket}/many/"}))
    found = members(api, batch)
    assert batch["state"] == "succeeded"
    assert [member["number"] for member in found] == [*range(51, MANY, 100), MANY]
    assert batch["skipped"] == {"empty": MANY - len(found)}
    assert batch["progress"] == {"members_total": len(found), "members_done": len(found)}


def test_a_prefix_below_which_nothing_lies(api: Client, inbox: Bucket) -> None:
    batch = ended(api, post(api, {"prefix": f"s3://{inbox.location.bucket}/in/nothing/"}))
    assert (batch["state"], batch["error"]["code"]) == ("failed", "batch_empty")


def test_other_places_are_refused_at_once(api: Client, inbox: Bucket, bucket: Bucket) -> None:
    mine = inbox.location.bucket
    for prefix in (
        f"s3://{mine}/", f"s3://{mine}/secret", f"s3://{mine}/inside", f"s3://{mine}/in/../secret",
        "s3://other/", f"s3://{bucket.location.bucket}/batches/", f"s3://{bucket.location.bucket}/",
    ):  # fmt: skip
        problem(post(api, {"prefix": prefix}), 422, "source_refused")
    problem(post(api, {"prefix": "https://example.org/"}), 422, "request_invalid")
    assert api.get("/v1/batches", limit=200)["items"] == [
        one
        for one in api.get("/v1/batches", limit=200)["items"]
        if one["prefix"].split("/")[3] in ("in", "many")
    ], "nothing was made of them"


def test_an_archive_sent_straight_to_the_bucket(api: Client, bucket: Bucket) -> None:
    """It may be larger than a document; what it holds may not."""
    archive = zipped({
        **{f"{n}.pdf": numbered(TEMPLATE, 100 + n) for n in range(3)},
        "large.pdf": b"%PDF-1.7" + bytes(range(256)) * 500,
    }, method=0)  # fmt: skip
    assert len(archive) > DOCUMENT_LIMIT
    ticket = api.http.post("/v1/uploads", json={"filename": "many.zip", "bytes": len(archive)})
    assert ticket.status_code == 201, ticket.text
    about = ticket.json()
    source = {"upload": about["upload_id"]}
    problem(post(api, source), 409, "upload_not_received")
    sent = httpx.request(about["method"], about["url"], content=archive, headers=about["headers"])
    assert sent.status_code == 200
    problem(api.http.post("/v1/documents", json={"source": source}), 413, "payload_too_large")
    batch = ended(api, post(api, source))
    assert (batch["kind"], batch["filename"], batch["bytes"]) == ("archive", "many.zip", len(archive))
    assert (batch["counts"]["succeeded"], batch["refused"]) == (3, {"payload_too_large": 1})
    assert bucket.keys("batches/staging/") == []
    problem(post(api, source), 409, "upload_used")
    problem(post(api, {"upload": "upl_none"}), 404, "upload_not_found")
