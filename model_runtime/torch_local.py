"""`ChatModel` in this process: transformers and torch on the CPU or one GPU, for machines without vLLM.

The same prompts and schemas as over HTTP; replies to a schema are decoded with llguidance, which is what
vLLM's guidance backend uses too. One turn at a time. Needs the extra ``model``.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from model_runtime.chat import Finish, Reply, Turn
from model_runtime.image_check import check
from model_runtime.torch_model import LoadedModel, load
from pipeline.orders import PageImage
from schemas.errors import EngineUnavailable

_TICK_S = 0.05


class TorchChat:
    """``decode`` gives the pixels of a page image; it is the cage's, for decoders are not run in here."""

    def __init__(
        self,
        folder: Path,
        decode: Callable[[PageImage], bytes],
        *,
        device: str = "cpu",
        dtype: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._folder = folder
        self._decode = decode
        self._device = device
        self._dtype = dtype or ("float32" if device == "cpu" else "bfloat16")
        self._threads = threads
        self._model: LoadedModel | None = None
        self._closed = threading.Event()
        # Everything of torch happens on this thread: loading, and one turn after the other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="torch")

    @property
    def max_in_flight(self) -> int:
        return 1

    def complete(self, turn: Turn, cancelled: Callable[[], bool]) -> Reply:
        """A forward pass cannot be interrupted: called off in one, this returns and it ends by itself."""
        for image in turn.images:
            check(image)
        pixels = [self._decode(image) for image in turn.images]
        off = threading.Event()
        try:
            work = self._thread.submit(self._turn, turn, pixels, off)
        except RuntimeError:
            raise EngineUnavailable("engine_unavailable", "the engine has been closed") from None
        while not _done_within(work, _TICK_S):
            if cancelled() or self._closed.is_set():
                off.set()
                work.cancel()
                return Reply("", Finish.CANCELLED)
        return work.result()

    def close(self) -> None:
        self._closed.set()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _turn(self, turn: Turn, pixels: list[bytes], off: threading.Event) -> Reply:
        if self._model is None:
            self._model = load(self._folder, self._device, self._dtype, self._threads)
        if off.is_set():
            return Reply("", Finish.CANCELLED)
        return self._model.reply(turn, pixels, lambda: off.is_set() or self._closed.is_set())


def _done_within(work: "Future[Reply]", seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not work.done():
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(left, 0.005))
    return True
