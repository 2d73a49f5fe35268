"""Reads many documents while everything dies, and compares with a run in which nothing did.

`python -m tests.bench.chaos [--data DIR] [--documents 300] [--kills 50]`: the project's samples, hostile
files among them, and the PDFs and images of DIR go through the API, two workers that render, two that
read and one that finishes, on Postgres, Redis without persistence and S3, with a scripted engine. One page
of one document kills whichever process reads it, in the undisturbed run too. Exit code 0 when every
document ended as it did undisturbed, with an equal result, no page or document was stored twice, and the
engine answered at most 1.10 times as many calls.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import sqlalchemy as sa

from model_runtime.scripted import image_digest
from model_runtime.spec import scripted_spec
from pipeline import recipe
from pipeline.orders import PageOrder, SourceFile
from schemas.request import BudgetRequest, Task
from services.stores.tables import documents, events
from tests.bench.client import TERMINAL
from tests.bench.cluster import Calls, Cluster, Servers
from tests.bench.figures import Figures
from tests.bench.havoc import Blows, Havoc, Supervisor
from tests.bench.kill_drill import differences
from tests.samples.broken import BROKEN
from tests.samples.long import long_pdf
from tests.samples.make import make_samples

_KINDS = frozenset({".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"})
_ENDED = TERMINAL | {"refused"}
_RATIO = 1.10
_ENGINE_MS = 400
_IN_FLIGHT = 4


@dataclass(slots=True)
class Ending:
    """How a document ended: its state, or the status of the refusal, and its result."""

    state: str
    result: dict[str, Any] = field(default_factory=dict)


class Caller:
    """A client that insists: it repeats a POST under its Idempotency-Key until there is an answer."""

    def __init__(self, url: str, until: float) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        self._until = until

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, path: Path, key: str) -> str:
        """The id of the document, or how it was refused."""
        body = path.read_bytes()

        def send() -> httpx.Response:
            return self._http.post(
                "/v1/documents",
                files={"file": (path.name, body)},
                data={"reuse": "false", "external_id": key},
                headers={"Idempotency-Key": key},
            )

        answer = self._insist(send)
        return str(answer.json()["id"]) if answer.is_success else f"refused {answer.status_code}"

    def ending(self, posted: str) -> Ending:
        if posted.startswith("refused"):
            return Ending(posted)
        while True:
            document = self._insist(lambda: self._http.get(f"/v1/documents/{posted}")).json()
            if document["state"] in TERMINAL:
                break
            time.sleep(0.5)
        answer = self._insist(lambda: self._http.get(f"/v1/documents/{posted}/result"))
        # Where there is no result, the answer carries ids; what counts is why the document has none.
        why = document["error"] or answer.json()
        return Ending(document["state"], answer.json() if answer.is_success else {"code": why["code"]})

    def _insist(self, call: Any) -> httpx.Response:
        """Until somebody answers something that another try would not change, or time is over."""
        while True:
            try:
                answer: httpx.Response = call()
                if answer.status_code < 500 and not _comes_later(answer):
                    return answer
            except httpx.TransportError:
                pass
            if time.monotonic() > self._until:
                raise TimeoutError("the drill took too long")
            time.sleep(0.3)


def _comes_later(answer: httpx.Response) -> bool:
    """The request that held the key died, or too much is queued."""
    return answer.status_code == 429 or (
        answer.status_code == 409 and answer.json()["code"] == "idempotency_key_in_use"
    )


def corpus(scratch: Path, data: Path | None, count: int) -> list[Path]:
    """Files to post, the same one several times when there are too few."""
    folder = scratch / "files"
    samples = make_samples(folder)
    for name, make in BROKEN.items():
        (folder / name).write_bytes(make())
        samples.append(folder / name)
    samples.append(long_pdf(folder / "scans.pdf", 8, 1))
    samples.append(long_pdf(folder / "mixed.pdf", 12, 3))
    given = sorted(p for p in data.rglob("*") if p.suffix.lower() in _KINDS) if data else []
    files = [*samples, *given]
    return [files[index % len(files)] for index in range(max(count, 1))]


def poison(folder: Path) -> tuple[Path, str]:
    """A document, and the digest of the image of its second page, which shall kill its readers."""
    path = long_pdf(folder / "poison.pdf", 3, 1)
    spec = scripted_spec(1)
    order = PageOrder(
        number=2, limits=spec.limits, pixels_per_x_height=spec.pixels_per_x_height,
        budget=BudgetRequest(), tasks=frozenset({Task.TEXT, Task.TABLES}),
    )  # fmt: skip
    prepared = recipe.prepare_page(SourceFile(str(path), "application/pdf"), order)
    assert prepared.image is not None
    return path, image_digest(prepared.image.data)


def _cluster(scratch: Path, name: str, urls: dict[str, str], fatal: str | None) -> Cluster:
    folder = scratch / name
    folder.mkdir()
    calls = Calls(folder / "calls")
    cluster = Cluster(folder, urls, calls, QUIRE_ENGINE_URL=calls.url(_ENGINE_MS, _IN_FLIGHT, fatal=fatal))
    cluster.standard()
    return cluster


def _undisturbed(cluster: Cluster, files: Sequence[Path], until: float) -> list[Ending]:
    with cluster, Caller(cluster.api.url, until) as caller, Supervisor(cluster):
        posted = [caller.post(path, f"drill-{index}") for index, path in enumerate(files)]
        return [caller.ending(each) for each in posted]


def _batches(files: Sequence[Path], blows: int) -> Iterator[list[tuple[int, Path]]]:
    """Documents to post before each blow, so that there is work at all times."""
    numbered, done = list(enumerate(files)), 0
    for blow in range(1, blows + 1):
        upto = len(numbered) * blow // blows
        yield numbered[done:upto]
        done = upto


def _disturbed(cluster: Cluster, havoc: Havoc, files: Sequence[Path], until: float) -> list[Ending]:
    with (
        cluster,
        Caller(cluster.api.url, until) as caller,
        Supervisor(cluster),
        ThreadPoolExecutor(4) as pool,
    ):
        posting = []
        for blow, batch in zip(havoc.plan, _batches(files, len(havoc.plan)), strict=True):
            posting += [pool.submit(caller.post, path, f"drill-{index}") for index, path in batch]
            havoc.deal(blow)
            if time.monotonic() > until:
                raise TimeoutError("the drill took too long")
        posted = [future.result() for future in posting]
        return [caller.ending(each) for each in posted]


def _doubled(cluster: Cluster) -> int:
    """Documents made twice of one POST, pages that ended twice."""
    posts = sa.select(sa.func.count()).select_from(documents).group_by(documents.c.external_id)
    pages = (
        sa.select(sa.func.count())
        .select_from(events)
        .where(events.c.type == "page.finished")
        .group_by(events.c.run_id, events.c.data["number"].as_integer())
    )
    with cluster.database() as connection:
        return sum(count - 1 for query in (posts, pages) for count in connection.scalars(query) if count > 1)


def _quarantined(ending: Ending) -> int:
    pages = ending.result.get("pages", [])
    return sum((page["error"] or {}).get("code") == "quarantined" for page in pages)


def _compare(
    files: Sequence[Path], calm: Sequence[Ending], chaos: Sequence[Ending], figures: Figures
) -> None:
    lost = different = 0
    for path, one, other in zip(files, calm, chaos, strict=True):
        if one.state != other.state:
            lost += 1
            figures.remark("lost", f"{path.name}: {one.state}, then {other.state} {other.result.get('code')}")
        elif found := list(differences(one.result, other.result)):
            different += 1
            figures.remark("different", f"{path.name}: {'; '.join(found[:3])}")
    poisoned = [ending for path, ending in zip(files, chaos, strict=True) if path.name == "poison.pdf"]
    figures.add("chaos.poison_pages_quarantined", sum(_quarantined(ending) for ending in poisoned))
    figures.add("chaos.lost", lost)
    figures.add("chaos.different", different)


def drill(
    scratch: Path,
    files: Sequence[Path],
    blows: Blows,
    *,
    seed: int = 1,
    limit_s: float = 7200,
    fatal: str | None = None,
) -> Figures:
    """The whole drill in a scratch folder."""
    figures, begun = Figures(), time.monotonic()
    until = begun + limit_s
    with Servers() as servers:
        with servers.settings() as urls:
            calm_cluster = _cluster(scratch, "calm", urls, fatal)
            calm = _undisturbed(calm_cluster, files, until)
        calm_s, between = time.monotonic() - begun, time.monotonic()
        with servers.settings() as urls:
            cluster = _cluster(scratch, "chaos", urls, fatal)
            havoc = Havoc(cluster, servers, blows, seed)
            chaos = _disturbed(cluster, havoc, files, until)
            doubled = _doubled(cluster)
    figures.add("chaos.documents", len(chaos))
    for what, count in sorted(havoc.dealt.items()):
        figures.add("chaos.kills" if what == "worker" else f"chaos.{what}", count)
    _compare(files, calm, chaos, figures)
    figures.add("chaos.doubled", doubled)
    figures.add("chaos.engine_calls", calm_cluster.calls.answered)
    figures.add("chaos.engine_calls_ratio", cluster.calls.answered / max(calm_cluster.calls.answered, 1))
    figures.add("chaos.undisturbed_s", round(calm_s, 1))
    figures.add("chaos.seconds", round(time.monotonic() - between, 1))
    return figures


def passed(figures: Figures) -> bool:
    faults = ("lost", "different", "doubled")
    return not any(figures.values[f"chaos.{name}"] for name in faults)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder of PDFs and images besides the samples")
    parser.add_argument("--documents", type=int, default=300)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-s", type=float, default=7200, help="gives up after so long")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quire-chaos-") as folder:
        deadly, fatal = poison(Path(folder))
        files = [deadly, *corpus(Path(folder), options.data, options.documents - 1)]
        blows = Blows(kills=options.kills)
        figures = drill(Path(folder), files, blows, seed=options.seed, limit_s=options.limit_s, fatal=fatal)
    if options.out:
        figures.write(options.out)
    return int(not passed(figures) or figures.values["chaos.engine_calls_ratio"] > _RATIO)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
