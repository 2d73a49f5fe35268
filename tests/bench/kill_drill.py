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
    {"id", "run_id", "document_id", "created_at", "started_at", "finished_at", "expires_at", "attempts"}
)
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
    with running(scratch / "undisturbed") as service:
        api = Api(service.url)
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

    def __init__(self, service: Service, pages: int, figures: Figures) -> None:
        self.service, self.pages, self.figures = service, pages, figures
        self.api = Api(service.url)
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


def _report(drill: Drill, disturbed: dict[str, Any], calm: dict[str, Any], figures: Figures) -> bool:
    numbers = Counter(page["number"] for page in disturbed["pages"])
    missing = drill.pages - len(numbers)
    twice = sum(count > 1 for count in numbers.values())
    differing = list(differences(calm, disturbed))
    for difference in differing[:20]:
        figures.remark("kill", difference)
    figures.add("kill.kills", drill.kills)
    figures.add("kill.pages", drill.pages)
    figures.add("kill.missing", missing)
    figures.add("kill.twice", twice)
    figures.add("kill.differences", len(differing))
    figures.add("kill.lost_pages", drill.lost)
    figures.add("kill.orphans", drill.orphans)
    return not (missing or twice or differing or drill.lost or drill.orphans)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--scan-every", type=int, default=10, help="every n-th page is a scan")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="quire-kill-") as folder:
        scratch = Path(folder)
        pdf = long_pdf(scratch / "long.pdf", options.pages, options.scan_every)
        calm, calm_s = _undisturbed(pdf, scratch)
        begun = time.monotonic()
        with running(scratch / "disturbed") as service:
            drill = Drill(service, options.pages, figures)
            disturbed = drill.run(pdf, options.kills)
        good = _report(drill, disturbed, calm, figures)
        figures.add("kill.undisturbed_s", round(calm_s, 1))
        figures.add("kill.disturbed_s", round(time.monotonic() - begun, 1))
    if drill.kills < options.kills:
        print(f"the document was done after {drill.kills} kills: use more pages", file=sys.stderr)
    if options.out:
        figures.write(options.out)
    return 0 if good and drill.kills == options.kills else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except httpx.HTTPError as error:
        sys.exit(f"the service answered badly: {error}")
