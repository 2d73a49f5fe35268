"""How fast and how cheaply pages are fed to an engine: `python -m tests.bench.feed [--pdfs DIR]`.

With an engine that answers at once: pages per second from POST to the end, CPU milliseconds per page of all
processes of Quire, and what of it is left once drawing and encoding are subtracted, which is measured on the
same pages in this process. With an engine that takes two seconds and 64 calls at once, and pages prepared
before: the share of the 32 pages per second that would be ideal.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import httpx
import sqlalchemy as sa

from model_runtime.call_log import ANSWERED, BEGUN
from model_runtime.spec import scripted_spec
from pipeline import raster, recipe
from pipeline.images_encode import encode
from pipeline.ledger import Queue
from pipeline.orders import PageOrder, SourceFile
from schemas.errors import QuireError
from schemas.request import BudgetRequest, Task
from services.stores.work_tables import jobs
from tests.bench.client import TERMINAL
from tests.bench.cluster import Calls, Cluster, Servers
from tests.bench.figures import Figures
from tests.bench.gauge import Memory, Work
from tests.samples.long import long_pdf

_LATENCY_MS, _IN_FLIGHT = 2000, 64
_SETTLED_S = 5.0


class Feeder:
    """Posts files and waits for them."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self.ids: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, path: Path) -> None:
        with path.open("rb") as file:
            answer = self._http.post(
                "/v1/documents", files={"file": (path.name, file)}, data={"reuse": "false", "tasks": "text"}
            )
        answer.raise_for_status()
        self.ids.append(answer.json()["id"])

    def wait(self) -> dict[str, int]:
        """How many pages ended in which way, once all documents have."""
        pages = {"done": 0, "failed": 0}
        for ident in self.ids:
            while True:
                document = (
                    self._http.get(f"/v1/documents/{ident}", headers={"Prefer": "wait=30"})
                    .raise_for_status()
                    .json()
                )
                if document["state"] in TERMINAL:
                    break
            for name in pages:
                pages[name] += document["progress"][f"pages_{name}"] or 0
        return pages


