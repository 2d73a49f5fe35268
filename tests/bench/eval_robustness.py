"""Broken, hostile and odd files: each must end in a terminal state or a 4xx, and the service must live."""

import subprocess
import sys
from pathlib import Path

from schemas.page import PageState
from tests.bench.client import TERMINAL, Api, Outcome
from tests.bench.figures import Figures

_LIMIT_S = 60.0
_OPENED = """
import sys, pymupdf
pymupdf.TOOLS.mupdf_display_errors(False)
for line in sys.stdin:
    try:
        with pymupdf.open(line.rstrip("\\n")) as document:
            print(int(not document.needs_pass and document.page_count > 0), flush=True)
    except Exception:
        print(0, flush=True)
"""


def _openable(files: list[Path]) -> set[Path]:
    """Files that PyMuPDF opens and finds pages in; one that kills the child that tries is not among them."""
    found: set[Path] = set()
    rest = files
    while rest:
        done = subprocess.run(
            [sys.executable, "-c", _OPENED],
            input="\n".join(map(str, rest)),
            capture_output=True,
            text=True,
            check=False,
        )
        answers = done.stdout.split()
        found.update(path for path, answer in zip(rest, answers, strict=False) if answer == "1")
        rest = rest[len(answers) + 1 :]
    return found


def _ended(outcome: Outcome) -> bool:
    """A 4xx with a stable code, or a terminal state whose failures say why."""
    if outcome.seconds > _LIMIT_S:
        return False
    if not outcome.document:
        return 400 <= outcome.status < 500 and bool(outcome.problem.get("code"))
    state, error = outcome.document.get("state"), outcome.document.get("error")
    if state == "failed":
        return bool(error and error.get("code"))
    if state not in TERMINAL or outcome.result is None:
        return False
    silent = [p.number for p in outcome.result.pages if p.state.failed and p.error is None]
    hidden = state == "succeeded" and any(p.state.failed for p in outcome.result.pages)
    return not silent and not hidden


def _readable(outcome: Outcome) -> bool:
    pages = outcome.result.pages if outcome.result else []
    return any(page.state in {PageState.READ, PageState.BLANK} for page in pages)


def robustness(api: Api, folder: Path, figures: Figures) -> None:
    files = sorted(path for path in folder.iterdir() if path.is_file())
    openable = _openable(files)
    ended = readable = 0
    slowest = 0.0
    for outcome in api.each(api.read, files):
        ended += _ended(outcome)
        slowest = max(slowest, outcome.seconds)
        if outcome.path in openable:
            readable += _readable(outcome)
        said = outcome.document.get("error") or outcome.problem.get("detail") or ""
        if not _ended(outcome) or (outcome.path in openable and not _readable(outcome)):
            ending = "ended" if _ended(outcome) else "NOT ENDED"
            figures.remark(
                "robustness", f"{outcome.path.name} {ending} {outcome.state} {outcome.seconds:.1f} s {said}"
            )
    figures.add("robustness.files", len(files))
    figures.add("robustness.terminal", ended)
    figures.add("robustness.openable", len(openable))
    figures.add("robustness.readable", readable)
    figures.add("robustness.slowest_s", slowest)
    figures.add("robustness.alive", int(api.http.get("/healthz").status_code == 200))
