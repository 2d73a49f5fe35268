"""Quire as separate processes on Postgres, Redis and S3: killed, frozen or stopped, nothing is lost."""

import http.client
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import sqlalchemy as sa

from services.stores.tables import idempotency, pages
from services.stores.work_tables import attempts, jobs, processes
from tests.bench.cluster import Calls, Cluster, Servers, quire
from tests.docs.webhook_page import verify
from tests.e2e.client import Client, problem
from tests.samples.long import long_pdf
from tests.servers.receiver import Receiver

SCANS = 6


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def cluster(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    scratch = tmp_path_factory.mktemp("cluster")
    calls = Calls(scratch / "calls")
    with servers.settings() as urls:
        settings = {
            "QUIRE_ENGINE_URL": calls.url(1500, 3),
            "QUIRE_LEASE_S": "3",
            "QUIRE_SHUTDOWN_S": "0.5",
            "QUIRE_WEBHOOK_ALLOW": "127.0.0.1/32",
        }
        cluster = Cluster(scratch, urls, calls, **settings)
        cluster.worker("raster", "raster,finish,deliver")
        cluster.worker("read", "read")
        with cluster:
            yield cluster


@pytest.fixture
def reading(cluster: Cluster) -> Iterator[Cluster]:
    """With its reading worker alive before and after."""
    worker = cluster.others["read"]
    if not worker.alive:
        worker.start()
    yield cluster
    if worker.alive:
        worker.signal(signal.SIGCONT)


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Client]:
    with httpx.Client(base_url=cluster.api.url, timeout=120) as http:
        yield Client(http)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Pages that an engine must read."""
    return long_pdf(Path(tmp_path_factory.mktemp("scans")) / "scans.pdf", SCANS, 1).read_bytes()


def _until_called(cluster: Cluster, calls: int = 1) -> None:
    while cluster.calls.in_flight < calls:
        time.sleep(0.05)


def _tries(cluster: Cluster, run: str) -> list[tuple[int, int, int]]:
    """Attempts, setbacks and solo of the run's jobs."""
    with cluster.database() as connection:
        rows = connection.execute(
            sa.select(jobs.c.attempts, jobs.c.setbacks, jobs.c.solo).where(jobs.c.run_id == run)
        )
        return [(row.attempts, row.setbacks, row.solo) for row in rows]


def _held(cluster: Cluster, key: str) -> bool:
    with cluster.database() as connection:
        return bool(connection.execute(sa.select(idempotency).where(idempotency.c.key == key)).all())


def _whole(cluster: Cluster, api: Client, document_id: str) -> None:
    """Every page was read, once, and no failed try was held against any."""
    document = api.ended(document_id)
    assert document["state"] == "succeeded", document
    read = api.get(f"/v1/documents/{document_id}/result")["pages"]
    assert [(page["number"], page["state"], page["attempts"]) for page in read] == [
        (number, "read", 1) for number in range(1, SCANS + 1)
    ]
    with cluster.database() as connection:
        run = document["run_id"]
        blamed = sa.select(attempts).where(attempts.c.run_id == run, attempts.c.counted)
        assert not connection.execute(blamed).all()
        left = connection.scalar(sa.select(sa.func.count()).where(jobs.c.run_id == run))
        assert left == 0


def test_a_document_goes_through_all_processes(
    reading: Cluster, api: Client, invoice: bytes, scans: bytes
) -> None:
    with Receiver() as receiver:
        document = api.read(invoice, schema="invoice", callback_url=f"{receiver.url}/done")
        (told,) = receiver.at("/done")
    assert document["state"] == "succeeded"
    secret = api.get("/v1/webhooks/callbacks/secret")["secret"]
    assert verify(secret, told.headers, told.body)["data"]["document_id"] == document["id"]
    scanned = api.send(scans, reuse=False).json()["id"]
    _whole(reading, api, scanned)
    image = api.http.get(f"/v1/documents/{scanned}/pages/1/image")
    assert image.status_code == 200


def test_cancelling_ends_the_calls_of_the_engine_in_another_process(
    reading: Cluster, api: Client, scans: bytes
) -> None:
    document = api.send(scans, reuse=False).json()["id"]
    _until_called(reading, 2)
    answered = reading.calls.answered
    assert api.http.post(f"/v1/documents/{document}/cancel").status_code == 200
    while reading.calls.in_flight:
        time.sleep(0.02)
    assert reading.calls.answered - answered < SCANS
    retried = api.http.post(f"/v1/documents/{document}/retry").json()
    assert api.ended(document)["state"] == "succeeded"
    assert retried["id"] == api.get(f"/v1/documents/{document}")["run_id"]


def test_what_a_killed_worker_had_in_flight_is_read_by_the_next(
    reading: Cluster, api: Client, scans: bytes
) -> None:
    document = api.send(scans, reuse=False).json()["id"]
    _until_called(reading, 3)
    worker = reading.others["read"]
    children = worker.processes()[1:]
    worker.kill()
    psutil.wait_procs(children, timeout=60)
    assert not [child for child in children if child.is_running()]
    worker.start()
    _whole(reading, api, document)


