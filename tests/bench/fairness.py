"""A small document beside a large backlog, and cancelling a large one: `python -m tests.bench.fairness`.

`fair.ratio`: the time of one tenant's one-page interactive document while 10,000 bulk pages of another
tenant are queued, over its time on an idle cluster (medians). `cancel.seconds`: from the POST that cancels a
document of 500 pages until no call of the engine is under way for it.
"""

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from schemas.ids import Digest, TenantId
from services.settings import from_environment
from services.stores import blob_rows, commands
from services.stores.choose import blobs_of
from services.stores.engine import Database
from tests.bench.cluster import Calls, Cluster, Servers
from tests.bench.figures import Figures
from tests.samples.long import long_pdf
from tests.samples.receipt import receipt_jpeg

_OTHER = TenantId("bulk")
_DOCUMENT = 500
_ENGINE_MS = 200


def _latency(http: httpx.Client, page: bytes) -> float:
    begun = time.monotonic()
    answer = http.post(
        "/v1/documents",
        files={"file": ("page.jpg", page)},
        data={"reuse": "false", "tasks": "text"},
        headers={"Prefer": "wait=60"},
    )
    answer.raise_for_status()
    if answer.status_code != 200:
        raise RuntimeError(f"not done in a minute: {answer.json()['state']}")
    return time.monotonic() - begun


def _median(http: httpx.Client, page: bytes, times: int) -> float:
    return statistics.median(_latency(http, page) for _ in range(times))


def _queue(urls: dict[str, str], scratch: Path, pdf: Path, documents: int) -> None:
    """Bulk documents of another tenant, as its own API calls would leave them."""
    settings = from_environment({**urls, "QUIRE_DATA_DIR": str(scratch)})
    database, blobs = Database(urls["QUIRE_DATABASE_URL"], pool_size=1), blobs_of(settings)
    size, digest = pdf.stat().st_size, Digest(hashlib.sha256(pdf.read_bytes()).hexdigest())
    with database.write() as connection:
        key, _ = blob_rows.touch(connection, _OTHER, digest, size)
    blobs.put(key, pdf)
    with database.write() as connection:
        blob_rows.mark_live(connection, key)
        for _ in range(documents):
            new = commands.NewDocument(_OTHER, key, "application/pdf", size)
            run = commands.NewRun({"tasks": ["text"], "reuse": False}, priority=commands.BULK)
            commands.create_document(connection, new, run)
    blobs.close()
    database.close()


def measure_fairness(scratch: Path, servers: Servers, figures: Figures, pages: int, times: int) -> None:
    scratch.mkdir()
    calls, page = Calls(scratch / "calls"), receipt_jpeg()
    pdf = long_pdf(scratch / "bulk.pdf", min(_DOCUMENT, pages), 1)
    with servers.settings() as urls:
        cluster = Cluster(scratch, urls, calls, QUIRE_ENGINE_URL=calls.url(_ENGINE_MS, 8, model=True))
        cluster.worker("raster", "raster", QUIRE_CPU_PROCESSES="2")
        cluster.worker("read", "read,finish")
        with cluster, httpx.Client(base_url=cluster.api.url, timeout=120) as http:
            _median(http, page, 3)  # children have started
            idle = _median(http, page, times)
            _queue(urls, scratch / "queueing", pdf, max(1, pages // _DOCUMENT))
            while calls.answered < min(50, pages):
                time.sleep(0.1)
            busy = _median(http, page, times)
    figures.add("fair.bulk_pages", pages)
    figures.add("fair.idle_s", round(idle, 3))
    figures.add("fair.busy_s", round(busy, 3))
    figures.add("fair.ratio", round(busy / idle, 2))


def measure_cancel(scratch: Path, servers: Servers, figures: Figures, pages: int, in_flight: int) -> None:
    scratch.mkdir()
    calls = Calls(scratch / "calls")
    pdf = long_pdf(scratch / "long.pdf", pages, 1)
    with servers.settings() as urls:
        cluster = Cluster(scratch, urls, calls, QUIRE_ENGINE_URL=calls.url(20_000, in_flight, model=True))
        cluster.worker("raster", "raster,finish")
        cluster.worker("read", "read")
        with cluster, httpx.Client(base_url=cluster.api.url, timeout=120) as http:
            with pdf.open("rb") as file:
                answer = http.post("/v1/documents", files={"file": ("long.pdf", file)}).raise_for_status()
            ident = answer.json()["id"]
            while calls.in_flight < in_flight:
                time.sleep(0.05)
            cancelled_at = time.time()
            http.post(f"/v1/documents/{ident}/cancel").raise_for_status()
            while calls.in_flight:
                time.sleep(0.02)
            time.sleep(2)
            events = calls.events()
    figures.add("cancel.in_flight", in_flight)
    figures.add("cancel.seconds", round(max(at for _, at, _ in events) - cancelled_at, 2))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=10_000, help="of the backlog")
    parser.add_argument("--times", type=int, default=9, help="measurements of the small document")
    parser.add_argument("--cancel-pages", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="quire-fair-") as folder, Servers() as servers:
        measure_cancel(Path(folder, "cancel"), servers, figures, options.cancel_pages, options.in_flight)
        measure_fairness(Path(folder, "fair"), servers, figures, options.pages, options.times)
    if options.out:
        figures.write(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
