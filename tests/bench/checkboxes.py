"""Check boxes on scans: how many are found and right on generated forms, how many false on pages without any.

``python -m tests.bench.checkboxes [--forms N] [--pages DIR]``: DIR holds pictures of pages without any.
"""

import argparse
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from model_runtime.cpu_ocr.page import read_pixels
from pipeline import scan_boxes
from pipeline.orders import PageImage
from schemas.geometry import Box
from schemas.reading import PageReading, ReadWord
from tests.samples.tick_form import tick_form

_WIDEST = 1700


def marks(picture: Image.Image) -> tuple[list[tuple[bool, Box]], PageReading]:
    """Boxes found on a page that the CPU reader read."""
    out = io.BytesIO()
    picture.convert("L").save(out, "PNG")
    image = PageImage(out.getvalue(), "image/png", picture.width, picture.height)
    reading = scan_boxes.with_boxes(image, read_pixels(np.asarray(picture.convert("RGB")), ()))
    found = [w for line in reading.lines for w in line.words if w.text in ("☐", "☑")]
    return [(word.text == "☑", word.bbox) for word in found], reading


def labels(found: list[tuple[bool, Box]], reading: PageReading) -> Iterator[tuple[str, bool]]:
    """What stands to the right of each box, as it was read."""
    for ticked, box in found:
        words = [word for line in reading.lines for word in line.words if _right_of(word, box)]
        yield (
            "".join(word.text for word in sorted(words, key=lambda word: word.bbox[0])).replace(" ", ""),
            ticked,
        )


def _right_of(word: ReadWord, box: Box) -> bool:
    middle = (word.bbox[1] + word.bbox[3]) / 2
    level = abs(middle - (box[1] + box[3]) / 2) < 0.7 * (box[3] - box[1])
    return level and word.bbox[0] >= box[2] - 2 and word.bbox[0] < box[2] + 12 * (box[3] - box[1])


def forms(count: int) -> Counter[str]:
    tally: Counter[str] = Counter()
    for seed in range(1000, 1000 + count):
        form = tick_form(seed)
        found, reading = marks(form.scan(seed, dpi=150))
        truth = {label.replace(" ", ""): ticked for label, ticked in form.truth.items()}
        tally["boxes"] += len(truth)
        tally["found"] += len(found)
        for text, ticked in labels(found, reading):
            label = next((label for label in truth if text.startswith(label[:4])), None)
            tally["true"] += label is not None
            tally["right"] += label is not None and truth[label] == ticked
    return tally


def pages(folder: Path) -> Counter[str]:
    tally: Counter[str] = Counter()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".tif"):
            continue
        picture = Image.open(path)
        picture.thumbnail((_WIDEST, _WIDEST))
        tally["pages"] += 1
        tally["false"] += len(marks(picture)[0])
    return tally


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--forms", type=int, default=20)
    options.add_argument("--pages", type=Path)
    given = options.parse_args()
    tally = forms(given.forms)
    print("checkbox_forms", given.forms)
    print("checkbox_recall", round(tally["true"] / max(1, tally["boxes"]), 3))
    print("checkbox_precision", round(tally["true"] / max(1, tally["found"]), 3))
    print("checkbox_values_right", round(tally["right"] / max(1, tally["true"]), 3))
    if given.pages is not None:
        counted = pages(given.pages)
        print("checkbox_pages_without", counted["pages"])
        print("checkbox_false_alarms", counted["false"])


if __name__ == "__main__":
    main()
