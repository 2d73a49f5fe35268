"""What is deleted or expired is found nowhere: rows, files, caches, search, logs, bytes of the database."""

import json
import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pymupdf
import pytest
import sqlalchemy as sa

from services.settings import Settings
from services.stores.batch_tables import batches
from services.stores.choose import blobs_of
from services.stores.engine import Database
from services.stores.erasure import Erasure
from services.stores.tables import documents
from services.stores.upkeep import Upkeep
from tests.bench.service import Service
from tests.e2e.client import Client, problem
from tests.samples.archives import zipped
from tests.servers.s3 import Bucket

# One word for every place where a document or its owner may leave something.
_PLACES = "Text Value Name Label External Property Question Corrected Password Key"
PLANTED = {place: f"zw{place.lower()}q{number}xk" for number, place in enumerate(_PLACES.split(), start=7301)}
IN_BUCKET = "deletion"
WIDE = 40
"""Documents beside it: enough for pages of the database to be split and merged."""


@dataclass(frozen=True, slots=True)
class Place:
    """A running service, and everything it writes to."""

    service: Service
    database: Database
    folder: Path
    bucket: Bucket | None = None

    @property
    def settings(self) -> Settings:
        stored = {} if self.bucket is None else {"blobs_url": self.bucket.url(IN_BUCKET)}
        return Settings.model_validate({"data_dir": self.folder / "data", **stored})

    def upkeep(self) -> None:
        """What the sweeper does within a minute."""
        blobs = blobs_of(self.settings)
        Upkeep(self.database, blobs).tidy()
        blobs.close()

    def _in_bucket(self, key: str, wanted: list[bytes]) -> bool:
        assert self.bucket is not None
        answer = self.bucket.client.get_object(self.bucket.location.bucket, key)
        try:
            held = key.encode() + answer.read()
        finally:
            answer.close()
            answer.release_conn()
        return any(secret in held.lower() for secret in wanted)

    def traces(self, secrets: list[bytes]) -> set[str]:
        """Where any of these is still to be found: files by name, columns by table."""
        wanted = [secret.lower() for secret in secrets]
        files = [Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names]
        found = {str(path.relative_to(self.folder)) for path in files if _in_file(path, wanted)}
        if self.bucket is not None:
            keys = self.bucket.keys()
            found |= {f"s3:{key}" for key in keys if self._in_bucket(key, wanted)}
            # Copies that readers may still hold, for five minutes: docs/security.md says so.
            found = {name for name in found if not name.startswith("data/blob-cache/")}
        with self.database.read() as connection:
            for table in sa.inspect(connection).get_table_names():
                for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings():
                    for column, value in row.items():
                        if any(secret in _plain(value).lower() for secret in wanted):
                            found.add(f"{table}.{column}")
        return found


def _in_file(path: Path, wanted: list[bytes]) -> bool:
    try:
        held = path.read_bytes().lower()
    except FileNotFoundError:
        return False  # it went in this moment: somebody is at work
    return any(secret in held for secret in wanted)


def _plain(value: Any) -> bytes:
    """A value as text, packed ones unpacked."""
    if isinstance(value, memoryview | bytes):
        try:
            return zlib.decompress(value)
        except zlib.error:
            return bytes(value)
    return json.dumps(value, ensure_ascii=False, default=str).encode()


