"""The pipeline's share of what a vLLM server does by itself: `make bench-vllm`.

The pages are read once through the service while a proxy keeps every request that reaches the server. Then
the very same requests are sent straight to the server, at the same concurrency, by a few lines of httpx, and
the pages through the service again; these two are timed, in turn, on the same running server.

`vllm.direct_pages_per_s`, `vllm.pipeline_pages_per_s` and `vllm.efficiency`, the second over the first.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.bench.client import Api
from tests.bench.figures import Figures
from tests.bench.service import running
from tests.contract.pictures import picture
from tests.servers.recorder import Recorder
from tests.vllm.conftest import NANO
from tests.vllm.server import vllm

LINES = "Coffee 2.80\nBread 3.10\nMilk 1.20\nCash 10.00"


def _pages(folder: Path, count: int, batch: str) -> list[Path]:
    paths = [folder / f"{batch}-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(picture(280, 168, f"{batch} 2024-{number:04}\n{LINES}").data)
    return paths


def _through(api: Api, pages: list[Path]) -> None:
    ids = [api.post(page).json()["id"] for page in pages]
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


def _timed(call: Callable[[], None]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


@dataclass(frozen=True, slots=True)
class Load:
    pages: int
    at_once: int
    rounds: int

    def url(self, server: str) -> str:
        options = f"prompt=plain&visual_tokens=60&check=never&seeds=false&max_in_flight={self.at_once}"
        return f"vllm+{server}?{options}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=64)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help="a server that runs already and hosts tests/data/nano-reader")
    asked = parser.parse_args()
    load = Load(asked.pages, asked.at_once, asked.rounds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = asked.url or stack.enter_context(vllm(NANO, "nano-qwen2-vl", folder / "vllm.log")).url
        _measure(url, folder, load, Figures())
    return 0


def _measure(url: str, folder: Path, load: Load, figures: Figures) -> None:
    batches = [_pages(folder, load.pages, f"Round{n}") for n in range(load.rounds + 1)]
    with (
        Recorder(url) as recorder,
        running(folder / "first", QUIRE_ENGINE_URL=load.url(recorder.url)) as service,
        Api(service.url) as api,
    ):
        _through(api, batches[0])
        bodies = recorder.bodies("/v1/chat/completions")
    direct = pipeline = 0.0
    with running(folder / "second", QUIRE_ENGINE_URL=load.url(url)) as service, Api(service.url) as api:
        for batch in batches[1:]:
            direct += _timed(partial(_straight, url, bodies, load.at_once))
            pipeline += _timed(partial(_through, api, batch))
    pages = load.pages * load.rounds
    figures.add("vllm.pages", pages)
    figures.add("vllm.requests_per_page", len(bodies) / load.pages)
    figures.add("vllm.at_once", load.at_once)
    figures.add("vllm.direct_pages_per_s", pages / direct)
    figures.add("vllm.pipeline_pages_per_s", pages / pipeline)
    figures.add("vllm.efficiency", direct / pipeline)


if __name__ == "__main__":
    sys.exit(main())