def test_a_frozen_worker_commits_nothing_that_others_took_over_and_comes_back(
    reading: Cluster, api: Client, scans: bytes
) -> None:
    document = api.send(scans, reuse=False).json()["id"]
    _until_called(reading, 3)
    frozen = reading.others["read"]
    frozen.signal(signal.SIGSTOP)
    frozen_pid = frozen.processes()[0].pid
    second = reading.worker("second", "read")
    second.start()
    try:
        _whole(reading, api, document)
    finally:
        second.stop()
        del reading.others["second"]
    with reading.database() as connection:
        before = connection.execute(sa.select(pages).where(pages.c.document_id == document)).all()
        known = connection.scalars(sa.select(processes.c.pid)).all()
        assert frozen_pid not in known, "it was given up"
    frozen.signal(signal.SIGCONT)
    _whole(reading, api, api.send(scans, reuse=False).json()["id"])  # it works again, under another name
    with reading.database() as connection:
        after = connection.execute(sa.select(pages).where(pages.c.document_id == document)).all()
        assert after == before
        assert frozen_pid in connection.scalars(sa.select(processes.c.pid)).all()


def test_a_worker_that_is_asked_to_stop_hands_back_without_blame(
    reading: Cluster, api: Client, scans: bytes
) -> None:
    body = api.send(scans, reuse=False).json()
    _until_called(reading, 3)
    worker = reading.others["read"]
    children = worker.processes()[1:]
    worker.stop()
    assert worker.exit_code == 0
    assert not [child for child in children if child.is_running()]
    assert set(_tries(reading, body["run_id"])) <= {(0, 0, 0)}
    worker.start()
    _whole(reading, api, body["id"])


def test_a_second_signal_ends_a_worker_at_once(reading: Cluster, api: Client, scans: bytes) -> None:
    body = api.send(scans, reuse=False).json()
    _until_called(reading, 3)
    worker = reading.worker("patient", "read", QUIRE_SHUTDOWN_S="3000")
    reading.others["read"].stop()
    worker.start()
    _until_called(reading, 3)
    worker.signal(signal.SIGTERM)
    time.sleep(0.3)
    if worker.alive:  # the calls under way may have ended in this moment
        worker.signal(signal.SIGTERM)
    worker.stop()
    del reading.others["patient"]
    reading.others["read"].start()
    _whole(reading, api, body["id"])


def test_replies_already_paid_for_are_committed_after_an_outage_of_the_database(
    reading: Cluster, servers: Servers, api: Client, scans: bytes
) -> None:
    answered = reading.calls.answered
    document = api.send(scans, reuse=False).json()["id"]
    _until_called(reading, 3)
    servers.postgres.stop()
    while reading.calls.in_flight:
        time.sleep(0.05)
    answer = api.http.get(f"/v1/documents/{document}")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    servers.postgres.start()
    while api.http.get(f"/v1/documents/{document}").status_code == 503:
        time.sleep(0.1)
    _whole(reading, api, document)
    assert reading.calls.answered - answered == SCANS, "nothing was read twice"


def test_a_broker_that_comes_back_empty_loses_nothing(
    reading: Cluster, servers: Servers, api: Client, scans: bytes
) -> None:
    servers.redis.kill()
    document = api.send(scans, reuse=False).json()["id"]
    _until_called(reading)
    servers.redis.start()
    _whole(reading, api, document)


def test_a_killed_api_frees_the_idempotency_keys_it_held(
    reading: Cluster, api: Client, invoice: bytes
) -> None:
    key = {"Idempotency-Key": "held by the dead"}
    half = http.client.HTTPConnection("127.0.0.1", reading.api.port)
    half.putrequest("POST", "/v1/documents")
    for name, value in {
        **key,
        "Content-Length": "100000",
        "Content-Type": "multipart/form-data; boundary=x",
    }.items():
        half.putheader(name, value)
    half.endheaders(b"--x")
    while not _held(reading, key["Idempotency-Key"]):
        time.sleep(0.05)
    problem(api.send(invoice, headers=key), 409, "idempotency_key_in_use")
    reading.api.kill()
    half.close()
    reading.api.start()
    while (answer := api.send(invoice, headers=key)).status_code == 409:
        time.sleep(0.2)
    assert answer.status_code == 202
    again = api.send(invoice, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == answer.json()["id"]


def test_processes_refuse_a_database_on_another_revision(servers: Servers, tmp_path: Path) -> None:
    with servers.settings() as urls, servers.databases.empty() as empty:
        settings = {**urls, "QUIRE_DATABASE_URL": empty, "QUIRE_DATA_DIR": str(tmp_path)}
        for process in ("api", "worker", "sweep"):
            refused = quire(process, **settings)
            assert refused.returncode == 1
            assert "this installation needs" in refused.stderr
            assert "quire migrate" in refused.stderr
        assert "-> start it" in quire("doctor", **settings).stdout
        assert quire("migrate", **settings).returncode == 0
        findings = quire("doctor", **settings)
        assert findings.returncode == 0, findings.stdout
        for name in ("database", "broker", "blobs"):
            assert f"ok      {name}" in findings.stdout


def test_the_doctor_names_what_cannot_be_reached(servers: Servers, tmp_path: Path) -> None:
    with servers.settings() as urls:
        settings = {
            **urls,
            "QUIRE_BROKER_URL": "redis://:hunter2@127.0.0.1:9/0",
            "QUIRE_DATA_DIR": str(tmp_path),
        }
        findings = quire("doctor", **settings)
    assert findings.returncode == 1
    assert "broken  broker" in findings.stdout
    assert "QUIRE_BROKER_URL" in findings.stdout
    assert "hunter2" not in findings.stdout