def _scans(folder: Path, pages: int) -> list[Path]:
    """Documents of the size that people send, every page a scan."""
    return [long_pdf(folder / f"scans{n}.pdf", 40, 1) for n in range(max(1, pages // 40))]


def _files(pdfs: Path | None, scratch: Path, pages: int) -> list[Path]:
    """As many of the given files, again and again, as have so many pages."""
    if pdfs is None:
        made = _scans(scratch, min(pages, 400))
        return [made[n % len(made)] for n in range(max(1, pages // 40))]
    given = sorted(path for path in pdfs.rglob("*.pdf"))
    counts = {path: _count(path) for path in given}
    files: list[Path] = []
    usable = [path for path in given if counts[path]]
    while usable and sum(counts[path] for path in files) < pages:
        files.append(usable[len(files) % len(usable)])
    return files


def _count(path: Path) -> int:
    try:
        return raster.open_document(SourceFile(str(path), "application/pdf")).page_count
    except QuireError:
        return 0


def _drawing_ms(files: Sequence[Path], most: int) -> float:
    """CPU milliseconds per page of drawing, to look at and at the size chosen, and of encoding."""
    spec, spent, pages = scripted_spec(1), 0.0, 0
    for path in dict.fromkeys(files):
        source = SourceFile(str(path), "application/pdf")
        for number in range(1, _count(path) + 1):
            order = PageOrder(
                number=number, limits=spec.limits, pixels_per_x_height=spec.pixels_per_x_height,
                budget=BudgetRequest(), tasks=frozenset({Task.TEXT}),
            )  # fmt: skip
            try:
                prepared = recipe.prepare_page(source, order)
                if prepared.budget is not None:
                    begun = time.process_time()
                    page = raster.open_page(source, number)
                    recipe._grey(page, recipe._probe_scale(page.geometry))
                    encode(page.picture(prepared.budget.width, prepared.budget.height))
                    spent += time.process_time() - begun
            except QuireError:
                continue
            pages += 1
            if pages >= most:
                return 1000 * spent / pages
    return 1000 * spent / max(pages, 1)


def _cluster(scratch: Path, urls: dict[str, str], delay_ms: int, in_flight: int) -> Cluster:
    scratch.mkdir()
    calls = Calls(scratch / "calls")
    settings = {"QUIRE_ENGINE_URL": calls.url(delay_ms, in_flight, model=True), "QUIRE_LEASE_S": "60"}
    cluster = Cluster(scratch, urls, calls, **settings)
    cluster.worker("raster", "raster", QUIRE_CPU_PROCESSES="2")
    cluster.worker("read", "read")
    cluster.worker("finish", "finish")
    return cluster


def measure_cost(scratch: Path, files: Sequence[Path], servers: Servers, figures: Figures) -> None:
    """Pages per second and CPU per page with an engine that costs nothing."""
    with (
        servers.settings() as urls,
        _cluster(scratch / "cost", urls, 0, 16) as cluster,
        Feeder(cluster.api.url) as feeder,
    ):
        feeder.post(files[0])
        feeder.wait()  # children have started and loaded what they need
        feeder.ids.clear()
        with Memory(cluster) as memory, Work(cluster) as work:
            for path in files:
                feeder.post(path)
            ended = feeder.wait()
    pages = sum(ended.values())
    drawing = _drawing_ms(files, 200)
    figures.add("feed.pages", pages)
    figures.add("feed.pages_failed", ended["failed"])
    figures.add("feed.pages_per_s", round(pages / work.seconds, 2))
    figures.add("feed.cpu_ms", round(1000 * work.total / pages, 2))
    figures.add("feed.cpu_ms_drawing", round(drawing, 2))
    figures.add("feed.cpu_ms_outside_raster", round(1000 * work.total / pages - drawing, 2))
    for name, seconds in work.own.items():
        figures.add(f"feed.cpu_ms_{name}", round(1000 * seconds / pages, 2))
        if work.children[name]:
            figures.add(f"feed.cpu_ms_{name}_children", round(1000 * work.children[name] / pages, 2))
    for name, (own, child) in memory.peaks().items():
        figures.add(f"feed.memory_mb_{name}", round(own))
        figures.add(f"feed.growth_mb_{name}", round(memory.growths()[name], 1))
        if child:
            figures.add(f"feed.memory_mb_{name}_child", round(child))


def _waiting(cluster: Cluster) -> int:
    """Pages that are prepared and wait for the engine."""
    with cluster.database() as connection:
        ready = sa.select(sa.func.count()).where(jobs.c.queue == str(Queue.READ))
        return connection.execute(ready).scalar_one()


def measure_share(scratch: Path, servers: Servers, figures: Figures, pages: int) -> None:
    """The share of the pages per second that an engine with this latency and concurrency allows.

    All pages are prepared before: what that costs is measured above, and here it would share the cores.
    """
    files = _scans(scratch, pages)
    with (
        servers.settings() as urls,
        _cluster(scratch / "share", urls, _LATENCY_MS, _IN_FLIGHT) as cluster,
        Feeder(cluster.api.url) as feeder,
    ):
        cluster.others["read"].stop()
        for path in files:
            feeder.post(path)
        while _waiting(cluster) < sum(_count(path) for path in files):
            time.sleep(0.5)
        cluster.others["read"].start()
        feeder.wait()
        events = cluster.calls.events()
    begun = [at for kind, at, _ in events if kind == BEGUN]
    # From when the pipe is full to when nothing new comes: the ends say how long documents are, not more.
    first, last = begun[0] + _LATENCY_MS / 1000 + _SETTLED_S, begun[-1]
    answered = sum(kind == ANSWERED and first <= at <= last for kind, at, _ in events)
    ideal = _IN_FLIGHT / (_LATENCY_MS / 1000)
    figures.add("feed.calls_per_s", round(answered / max(last - first, 1e-9), 2))
    figures.add("feed.share_of_ideal", round(answered / max(last - first, 1e-9) / ideal, 3))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pdfs", type=Path, help="a folder of PDFs, instead of generated scans")
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--share-pages", type=int, default=1200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="quire-feed-") as folder, Servers() as servers:
        scratch = Path(folder)
        if options.pages:
            files = _files(options.pdfs, scratch, options.pages)
            measure_cost(scratch, files, servers, figures)
        if options.share_pages:
            measure_share(scratch, servers, figures, options.share_pages)
    if options.out:
        figures.write(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
