"""kill -9 while the members of a batch are being found, and a backlog that is full: all of them end, once."""

import io
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from services.stores.batch_tables import batches
from services.stores.engine import Database
from services.stores.tables import documents
from tests.bench.batch_archive import numbered, page
from tests.bench.cluster import Calls, Cluster, Servers
from tests.bench.process import QuireProcess
from tests.bench.service import Service, running
from tests.e2e.client import Client

ENTRIES, EVERY, KILLS = 8000, 200, 3
"""Every 200th entry is a document, and cheap to read; the others are refused, and take time to be found."""

PATIENCE_S = 240.0
ENGINE = {"QUIRE_ENGINE_URL": "scripted://", "QUIRE_CPU_PROCESSES": "1"}


def archive(entries: int, every: int) -> bytes:
    made, template = io.BytesIO(), page()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as packed:
        for number in range(1, entries + 1):
            if number % every:
                packed.writestr(f"{number}.txt", f"note {number}")
            else:
                packed.writestr(f"{number}.pdf", numbered(template, number))
    return made.getvalue()


def post(url: str, content: bytes) -> str:
    answer = httpx.post(f"{url}/v1/batches", files={"file": ("many.zip", content)}, timeout=60)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def look(url: str, batch: str) -> dict[str, Any]:
    return dict(httpx.get(f"{url}/v1/batches/{batch}", timeout=60).raise_for_status().json())


def wait(url: str, batch: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_S
    while not reached(found := look(url, batch)):
        assert time.monotonic() < until, found
        time.sleep(0.02)
    return found


def kill_while_finding(database: Database, batch: str, process: QuireProcess) -> None:
    """Each time some more have been found since, and not all. Counters come too late to say so."""
    query, last = sa.select(batches.c.position, batches.c.expanded_at).where(batches.c.id == batch), 0
    for _ in range(KILLS):
        until, position = time.monotonic() + PATIENCE_S, last
        while position <= last:
            with database.read() as connection:
                position, expanded = connection.execute(query).one()
            assert time.monotonic() < until, position
            time.sleep(0.01)
        assert expanded is None, "all were found before the last kill"
        last = position
        process.kill()
        process.start()


def once(api: Client, database: Database, batch: str) -> None:
    """Every member is there, has ended, and did so once."""
    ended = api.get(f"/v1/batches/{batch}")
    read = ENTRIES // EVERY
    assert (ended["state"], ended["error"]) == ("partial", None)
    assert (ended["counts"]["succeeded"], ended["counts"]["refused"]) == (read, ENTRIES - read)
    assert ended["progress"] == {"members_total": ENTRIES, "members_done": ENTRIES}
    answer = api.http.get(f"/v1/batches/{batch}/results.csv")
    numbers = [int(line.split(",")[0]) for line in answer.text.splitlines()[1:]]
    assert numbers == list(range(1, ENTRIES + 1))
    told: Counter[int] = Counter()
    sequences: list[int] = []
    with api.http.stream("GET", f"/v1/batches/{batch}/results.ndjson?include=fields") as lines:
        for line in lines.iter_lines():
            sequence, number = (int(part.split(":")[1]) for part in line.split(",")[:2])
            sequences.append(sequence)
            told[number] += 1
    assert sequences == list(range(1, ENTRIES + 1))
    assert told == dict.fromkeys(range(1, ENTRIES + 1), 1)
    with database.read() as connection:
        query = sa.select(documents.c.filename).where(documents.c.batch_id == batch)
        assert sorted(connection.scalars(query)) == sorted(
            f"{number}.pdf" for number in range(EVERY, ENTRIES + 1, EVERY)
        )


@contextmanager
def looking(url: str) -> Iterator[Database]:
    database = Database(url, pool_size=1)
    try:
        yield database
    finally:
        database.close()


def test_a_service_killed_while_it_finds_members(tmp_path: Path) -> None:
    with (
        running(tmp_path / "data", **ENGINE) as service,
        httpx.Client(base_url=service.url, timeout=120) as http,
    ):
        batch = post(service.url, archive(ENTRIES, EVERY))
        with looking(f"sqlite:///{service.data_dir / 'quire.db'}") as database:
            kill_while_finding(database, batch, service)
            wait(service.url, batch, lambda now: now["finished_at"] is not None)
            once(Client(http), database, batch)


def test_a_worker_killed_while_it_finds_members(tmp_path: Path) -> None:
    """On Postgres, where the one that comes after it waits until its lease has ended."""
    with Servers() as servers, servers.settings() as urls:
        settings = ENGINE | {"QUIRE_LEASE_S": "2"}
        cluster = Cluster(tmp_path, urls, Calls(tmp_path / "calls"), **settings)
        worker = cluster.worker("worker", "raster,read,finish")
        cluster.sweep()
        with cluster, httpx.Client(base_url=cluster.api.url, timeout=120) as http:
            batch = post(cluster.api.url, archive(ENTRIES, EVERY))
            with looking(urls["QUIRE_DATABASE_URL"]) as database:
                kill_while_finding(database, batch, worker)
                wait(cluster.api.url, batch, lambda now: now["finished_at"] is not None)
                once(Client(http), database, batch)


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Service]:
    """Ten documents may wait, five of them of batches."""
    engine = {"QUIRE_ENGINE_URL": "scripted://", "QUIRE_CPU_PROCESSES": "1"}
    with running(tmp_path / "data", **engine, QUIRE_MAX_BACKLOG_PAGES="10") as service:
        yield service


def test_members_wait_for_room_through_a_kill_and_leave_some_to_others(crowded: Service) -> None:
    pdfs = 40
    batch = post(crowded.url, archive(pdfs, 1))
    with httpx.Client(base_url=crowded.url, timeout=120) as http:
        api = Client(http)

        def members() -> list[dict[str, Any]]:
            return list(api.get(f"/v1/batches/{batch}/documents", state="waiting", limit=1000)["items"])

        wait(crowded.url, batch, lambda now: bool(now["expanded"]) and len(members()) < pdfs)
        waiting = members()
        assert pdfs - 15 <= len(waiting) < pdfs, "a few became documents, the others wait"
        assert {member["document_id"] for member in waiting} == {None}
        single = api.send(numbered(page(), 77), "single.pdf")
        assert single.status_code == 202, "half of the room is left to documents posted one by one"
        crowded.kill()
        crowded.start()
        ended = wait(crowded.url, batch, lambda now: now["finished_at"] is not None)
        assert (ended["state"], ended["counts"]["succeeded"]) == ("succeeded", pdfs)
        assert api.ended(single.json()["id"])["state"] == "succeeded"
