"""Memory and waiting with one very long document: `python -m tests.bench.big_pdf [--distributed]`.

Samples the resident memory of the service and each of its children while the document is read and while its
result is fetched, and asks for the first page while the rest is under way. Distributed: the same of an API
and workers on Postgres, Redis and S3, each process by itself.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import psutil

from tests.bench.client import TERMINAL, Api
from tests.bench.cluster import Calls, Cluster, Servers
from tests.bench.figures import Figures
from tests.bench.gauge import Memory as ClusterMemory
from tests.bench.service import Service, running
from tests.samples.long import long_pdf

_MB = 1_000_000
_EVERY_S = 0.25


class Memory:
    """Resident memory of a service and its children over time, in a thread of its own."""

    def __init__(self, service: Service) -> None:
        self.samples: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
        self.server = service.processes()[0].pid
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY_S):
            for process in self._service.processes():
                try:
                    self.samples[process.pid].append((time.monotonic(), process.memory_info().rss))
                except psutil.NoSuchProcess:
                    continue

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def peak(self, pid: int, begin: float = 0.0, end: float = float("inf")) -> float:
        return max((rss for at, rss in self.samples[pid] if begin <= at <= end), default=0) / _MB

    def growth(self, pid: int, begin: float, end: float) -> float:
        """How much the peak of the last third exceeds the peak of the first third."""
        third = (end - begin) / 3
        return self.peak(pid, end - third, end) - self.peak(pid, begin, begin + third)


def _first_page(api: Api, document_id: str, begun: float) -> tuple[float, bool]:
    """Seconds until the first page can be read, and whether the document was still under way then."""
    while True:
        answer = api.http.get(f"/v1/documents/{document_id}/pages")
        items = answer.json()["items"] if answer.status_code == 200 else []
        if items and items[0].get("state") == "read":
            seconds = time.monotonic() - begun
            return seconds, api.document(document_id)["state"] not in TERMINAL
        if api.document(document_id)["state"] in TERMINAL:
            return time.monotonic() - begun, False
        time.sleep(0.05)


def _fetch_result(api: Api, document_id: str) -> int:
    """Bytes of the result, streamed and thrown away."""
    size = 0
    with api.http.stream("GET", f"/v1/documents/{document_id}/result") as answer:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            size += len(chunk)
    return size


def _measure(service: Service, pdf: Path, pages: int, figures: Figures) -> None:
    with Api(service.url, patience_s=7200) as api, Memory(service) as memory:
        begun = time.monotonic()
        document_id = api.post(pdf).json()["id"]
        first_s, under_way = _first_page(api, document_id, begun)
        document = api.wait(document_id)
        done = time.monotonic()
        time.sleep(1)
        rested = time.monotonic()
        size = _fetch_result(api, document_id)
        fetched = time.monotonic()
        time.sleep(2 * _EVERY_S)
    figures.add("big.pages", pages)
    figures.add("big.succeeded", int(document["state"] == "succeeded"))
    figures.add("big.seconds", round(done - begun, 1))
    figures.add("big.pages_per_s", round(pages / (done - begun), 2))
    figures.add("big.first_page_s", round(first_s, 2))
    figures.add("big.first_page_while_processing", int(under_way))
    figures.add("big.server_peak_mb", round(memory.peak(memory.server, begun, done)))
    figures.add("big.server_growth_mb", round(memory.growth(memory.server, begun, done)))
    children = [pid for pid in memory.samples if pid != memory.server]
    lasting = [pid for pid in children if memory.samples[pid][-1][0] - memory.samples[pid][0][0] > 5]
    figures.add("big.children", len(children))
    figures.add("big.child_peak_mb", round(max((memory.peak(pid) for pid in children), default=0)))
    growths = (
        memory.growth(pid, max(begun, memory.samples[pid][0][0]), min(done, memory.samples[pid][-1][0]))
        for pid in lasting
    )
    figures.add("big.child_growth_mb", round(max(growths, default=0)))
    figures.add("big.result_mb", round(size / _MB, 1))
    figures.add("big.result_s", round(fetched - rested, 1))
    before = memory.peak(memory.server, done, rested)
    figures.add("big.result_growth_mb", round(memory.peak(memory.server, rested, fetched + 1) - before))


def _measure_cluster(scratch: Path, pdf: Path, pages: int, figures: Figures) -> None:
    with Servers() as servers, servers.settings() as urls:
        calls = Calls(scratch / "calls")
        cluster = Cluster(scratch, urls, calls, QUIRE_ENGINE_URL=calls.url(0, 16), QUIRE_LEASE_S="60")
        cluster.standard()
        with cluster, Api(cluster.api.url, patience_s=7200) as api, ClusterMemory(cluster) as memory:
            begun = time.monotonic()
            document_id = api.post(pdf).json()["id"]
            first_s, under_way = _first_page(api, document_id, begun)
            document = api.wait(document_id)
            done = time.monotonic()
            read = memory.growths()
            size = _fetch_result(api, document_id)
    figures.add("cluster.pages", pages)
    figures.add("cluster.succeeded", int(document["state"] == "succeeded"))
    figures.add("cluster.pages_per_s", round(pages / (done - begun), 2))
    figures.add("cluster.first_page_s", round(first_s, 2))
    figures.add("cluster.first_page_while_processing", int(under_way))
    figures.add("cluster.result_mb", round(size / _MB, 1))
    for name, (own, child) in memory.peaks().items():
        figures.add(f"cluster.memory_mb_{name}", round(own))
        figures.add(f"cluster.growth_mb_{name}", round(read[name], 1))
        if child:
            figures.add(f"cluster.memory_mb_{name}_child", round(child))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--distributed", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="quire-big-") as folder:
        pdf = long_pdf(Path(folder, "long.pdf"), options.pages)
        if options.distributed:
            _measure_cluster(Path(folder), pdf, options.pages, figures)
        else:
            with running(Path(folder, "data")) as service:
                _measure(service, pdf, options.pages, figures)
    if options.out:
        figures.write(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
