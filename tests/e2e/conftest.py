"""One `quire serve` process for the tests of the API: real store, workers and sockets, a scripted engine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.stores.engine import Database
from tests.bench.service import running as running_service
from tests.e2e.client import Client
from tests.samples.invoice import invoice_pdf
from tests.samples.long import long_pdf
from tests.samples.receipt import receipt_jpeg

LIMIT = 3_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A service, and its data for tests that look behind the API."""

    url: str
    data: Path

    def database(self) -> Database:
        return Database(f"sqlite:///{self.data / 'quire.db'}")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("service") / "data"
    settings = {
        "QUIRE_ENGINE_URL": "scripted://?delay_ms=50",
        "QUIRE_MAX_UPLOAD_BYTES": str(LIMIT),
        "QUIRE_MAX_REQUEST_BYTES": "100000",
        "QUIRE_MAX_JSON_BYTES": "1000000",
        "QUIRE_SOURCE_ALLOW": "127.0.0.1/32",
        "QUIRE_SOURCE_TIMEOUT_S": "20",
        "QUIRE_WEBHOOK_ALLOW": "127.0.0.1/32",
        "QUIRE_CPU_PROCESSES": "2",
    }
    with running_service(data, **settings) as service:
        yield Running(service.url, data)


@pytest.fixture
def api(running: Running) -> Iterator[Client]:
    with httpx.Client(base_url=running.url, timeout=120) as http:
        yield Client(http)


@pytest.fixture(scope="session")
def invoice() -> bytes:
    """One page with a text layer."""
    return invoice_pdf()


@pytest.fixture(scope="session")
def receipt() -> bytes:
    """A photographed page, which an engine must read."""
    return receipt_jpeg()


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Forty pages with a text layer."""
    return long_pdf(Path(tmp_path_factory.mktemp("long")) / "long.pdf", 40).read_bytes()
