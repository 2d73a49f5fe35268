"""Writes the sample documents: `python tests/samples/make.py DIR`.

With --evaluation they come with their true values, in the layout of docs/evaluation.md.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tests.samples.invoice import invoice_pdf
from tests.samples.layout import evaluation_files
from tests.samples.letter import rotated_scan_pdf
from tests.samples.order import order_pdf
from tests.samples.receipt import receipt_jpeg
from tests.samples.report import report_pdf
from tests.samples.scripts import arabic_pdf, japanese_png

SAMPLES: dict[str, Callable[[], bytes]] = {
    "invoice_de.pdf": invoice_pdf,
    "receipt_scan.jpg": receipt_jpeg,
    "report.pdf": report_pdf,
    "order.pdf": order_pdf,
    "japanese.png": japanese_png,
    "arabic.pdf": arabic_pdf,
    "rotated_scan.pdf": rotated_scan_pdf,
}


def make_samples(folder: Path) -> list[Path]:
    """All samples as files in ``folder``, which is created."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, make in SAMPLES.items():
        (folder / name).write_bytes(make())
        paths.append(folder / name)
    return paths


def make_evaluation(folder: Path) -> Path:
    """The samples with their true values, in the layout that the evaluation reads."""
    for name, content in evaluation_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--evaluation", action="store_true", help="with true values, as `eval.py --data` reads"
    )
    options = parser.parse_args(arguments)
    if options.evaluation:
        print(make_evaluation(options.folder))
    else:
        print(*make_samples(options.folder), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
