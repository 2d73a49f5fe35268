"""Kills `quire serve` with SIGKILL again and again while it reads one document, and compares the outcome.

`python tests/bench/kill_drill.py [--pages 200] [--kills 10]`: exit code 0 when every page is there exactly
once and the result equals that of an undisturbed run, apart from ids, times and attempts.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.bench.client import TERMINAL, Api
from tests.bench.figures import Figures
from tests.bench.service import Service, running
from tests.samples.long import long_pdf

_VARYING = frozenset(
    {
        "id", "run_id", "document_id", "created_at", "started_at", "finished_at", "expires_at", "attempts",
        "usage", "tries",
    }
)  # fmt: skip
_ORPHAN_S = 15.0


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two results differ, ids, times and attempts aside (ids of blocks and tables do count)."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if name in _VARYING and not path.endswith("]"):
                continue
            if name in _VARYING - {"id"}:
                continue
            yield from differences(one.get(name), other.get(name), f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            yield from differences(a, b, f"{path}[{index}]")
    elif one != other:
        yield f"{path}: {one!r:.80} / {other!r:.80}"


def _result(api: Api, document_id: str) -> dict[str, Any]:
    answer = api.http.get(f"/v1/documents/{document_id}/result")
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _undisturbed(pdf: Path, scratch: Path) -> tuple[dict[str, Any], float]:
    with running(scratch / "undisturbed") as service, Api(service.url) as api:
        begun = time.monotonic()
        document = api.wait(api.post(pdf).json()["id"])
        return _result(api, document["id"]), time.monotonic() - begun


def _progress(api: Api, document_id: str) -> tuple[str, int]:
    document = api.document(document_id)
    progress = document["progress"]
    return document["state"], progress["pages_done"] + progress["pages_failed"]


def _orphans(family: list[psutil.Process]) -> int:
    """Children that outlive the killed service by more than they need to notice."""
    _, alive = psutil.wait_procs(family[1:], timeout=_ORPHAN_S)
    return len(alive)


class Drill:
    """One document, read by a service that keeps dying."""

    def __init__(self, service: Service, api: Api, pages: int) -> None:
        self.service, self.api, self.pages = service, api, pages
        self.kills = self.lost = self.orphans = 0

    def until(self, document_id: str, done: int) -> bool:
        """True once ``done`` pages are done and the document is not finished yet."""
        while True:
            state, now = _progress(self.api, document_id)
            if state in TERMINAL:
                return False
            if now >= done:
                return True
            time.sleep(0.02)

    def kill_and_restart(self, document_id: str) -> None:
        _, before = _progress(self.api, document_id)
        family = self.service.processes()
        self.service.kill()
        self.kills += 1
        self.orphans += _orphans(family)
        self.service.start()
        _, after = _progress(self.api, document_id)
        self.lost += max(before - after, 0)
        print(f"kill {self.kills}: {before} of {self.pages} pages done, {after} after", file=sys.stderr)

    def run(self, pdf: Path, kills: int) -> dict[str, Any]:
        document_id: str = self.api.post(pdf).json()["id"]
        for number in range(kills):
            if not self.until(document_id, self.pages * number // kills):
                break
            self.kill_and_restart(document_id)
        self.api.wait(document_id)
        return _result(self.api, document_id)


def _report(drill: Drill, disturbed: dict[str, Any], calm: dict[str, Any], figures: Figures) -> None:
    numbers = Counter(page["number"] for page in disturbed["pages"])
    differing = list(differences(calm, disturbed))
    for difference in differing[:20]:
        figures.remark("kill", difference)
    figures.add("kill.kills", drill.kills)
    figures.add("kill.pages", drill.pages)
    figures.add("kill.missing", drill.pages - len(numbers))
    figures.add("kill.twice", sum(count > 1 for count in numbers.values()))
    figures.add("kill.differences", len(differing))
    figures.add("kill.lost_pages", drill.lost)
    figures.add("kill.orphans", drill.orphans)


def drill(scratch: Path, pages: int, kills: int, scan_every: int) -> Figures:
    """The whole drill in a scratch folder."""
    figures = Figures()
    pdf = long_pdf(scratch / "long.pdf", pages, scan_every)
    calm, calm_s = _undisturbed(pdf, scratch)
    begun = time.monotonic()
    with running(scratch / "disturbed") as service, Api(service.url) as api:
        under_fire = Drill(service, api, pages)
        disturbed = under_fire.run(pdf, kills)
    _report(under_fire, disturbed, calm, figures)
    figures.add("kill.undisturbed_s", round(calm_s, 1))
    figures.add("kill.disturbed_s", round(time.monotonic() - begun, 1))
    return figures


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--scan-every", type=int, default=10, help="every n-th page is a scan")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quire-kill-") as folder:
        figures = drill(Path(folder), options.pages, options.kills, options.scan_every)
    if options.out:
        figures.write(options.out)
    faults = ("missing", "twice", "differences", "lost_pages", "orphans")
    if figures.values["kill.kills"] < options.kills:
        print("the document was done before the last kill: use more pages", file=sys.stderr)
        return 1
    return int(any(figures.values[f"kill.{name}"] for name in faults))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except httpx.HTTPError as error:
        sys.exit(f"the service answered badly: {error}")
