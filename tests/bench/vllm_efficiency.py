"""The pipeline's share of what a vLLM server does by itself: `make bench-vllm`.

The pages are read once through the service while a proxy keeps every request that reaches the server. Then
the very same requests are sent straight to the server, at the same concurrency, by a few lines of httpx, and
the pages through the service again; these two are timed, in turn, on the same running server. The pages come
as one document (`vllm.document`) and as documents of one page (`vllm.singles`).

An engine on a GPU does not live off the cores that feed it. Here it does, so everything is measured twice:
with the server and the rest on cores of their own (`apart`), and with all cores for all (`shared`).
`vllm.efficiency` is that of a document, apart: the share of `direct_pages_per_s` that the pipeline reaches.
CPU milliseconds say who spent what, a page.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

import httpx
import psutil
from PIL import Image

from tests.bench.client import Api
from tests.bench.figures import Figures
from tests.bench.process import QuireProcess
from tests.bench.service import running
from tests.contract.pictures import picture
from tests.servers.recorder import Recorder
from tests.vllm.conftest import NANO
from tests.vllm.server import VllmServer, vllm

LINES = "Coffee 2.80\nBread 3.10\nMilk 1.20\nCash 10.00"


def _papers(folder: Path, count: int, batch: str, *, together: bool) -> list[Path]:
    """So many pages, no two alike, as one TIFF or as a PNG each."""
    pages = [picture(280, 168, f"{batch} 2024-{number:04}\n{LINES}").data for number in range(count)]
    if together:
        first, *others = [Image.open(BytesIO(page)) for page in pages]
        path = folder / f"{batch}.tiff"
        first.save(path, save_all=True, append_images=others, compression="tiff_deflate")
        return [path]
    paths = [folder / f"{batch}-{number}.png" for number in range(count)]
    for path, page in zip(paths, pages, strict=True):
        path.write_bytes(page)
    return paths


def _through(api: Api, papers: list[Path]) -> None:
    ids = [api.post(paper).json()["id"] for paper in papers]
    for document in map(api.wait, ids):
        if document["state"] != "succeeded":
            raise SystemExit(f"a document ended {document['state']}: {document['error']}")


def _straight(server: str, bodies: list[bytes], at_once: int) -> None:
    with httpx.Client(timeout=600, limits=httpx.Limits(max_connections=at_once)) as client:

        def one(body: bytes) -> None:
            url, headers = f"{server}/v1/chat/completions", {"Content-Type": "application/json"}
            with client.stream("POST", url, content=body, headers=headers) as answer:
                answer.raise_for_status()
                for _ in answer.iter_bytes():
                    pass

        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(one, bodies))


def _cpu_s(family: Iterable[psutil.Process]) -> float:
    spent = 0.0
    for process in family:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def _place(family: Iterable[psutil.Process], cores: set[int]) -> None:
    """Threads that exist already are not moved along with their process."""
    for process in family:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            for thread in process.threads():
                os.sched_setaffinity(thread.id, cores)


@dataclass
class Round:
    """Seconds, and CPU seconds of the server and of Quire, of one way to send the pages."""

    seconds: list[float] = field(default_factory=list)
    server_s: float = 0.0
    quire_s: float = 0.0


@dataclass(frozen=True)
class Bench:
    server: VllmServer
    pages: int
    at_once: int
    rounds: int
    folder: Path
    figures: Figures
    cores: list[int]

    def url(self, server: str) -> str:
        options = f"prompt=plain&visual_tokens=60&check=never&seeds=false&max_in_flight={self.at_once}"
        return f"vllm+{server}?{options}"

    def measure(self, name: str, *, together: bool, apart: bool) -> float:
        """The share of the server's pages per second."""
        mine, servers = self._cores(apart=apart)
        _place(self.server.processes(), servers)
        os.sched_setaffinity(0, mine)
        bodies = self._bodies(name, together=together)
        direct, pipeline = Round(), Round()
        settings = {"QUIRE_ENGINE_URL": self.url(self.server.url)}
        with ExitStack() as opened:
            service = opened.enter_context(running(self.folder / name, **settings))
            api = opened.enter_context(Api(service.url))
            _through(api, self._papers(f"{name}-warm", together=together))
            for number in range(self.rounds):
                self._timed(direct, service, partial(_straight, self.server.url, bodies, self.at_once))
                papers = self._papers(f"{name}-{number}", together=together)
                self._timed(pipeline, service, partial(_through, api, papers))
        return self._told(name, direct, pipeline)

    def _bodies(self, name: str, *, together: bool) -> list[bytes]:
        with Recorder(self.server.url) as recorder:
            url, data = self.url(recorder.url), self.folder / f"{name}-first"
            with running(data, QUIRE_ENGINE_URL=url) as service, Api(service.url) as api:
                _through(api, self._papers(f"{name}-first", together=together))
                return recorder.bodies("/v1/chat/completions")

    def _papers(self, batch: str, *, together: bool) -> list[Path]:
        return _papers(self.folder, self.pages, batch, together=together)

    def _timed(self, into: Round, service: QuireProcess, call: Callable[[], None]) -> None:
        server, quire = self.server.processes(), service.processes()
        before = _cpu_s(server), _cpu_s(quire)
        begun = time.monotonic()
        call()
        into.seconds.append(time.monotonic() - begun)
        into.server_s += _cpu_s(server) - before[0]
        into.quire_s += _cpu_s(quire) - before[1]

    def _told(self, name: str, direct: Round, pipeline: Round) -> float:
        figures, pages = self.figures, self.pages * self.rounds
        figures.add(f"vllm.{name}.direct_pages_per_s", pages / sum(direct.seconds))
        figures.add(f"vllm.{name}.pipeline_pages_per_s", pages / sum(pipeline.seconds))
        figures.add(f"vllm.{name}.server_cpu_ms_direct", 1000 * direct.server_s / pages)
        figures.add(f"vllm.{name}.server_cpu_ms_pipeline", 1000 * pipeline.server_s / pages)
        figures.add(f"vllm.{name}.quire_cpu_ms", 1000 * pipeline.quire_s / pages)
        shares = [a / b for a, b in zip(direct.seconds, pipeline.seconds, strict=True)]
        share = statistics.median(shares)
        figures.add(f"vllm.{name}.efficiency", share)
        return share

    def _cores(self, *, apart: bool) -> tuple[set[int], set[int]]:
        """For everything else, and for the server."""
        half = len(self.cores) // 2
        if not apart or half == 0:
            return set(self.cores), set(self.cores)
        return set(self.cores[half:]), set(self.cores[:half])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=64)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    figures, cores = Figures(), sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(vllm(NANO, "nano-qwen2-vl", folder / "vllm.log"))
        bench = Bench(server, asked.pages, asked.at_once, asked.rounds, folder, figures, cores)
        figures.add("vllm.pages", asked.pages * asked.rounds)
        figures.add("vllm.at_once", asked.at_once)
        share = bench.measure("document_apart", together=True, apart=True)
        bench.measure("singles_apart", together=False, apart=True)
        bench.measure("document_shared", together=True, apart=False)
        bench.measure("singles_shared", together=False, apart=False)
        figures.add("vllm.efficiency", share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