@pytest.fixture(scope="module", params=["sqlite", "postgres", "s3"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("deletion")
    data = folder / "data"
    settings = {"QUIRE_ENGINE_URL": "scripted://", "QUIRE_LOG_LEVEL": "debug", "QUIRE_CPU_PROCESSES": "1"}
    if request.param == "sqlite":
        yield from _running(folder, settings, f"sqlite:///{data / 'quire.db'}")
        return
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket").beside()
        stored = {"QUIRE_BLOBS_URL": bucket.url(IN_BUCKET)}
        yield from _running(folder, settings | stored, f"sqlite:///{data / 'quire.db'}", bucket)
        return
    with request.getfixturevalue("databases").migrated() as url:
        yield from _running(folder, settings | {"QUIRE_DATABASE_URL": url}, url)


def _running(
    folder: Path, settings: dict[str, str], url: str, bucket: Bucket | None = None
) -> Iterator[Place]:
    service = Service(folder / "data", **settings)
    service.start()
    database = Database(url, pool_size=2)
    try:
        yield Place(service, database, folder, bucket)
    finally:
        database.close()
        service.stop()


@pytest.fixture
def api(place: Place) -> Iterator[Client]:
    with httpx.Client(base_url=place.service.url, timeout=120) as http:
        yield Client(http)


def _pdf(*lines: str) -> bytes:
    with pymupdf.open() as document:
        page = document.new_page()
        for number, line in enumerate(lines):
            page.insert_text((72, 72 + 20 * number), line)
        document.set_metadata({"title": lines[-1]})  # in clear, so that the file itself can be recognised
        return bytes(document.tobytes())


def _plant(api: Client, filler: str = "") -> dict[str, Any]:
    """A document with a word in every place, used in every way that may copy one."""
    schema = {
        "type": "object",
        "properties": {"invoice_number": {"type": "string"}, PLANTED["Property"]: {"type": "string"}},
    }
    request = {
        "schema": schema,
        "questions": [f"What is {PLANTED['Question']}?"],
        "external_id": PLANTED["External"],
        "labels": {"dept": PLANTED["Label"]},
        "password": PLANTED["Password"],
    }
    content = _pdf(f"Invoice number: {PLANTED['Value']}", f"All about {PLANTED['Text']} {filler}")
    headers = {"Idempotency-Key": PLANTED["Key"] + filler, "Prefer": "wait=60"}
    answer = api.send(content, f"{PLANTED['Name']}.pdf", headers, **request)
    assert answer.status_code == 200, answer.text
    document = dict(answer.json())
    address = f"/v1/documents/{document['id']}"
    result = api.get(f"{address}/result")
    assert result["extraction"]["invoice_number"] == PLANTED["Value"]
    changed = {"corrections": [{"path": PLANTED["Property"], "value": PLANTED["Corrected"]}]}
    assert api.http.patch(f"{address}/fields", json=changed).status_code == 200
    for path in ("pages/1/image", "searchable.pdf", "result.md", "hocr", "chunks.json"):
        assert api.http.get(f"{address}/{path}").status_code == 200
    hits = api.get("/v1/search", q=PLANTED["Text"])["items"]
    assert document["id"] in {hit["document_id"] for hit in hits}
    return document


SECRETS = [word.encode() for place, word in PLANTED.items() if place != "Property"]


def test_after_delete_nothing_is_left(place: Place, api: Client) -> None:
    others = [
        api.read(_pdf(f"Page {number} of nobody {'lorem ipsum ' * 60}"), f"{number}.pdf")
        for number in range(WIDE)
    ]
    planted = [_plant(api, f"filler{number}") for number in range(4)]
    before = place.traces(SECRETS)
    assert {"documents.filename", "labels.value", "page_contents.content", "fields.content"} <= before
    assert {"idempotency.body", "documents.external_id", "runs.request"} <= before
    assert [name for name in before if name.startswith(("data/blobs/", "s3:"))], "its own bytes"
    for document in planted:
        assert api.http.delete(f"/v1/documents/{document['id']}").status_code == 204
        problem(api.http.get(f"/v1/documents/{document['id']}"), 404, "document_not_found")
    assert place.traces(SECRETS) == set()
    assert place.traces([PLANTED["Property"].encode()]) <= {"field_paths.path", "data/quire.db"}
    assert api.get("/v1/search", q=PLANTED["Text"])["items"] == []
    for other in others:
        assert api.http.get(f"/v1/documents/{other['id']}/result").status_code == 200


def test_after_its_retention_nothing_is_left(place: Place, api: Client) -> None:
    document = _plant(api)
    address = f"/v1/documents/{document['id']}"
    assert place.traces(SECRETS)
    with place.database.write() as connection:
        connection.execute(sa.update(documents).where(documents.c.id == document["id"]).values(expires_at=1))
    # Nobody has swept yet, and it is gone for everybody.
    for path in ("", "/result", "/pages", "/pages/1/image", "/runs", "/events"):
        problem(api.http.get(f"{address}{path}"), 410, "document_expired")
    problem(api.http.delete(address), 410, "document_expired")
    problem(api.http.post(f"{address}/retry"), 410, "document_expired")
    assert api.get("/v1/search", q=PLANTED["Text"])["items"] == []
    assert api.get("/v1/documents", external_id=PLANTED["External"])["items"] == []
    where = {"label": "dept", "op": "eq", "value": PLANTED["Label"]}
    assert api.http.post("/v1/query", json={"where": where}).json()["items"] == []
    blobs = blobs_of(place.settings)
    assert Erasure(place.database, blobs).expire() == 1
    blobs.close()
    place.upkeep()
    assert place.traces(SECRETS) == set()
    problem(api.http.get(address), 410, "document_expired")
    acts = api.get("/v1/audit", object_id=document["id"])["items"]
    assert [(act["action"], act["actor"]) for act in acts] == [
        ("document.expired", "retention"),
        ("document.corrected", "local"),
        ("document.created", "local"),
    ]


def _archive(filler: str) -> bytes:
    """A document, what is none, and what is refused, each with a name that tells something."""
    word = PLANTED["Name"]
    return zipped({
        f"{word}/{word}.pdf": _pdf(f"All about {PLANTED['Text']} {filler}"),
        f"{word}/{word}.txt": PLANTED["Value"].encode(),
        f"../{word}.pdf": _pdf("Nothing"),
    })  # fmt: skip


def _plant_batch(api: Client, filler: str) -> str:
    request = {
        "external_id": PLANTED["External"],
        "labels": {"dept": PLANTED["Label"]},
        "password": PLANTED["Password"],
    }
    parts: dict[str, Any] = {
        "file": (f"{PLANTED['Name']}.zip", _archive(filler)),
        "request": (None, json.dumps(request), "application/json"),
    }
    headers = {"Idempotency-Key": PLANTED["Key"] + filler}
    answer = api.http.post("/v1/batches", files=parts, headers=headers)
    assert answer.status_code == 202, answer.text
    address = str(answer.headers["location"])
    while api.http.get(address, headers={"Prefer": "wait=60"}).json()["finished_at"] is None:
        pass
    assert PLANTED["Name"] in api.http.get(f"{address}/results.csv").text
    return address


def test_after_a_batch_is_deleted_nothing_is_left_of_it_or_of_its_documents(
    place: Place, api: Client
) -> None:
    address = _plant_batch(api, "kept")
    (document,) = api.get("/v1/documents", batch_id=address.rsplit("/", 1)[1])["items"]
    before = place.traces(SECRETS)
    assert {"batches.filename", "batches.request", "batch_members.name", "idempotency.body"} <= before
    assert api.http.delete(address).status_code == 204
    for path in ("", "/documents", "/results.csv", "/results.ndjson", "/results.zip"):
        problem(api.http.get(f"{address}{path}"), 404, "batch_not_found")
    problem(api.http.delete(address), 404, "batch_not_found")
    place.upkeep()
    after = place.traces(SECRETS)
    assert {name for name in after if name.startswith(("batch", "idempotency"))} == set()
    assert api.get(f"/v1/documents/{document['id']}")["filename"] == f"{PLANTED['Name']}.pdf", "it stays"
    assert len([name for name in after if name.startswith(("data/blobs/", "s3:"))]) == 1, "not the archive"
    assert api.http.delete(f"/v1/documents/{document['id']}").status_code == 204
    assert place.traces(SECRETS) == set()

    address = _plant_batch(api, "gone")
    (document,) = api.get("/v1/documents", batch_id=address.rsplit("/", 1)[1])["items"]
    assert api.http.delete(address, params={"documents": "true"}).status_code == 204
    problem(api.http.get(f"/v1/documents/{document['id']}"), 410, "document_expired")
    place.upkeep()
    assert place.traces(SECRETS) == set()
    acts = api.get("/v1/audit", object_id=address.rsplit("/", 1)[1])["items"]
    assert [act["action"] for act in acts] == ["batch.deleted", "batch.created"]


def test_after_its_retention_nothing_is_left_of_a_batch(place: Place, api: Client) -> None:
    address = _plant_batch(api, "late")
    batch = address.rsplit("/", 1)[1]
    with place.database.write() as connection:
        connection.execute(sa.update(documents).where(documents.c.batch_id == batch).values(expires_at=1))
        request = {**connection.execute(sa.select(batches.c.request)).scalar_one(), "retention_hours": 1}
        connection.execute(sa.update(batches).values(request=request, finished_at=1))
    place.upkeep()
    problem(api.http.get(address), 404, "batch_not_found")
    assert place.traces(SECRETS) == set()


def test_a_batch_that_is_under_way_can_be_deleted(place: Place, api: Client) -> None:
    archive = zipped({f"{PLANTED['Name']}{n}.pdf": _pdf(f"Number {n}") for n in range(30)})
    address = str(api.http.post("/v1/batches", files={"file": ("a.zip", archive)}).headers["location"])
    assert api.http.delete(address, params={"documents": "true"}).status_code == 204
    problem(api.http.get(address), 404, "batch_not_found")
    until = time.monotonic() + 60
    while place.traces(SECRETS):  # a step that was being taken may have made documents or bytes before
        assert time.monotonic() < until, place.traces(SECRETS)
        place.upkeep()


def test_logs_hold_no_secret(place: Place, api: Client) -> None:
    """Neither of good requests, which came before this, nor of bad ones, at the level that says most."""
    word = PLANTED["Password"]
    key = {"Authorization": f"Bearer qk_{word}"}
    assert api.http.get("/v1/usage", headers=key).status_code == 401
    assert api.http.get(f"/v1/documents?external_id={word}&cursor={word}").status_code == 422
    assert api.http.get(f"/v1/documents/{word}").status_code == 404
    assert api.http.post("/v1/query", content=f'{{"where": {word}').status_code in (400, 415)
    assert api.send(_pdf("x"), password=word, schema={"type": word}).status_code == 422
    assert api.send(word.encode(), f"{word}.pdf").status_code == 415
    api.read(b"%PDF-1.7 " + word.encode(), f"{word}.pdf", password=word)
    log = place.service.log.read_text().lower()
    assert "post" in log
    for place_of, secret in PLANTED.items():
        lines = [line for line in log.splitlines() if secret in line]
        # An address that leads nowhere is a path, and paths are logged.
        assert [line for line in lines if f"/v1/documents/{word}" not in line] == [], place_of


def test_bytes_that_another_document_has_stay(api: Client) -> None:
    content = _pdf("Shared by two")
    one, two = api.read(content), api.read(content)
    assert api.http.delete(f"/v1/documents/{one['id']}").status_code == 204
    assert api.http.get(f"/v1/documents/{two['id']}/pages/1/image").status_code == 200
    wait = {"Prefer": "wait=60"}
    again = api.http.post(f"/v1/documents/{two['id']}/runs", json={"reuse": False}, headers=wait)
    assert again.json()["state"] == "succeeded"


def test_what_was_spent_is_told_by_month(api: Client) -> None:
    usage = api.get("/v1/usage")
    (month,) = usage["months"]
    assert month["pages"] > usage["pages"], "also of documents that are deleted"
    assert month["admitted"] == usage["quota"]["pages_admitted"] > 0
    assert (usage["quota"]["pages_per_month"], usage["quota"]["pages_left"]) == (None, None)
