"""An engine that replays what it is told: for tests, drills and trying out a deployment without a model."""

import hashlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock

from model_runtime.spec import scripted_spec
from pipeline.orders import ReadOrder
from pipeline.ports import PageAids
from schemas.engine import EngineSpec
from schemas.errors import DocumentUnreadable, EngineUnavailable, QuireError
from schemas.reading import PageReading, ReadLine, ReadWord, line_of

_TICK_S = 0.1  # 64 readings that look fifty times a second would keep a core busy
_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "hazel", "iris", "jade")
_MANY = 1 << 62


@dataclass(frozen=True, slots=True)
class Failure:
    """An error to raise for the first ``times`` readings of a page image, or always."""

    code: str
    retryable: bool = True
    times: int | None = None

    def error(self) -> QuireError:
        detail = "The scripted engine was told to fail here."
        if self.retryable:
            return EngineUnavailable(self.code, detail)
        return DocumentUnreadable(self.code, detail)


class ScriptedReader:
    """`PageReader` without a model. ``readings`` and ``failures`` are keyed by SHA-256 of the image bytes.

    Images without a reading get one derived from their bytes alone: equal bytes, equal words. The failure
    under ``"*"`` applies to all images. ``delay_s`` is how long each reading takes, unless cancelled.
    ``fatal``: the digest of an image that kills the process it is read in, as a fault in native code would.
    """

    def __init__(
        self,
        delay_s: float = 0.0,
        readings: Mapping[str, PageReading] | None = None,
        failures: Mapping[str, Failure] | None = None,
        max_in_flight: int = 8,
        *,
        model: bool = False,
        fatal: str | None = None,
    ) -> None:
        self._fatal = fatal
        self._delay_s = delay_s
        self._readings = dict(readings or {})
        self._failures = dict(failures or {})
        self._seen: dict[str, int] = {}
        self._lock = Lock()
        self._spec = scripted_spec(max_in_flight, model=model)

    @property
    def spec(self) -> EngineSpec:
        return self._spec

    @property
    def calls(self) -> int:
        """Readings begun so far."""
        with self._lock:
            return sum(self._seen.values())

    def read(
        self,
        order: ReadOrder,
        cancelled: Callable[[], bool],
        aids: PageAids | None = None,  # noqa: ARG002  # it looks at nothing
    ) -> PageReading:
        digest = image_digest(order.image.data)
        with self._lock:
            earlier = self._seen.get(digest, 0)
            self._seen[digest] = earlier + 1
        if called_off(self._delay_s, cancelled):
            return PageReading(width=order.image.width, height=order.image.height)
        if digest == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        failure = self._failures.get(digest) or self._failures.get("*")
        if failure is not None and earlier < (_MANY if failure.times is None else failure.times):
            raise failure.error()
        return self._readings.get(digest) or derived(digest, order.image.width, order.image.height)

    def close(self) -> None:
        """Nothing is held."""


def called_off(delay_s: float, cancelled: Callable[[], bool]) -> bool:
    """Take the time that a reading or a reply takes; True when it was called off meanwhile."""
    until = time.monotonic() + delay_s
    while not cancelled():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(_TICK_S, left))
    return True


def image_digest(data: bytes) -> str:
    """The key of an image in a script."""
    return hashlib.sha256(data).hexdigest()


def derived(digest: str, width: float, height: float) -> PageReading:
    """Three lines of words that follow from the digest, set in the upper half of the page."""
    numbers = bytes.fromhex(digest)
    lines = tuple(_line(numbers[8 * i : 8 * i + 8], i, width, height) for i in range(3))
    return replace(PageReading(width=width, height=height, lines=lines), language="en")


def _line(numbers: bytes, index: int, width: float, height: float) -> ReadLine:
    top, size = height * (0.1 + 0.1 * index), height * 0.03
    step = width * 0.8 / len(numbers)
    words = []
    for i, number in enumerate(numbers):
        left = width * 0.1 + step * i
        text = f"{_WORDS[number % len(_WORDS)]}{number:02x}"
        words.append(ReadWord(text, (left, top, left + step * 0.9, top + size)))
    return line_of(words, size)
