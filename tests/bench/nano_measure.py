"""Measures what Quire decides around a model with the small one: `make measure-nano CHECKPOINT=DIR`.

Budget against accuracy, closer looks, certainty, and how much of what is made up is told. Figures go to
stdout; with them and the points of curves in FILE, `tests.bench.nano_plots` draws the plots of the docs.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from schemas.request import Task
from tests.bench import nano_budget, nano_certainty, nano_detect, nano_looks, nano_zoom
from tests.bench.figures import Figures
from tests.bench.nano_engines import Engine, service
from tests.bench.nano_eval import arguments, chosen
from tests.bench.nano_reader import local_reader

PARTS = ("budget", "detect", "zoom", "looks", "certainty")


class Measurement:
    """Each part has as many pages as it needs of ``count``, and no more than ``minutes`` to read them."""

    def __init__(
        self, checkpoint: Path, options: dict[str, str], engine: Engine, count: int, minutes: float
    ) -> None:
        self._checkpoint = checkpoint
        self._options = options
        self._engine = engine
        self._count = count
        self._minutes = minutes
        self.figures = Figures()
        self.curves: dict[str, list[dict[str, Any]]] = {}

    def run(self, part: str, scratch: Path) -> None:
        begun = time.monotonic()
        parts = {
            "budget": self._budget,
            "detect": self._detect,
            "zoom": self._zoom,
            "looks": self._looks,
            "certainty": self._certainty,
        }
        parts[part](scratch / part)
        self.figures.add(f"nano.{part}.wall_s", round(time.monotonic() - begun, 1))

    def _budget(self, folder: Path) -> None:
        with service(self._engine, self._checkpoint, folder, self._options | {"check": "never"}) as api:
            self.curves["budget"] = nano_budget.measure(
                api, self._count, self._minutes, folder / "pages", self.figures
            )

    def _detect(self, folder: Path) -> None:
        with service(self._engine, self._checkpoint, folder, self._options | {"check": "always"}) as api:
            nano_detect.measure(api, self._count, self._minutes, folder / "pages", self.figures)

    def _zoom(self, folder: Path) -> None:
        with local_reader(self._checkpoint, self._options | {"tasks": "text", "check": "always"}) as local:
            self.curves["zoom"] = nano_zoom.measure(
                local, 2 * self._count, self._minutes, folder, self.figures
            )

    def _looks(self, folder: Path) -> None:
        with local_reader(self._checkpoint, self._options) as local:
            if Task.FIELDS not in local.reader.spec.tasks:
                self.figures.remark("looks", "this checkpoint reads text only: no values to look at")
                return
            observed = nano_looks.measure(local, 2 * self._count, self._minutes, folder, self.figures)
        self.curves["values"] = nano_certainty.add(self.figures, "nano.certainty.values", observed)

    def _certainty(self, folder: Path) -> None:
        with local_reader(self._checkpoint, self._options | {"check": "never"}) as local:
            observed = list(nano_certainty.of_text(local, 6 * self._count, self._minutes, folder))
        self.curves["text"] = nano_certainty.add(self.figures, "nano.certainty.text", observed)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--engine", default="torch", help="torch or vllm; what asks about values is torch")
    parser.add_argument("--count", type=int, default=12, help="pages of each point of a curve")
    parser.add_argument("--minutes", type=float, default=3.0, help="of reading, a part")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, with commas")
    parser.add_argument("--out", type=Path, default=Path("out/measure-nano.json"))
    given = parser.parse_args()
    measurement = Measurement(*chosen(given), Engine(given.engine), given.count, given.minutes)
    with tempfile.TemporaryDirectory() as scratch:
        for part in given.parts.split(","):
            measurement.run(part, Path(scratch))
            measurement.figures.write(given.out, curves=measurement.curves)


if __name__ == "__main__":
    main()
