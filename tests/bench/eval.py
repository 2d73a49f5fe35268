"""Measures the service on a folder of documents with known contents: `python tests/bench/eval.py --data DIR`.

Starts the embedded service on a scratch data folder unless --url names one. Prints one `name value` line per
figure, and on stderr what stands behind each that is not perfect. docs/evaluation.md describes DIR.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.bench.client import Api
from tests.bench.eval_facts import facts
from tests.bench.eval_fields import invoices, nested, receipts
from tests.bench.eval_languages import languages, pages
from tests.bench.eval_robustness import robustness
from tests.bench.eval_tables import tables
from tests.bench.figures import Figures
from tests.bench.service import Service, running

Group = Callable[[Api, Path, Figures], None]


def _nested(api: Api, _folder: Path, figures: Figures) -> None:
    nested(api, figures)


# Name, the sub-folder it reads (none: it brings its own documents), what measures it.
GROUPS: tuple[tuple[str, str | None, Group], ...] = (
    ("facts", "facts", facts),
    ("sroie", "sroie", receipts),
    ("fields", None, _nested),
    ("invoices", "invoices", invoices),
    ("tables", "tables", tables),
    ("languages", "languages", languages),
    ("pages", "pages", pages),
    ("robustness", "robustness", robustness),
)


def _options(arguments: list[str]) -> argparse.Namespace:
    names = [name for name, _, _ in GROUPS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sub-folders to measure")
    parser.add_argument("--only", default="", help=f"comma-separated groups out of {', '.join(names)}")
    parser.add_argument("--url", help="a service that runs already, instead of starting one")
    parser.add_argument("--out", type=Path, help="write figures and remarks here as JSON")
    parser.add_argument("--in-flight", type=int, default=2, help="documents under way at once")
    options = parser.parse_args(arguments)
    options.only = [name for name in options.only.split(",") if name] or names
    unknown = set(options.only) - set(names)
    if unknown:
        parser.error(f"unknown group: {', '.join(sorted(unknown))}")
    if not options.data.is_dir():
        parser.error(f"no such folder: {options.data}")
    return options


def measure(api: Api, data: Path, only: list[str], figures: Figures) -> None:
    """Every wanted group whose sub-folder is there; the others are said to be skipped."""
    for name, sub, group in GROUPS:
        if name not in only:
            continue
        folder = data / sub if sub else data
        if not folder.is_dir():
            print(f"skipped {name}: no {sub}/ in {data}", file=sys.stderr)
            continue
        begun = time.monotonic()
        group(api, folder, figures)
        figures.add(f"{name}.wall_s", round(time.monotonic() - begun, 1))


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    figures = Figures()
    with ExitStack() as stack:
        service: Service | None = None
        url = options.url
        if url is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quire-eval-")))
            service = stack.enter_context(running(scratch / "data"))
            url = service.url
        revive = service.revive if service else None
        api = stack.enter_context(Api(url, in_flight=options.in_flight, revive=revive))
        measure(api, options.data, options.only, figures)
        deaths = service.deaths if service else 0
    figures.add("service.deaths", deaths)
    if options.out:
        figures.write(options.out)
    return 1 if deaths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
