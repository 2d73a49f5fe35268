"""What docker-compose.yml runs, run: its commands, environment and health checks as local processes.

The stores are real servers. Images, networks and limits are the container engine's, and are not tested.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest
import redis

from tests.e2e.client import Client
from tests.samples.invoice import invoice_pdf
from tests.samples.receipt import receipt_jpeg
from tests.servers.collector import Collector, Span
from tests.servers.compose import ComposeService, services
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.s3 import KEY, SECRET, RcloneServer
from tests.servers.server import free_port

_PASSWORD = "planted4swordfish"
_BIN = Path(sys.executable).parent
_API_PORT, _METRICS_PORT, _S3_PORT = "8088", "9100", "9000"


class ComposedRedis(RedisServer):
    """With the command of the compose file."""

    def __init__(self, service: ComposeService) -> None:
        super().__init__()
        assert service.command[0] == "redis-server"
        self._given = service.command[1:]

    def _command(self) -> list[str]:
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return [str(self._program), *self._given, *place]

    def _ready(self) -> bool:
        try:
            with redis.Redis(port=self.port, password=_PASSWORD) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class Container:
    """A service as a process: what would be its network and file system are ports and a folder of its own."""

    def __init__(
        self, service: ComposeService, stores: dict[str, str], folder: Path, more: dict[str, str]
    ) -> None:
        self.service = service
        self.log = folder / f"{service.name}.log"
        self._data = folder / service.name
        self._data.mkdir()
        self._places = stores | {
            f":{_API_PORT}": f":{free_port()}",
            f":{_METRICS_PORT}": f":{free_port()}",
            "0.0.0.0": "127.0.0.1",
        }
        given = {name: self._moved(text) for name, text in service.environment.items()}
        for name, port in (("QUIRE_PORT", _API_PORT), ("QUIRE_METRICS_PORT", _METRICS_PORT)):
            if name in given:
                given[name] = self._moved(f":{port}").removeprefix(":")
        self.environment = {
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "PYTHONDONTWRITEBYTECODE": "1",
            "QUIRE_DATA_DIR": str(self._data),  # these two are the image's
            "QUIRE_LOG_FORMAT": "json",
            **more,
            **given,
        }
        self.key = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1{self._moved(f':{_API_PORT}')}"

    def make_key(self) -> None:
        """`docker compose run api keys create`."""
        made = subprocess.run(
            ["quire", "keys", "create", "--scopes", "admin"],
            env=self.environment,
            executable=str(_BIN / "quire"),
            capture_output=True,
            text=True,
            check=True,
        )
        self.key = made.stdout.strip()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["quire", *self.service.command],
                env=self.environment,
                executable=str(_BIN / "quire"),
                cwd=self._data,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait()

    def healthy(self) -> bool:
        """Once its health check says so; False when it ended instead."""
        assert self._process is not None
        check = [self._moved(part) for part in self.service.check]
        assert check[0] == "python"
        while self._process.poll() is None:
            done = subprocess.run(
                [sys.executable, *check[1:]], env=self.environment, capture_output=True, check=False
            )
            if done.returncode == 0:
                return True
            time.sleep(0.5)
        return False

    def stop(self) -> tuple[int, float]:
        """As the engine stops it: how it ended, and after how many seconds."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(), time.monotonic() - begun

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _moved(self, text: str) -> str:
        for here, there in self._places.items():
            text = text.replace(here, there)
        return text


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


