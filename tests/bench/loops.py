"""False alarms of the loop detection on the text of real documents: `python -m tests.bench.loops DIR`.

Every PDF's text layer, page by page, and every text and JSON file, in tokens of four letters, about what
those of language models hold. No page was written by a model, so each alarm is false.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pymupdf

from model_runtime.loops import first_loop
from tests.bench.figures import Figures

TOKEN = 4
_TEXTS = frozenset({".txt", ".json", ".csv", ".md", ".html", ".xml"})


def pages(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".pdf":
            yield from _pdf(path)
        elif path.suffix.lower() in _TEXTS:
            yield path.name, path.read_text(encoding="utf-8", errors="replace")


def _pdf(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with pymupdf.open(path) as document:
            for number in range(min(document.page_count, 200)):
                yield f"{path.name} page {number + 1}", document[number].get_text()
    except (RuntimeError, ValueError):
        return  # broken on purpose


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    figures = Figures()
    count = alarms = characters = 0
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    for name, text in pages(parser.parse_args().folder):
        if not text.strip():
            continue
        count += 1
        characters += len(text)
        found = first_loop([text[at : at + TOKEN] for at in range(0, len(text), TOKEN)])
        if found is not None:
            alarms += 1
            figures.remark("loops", f"{name}: {found[1]}")
    figures.add("loops.pages", count)
    figures.add("loops.characters", characters)
    figures.add("loops.false_alarms", alarms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
