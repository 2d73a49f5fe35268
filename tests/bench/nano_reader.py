"""The small model as a page reader without a service: values of pages, with and without second looks."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_runtime.chat import ChatModel, Finish, Reply, Turn
from model_runtime.checkpoints import in_folder
from model_runtime.cpu_ocr import CpuReader
from model_runtime.families import Family
from model_runtime.pixels import rgb
from model_runtime.torch_local import TorchChat
from model_runtime.vlm import Hosted, VlmReader
from model_runtime.vlm.build import build
from pipeline import recipe, sniff
from pipeline.orders import PageOrder, ReadOrder, SourceFile
from pipeline.ports import PageReader
from schemas.reading import PageReading
from schemas.request import BudgetProfile, BudgetRequest, Task
from tests.bench.calibrate import LocalPage
from workers.cage import ProcessCage

PATIENCE_S = 60.0
"""That a page may take; then it is given up, and nothing was read of it."""


@dataclass
class Remembered:
    """A chat model that is asked the same thing once: the same page can be read on in several ways."""

    chat: ChatModel
    _replies: dict[tuple[str, str, str, tuple[bytes, ...]], Reply] = field(default_factory=dict)

    @property
    def max_in_flight(self) -> int:
        return self.chat.max_in_flight

    def complete(self, turn: Turn, cancelled: Callable[[], bool]) -> Reply:
        if turn.temperature > 0:
            return self.chat.complete(turn, cancelled)
        images = tuple(image.data for image in turn.images)
        key = (turn.prompt, turn.prefix, json.dumps(turn.schema), images)
        if key not in self._replies:
            reply = self.chat.complete(turn, cancelled)
            if reply.finish is Finish.CANCELLED:
                return reply
            self._replies[key] = reply
        return self._replies[key]

    def forget(self) -> None:
        self._replies.clear()

    def close(self) -> None:
        self.chat.close()


@dataclass(frozen=True, slots=True)
class LocalReader:
    reader: VlmReader
    chat: Remembered

    def read(
        self,
        path: Path,
        task: Task,
        budget: BudgetRequest,
        *,
        schema: dict[str, Any] | None = None,
        profile: BudgetProfile = BudgetProfile.BALANCED,
    ) -> PageReading | None:
        """None where the page shows nothing. ``profile``: of reading; ``budget``: how large it is shown."""
        source = SourceFile(str(path), sniff.PDF if path.suffix == ".pdf" else sniff.PNG)
        spec, tasks = self.reader.spec, frozenset({task})
        order = PageOrder(1, spec.limits, spec.pixels_per_x_height, budget, tasks, image_always=True)
        prepared = recipe.prepare_page(source, order)
        if prepared.image is None:
            return None
        asked = ReadOrder(prepared.image, tasks, schema=schema, profile=profile)
        until = time.monotonic() + PATIENCE_S
        aids = LocalPage(source, prepared, prepared.image)
        return self.reader.read(asked, lambda: time.monotonic() > until, aids)


@contextlib.contextmanager
def local_reader(checkpoint: Path, options: dict[str, str]) -> Iterator[LocalReader]:
    """Torch in this process, one thread: what is measured with it does not depend on who runs the model."""
    known = in_folder(checkpoint)
    cage = ProcessCage(1, deadline_s=120)
    chat = Remembered(TorchChat(checkpoint, rgb, threads=1))
    second: PageReader = CpuReader(cage)
    hosted = Hosted(known.name, Family.QWEN2_VL, known.context)
    reader = build(chat, "torch", lambda: hosted, options, second)
    try:
        yield LocalReader(reader, chat)
    finally:
        reader.close()
        cage.close()