@pytest.fixture(scope="module")
def composed(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Container]]:
    """Everything under way, in the order of `depends_on`."""
    found = services(
        {
            "POSTGRES_PASSWORD": _PASSWORD,
            "REDIS_PASSWORD": _PASSWORD,
            "S3_KEY": KEY,
            "S3_SECRET": quote(SECRET, safe=""),
        }
    )
    folder = tmp_path_factory.mktemp("composed")
    with ExitStack() as stack:
        database, broker, s3 = PostgresServer(), ComposedRedis(found["redis"]), RcloneServer()
        for server in (database, broker, s3):
            stack.callback(server.close)
            server.start()
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE quire LOGIN")
            connection.execute("CREATE DATABASE quire OWNER quire")
        stores = {
            "@postgres:5432": f"@127.0.0.1:{database.port}",
            "@redis:6379": f"@127.0.0.1:{broker.port}",
            f"@s3:{_S3_PORT}": f"@127.0.0.1:{s3.port}",
        }
        # As a .env might have it.
        more = {"QUIRE_OTLP_URL": collector.url, "QUIRE_LOG_LEVEL": "debug"}
        containers = {
            name: Container(service, stores, folder, more)
            for name, service in found.items()
            if service.image == "quire:local"
        }
        migrate = containers.pop("migrate")
        migrate.start()
        assert migrate.wait() == 0, migrate.log.read_text()
        containers["api"].make_key()
        for container in containers.values():
            stack.callback(container.kill)
            container.start()
        for container in containers.values():
            assert container.healthy(), container.log.read_text()[-3000:]
        yield containers


@pytest.fixture
def api(composed: dict[str, Container]) -> Iterator[Client]:
    key = {"Authorization": f"Bearer {composed['api'].key}"}
    with httpx.Client(base_url=composed["api"].url, timeout=120, headers=key) as http:
        yield Client(http)


def test_documents_are_read_across_processes(api: Client) -> None:
    """A page with a text layer, and one that only the CPU reader in worker-read can read."""
    invoice = api.read(invoice_pdf(), "invoice.pdf", schema="invoice")
    receipt = api.ended(api.send(receipt_jpeg(), "receipt.jpg").json()["id"])
    assert (invoice["state"], receipt["state"]) == ("succeeded", "succeeded")
    assert "RE-2024-00815" in api.http.get(f"/v1/documents/{invoice['id']}/result.md").text
    assert "25.36" in api.http.get(f"/v1/documents/{receipt['id']}/result.md").text


def test_one_trace_spans_the_processes(api: Client, collector: Collector) -> None:
    run = api.read(invoice_pdf(), "invoice.pdf", reuse=False)["run_id"]

    def jobs(spans: list[Span]) -> list[Span]:
        return [span for span in spans if span.attributes.get("quire.run_id") == run]

    def posts(spans: list[Span]) -> list[Span]:
        traces = {span.trace for span in jobs(spans)}
        return [span for span in spans if span.trace in traces and span.name == "POST /v1/documents"]

    wanted = {"job plan", "job raster", "job finish"}
    spans = collector.spans(
        lambda spans: wanted <= {span.name for span in jobs(spans)} and bool(posts(spans))
    )
    assert len({span.trace for span in jobs(spans)}) == 1
    assert {span.service for span in jobs(spans)} == {"quire-worker"}
    assert [span.service for span in posts(spans)] == ["quire-api"]
    assert {span.parent for span in jobs(spans)} == {posts(spans)[0].ident}


def test_every_process_shows_its_figures(composed: dict[str, Container]) -> None:
    for name, container in composed.items():
        port = container.environment["QUIRE_METRICS_PORT"]
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        looks = container.service.command[0] != "worker"
        assert ("quire_database_up 1.0" in text) == looks, name
        assert f'process="{container.service.command[0]}"' in text, name


def test_no_log_holds_a_secret(composed: dict[str, Container]) -> None:
    for container in composed.values():
        text = container.log.read_text()
        for secret in (_PASSWORD, SECRET, quote(SECRET, safe=""), composed["api"].key):
            assert secret not in text, container.service.name


def test_everything_ends_well_within_its_grace(composed: dict[str, Container]) -> None:
    """The last one: nothing runs after it."""
    for name, container in composed.items():
        code, seconds = container.stop()
        assert code == 0, (name, container.log.read_text()[-3000:])
        assert seconds < container.service.grace_s, name
