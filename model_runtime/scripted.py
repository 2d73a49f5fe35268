"""An engine whose answers follow from the image alone: for tests and rehearsals, nothing is recognised."""

import hashlib
import time
from collections.abc import Callable

from pipeline.orders import ReadOrder
from schemas.engine import EngineSpec, PixelLimits
from schemas.errors import DocumentUnreadable
from schemas.reading import PageReading, ReadWord, Spent, line_of
from schemas.request import Task

_TICK_S = 0.02
_WHY = "The scripted engine recites; set QUIRE_ENGINE_URL to an engine that reads."
_SPEC = EngineSpec(
    name="scripted",
    model="scripted",
    version="1",
    limits=PixelLimits(factor=28, min_pixels=4 * 784, max_pixels=1280 * 784),
    tasks=frozenset({Task.TEXT, Task.TABLES, Task.FIELDS}),
    prompt="scripted/1",
    max_in_flight=8,
    unsupported={Task.CHARTS: _WHY, Task.QUESTIONS: _WHY},
)


class ScriptedReader:
    """`PageReader` that recites the image's digest; ``delay_s`` is how long an answer takes."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self._delay_s = delay_s

    @property
    def spec(self) -> EngineSpec:
        return _SPEC

    def read(self, order: ReadOrder, cancelled: Callable[[], bool]) -> PageReading:
        image = order.image
        until = time.monotonic() + self._delay_s
        while time.monotonic() < until:
            if cancelled():
                raise DocumentUnreadable("cancelled", "the run was cancelled")
            time.sleep(min(_TICK_S, self._delay_s))
        digest = hashlib.sha256(image.data).hexdigest()
        size = image.height / 40
        words = [
            ReadWord(
                text, (image.width * (0.1 + 0.3 * i), size, image.width * (0.35 + 0.3 * i), 2 * size), 0.99
            )
            for i, text in enumerate(("scripted", digest[:12]))
        ]
        return PageReading(
            width=image.width,
            height=image.height,
            lines=(line_of(words, size, confidence=0.99),),
            spent=Spent(visual_tokens=_SPEC.limits.tokens(image.width, image.height), completion_tokens=2),
        )

    def close(self) -> None:
        """Nothing is held."""
