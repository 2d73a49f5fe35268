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
from pipeline.fields.candidates import candidates
from pipeline.fields.resolve import resolve
from pipeline.orders import PageOrder, PreparedPage, ReadOrder, SourceFile
from pipeline.ports import PageAids, PageReader
from schemas.engine import EngineSpec
from schemas.field import Field
from schemas.page import EngineUsed, PageSource
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


@dataclass
class RememberedReader:
    """A reader that reads an image once. It costs seconds, and is the witness of every way to read on."""

    reader: PageReader
    _readings: dict[tuple[bytes, tuple[str, ...]], PageReading] = field(default_factory=dict)

    @property
    def spec(self) -> EngineSpec:
        return self.reader.spec

    def read(
        self, order: ReadOrder, cancelled: Callable[[], bool], aids: PageAids | None = None
    ) -> PageReading:
        key = (order.image.data, tuple(order.languages))
        if key not in self._readings:
            self._readings[key] = self.reader.read(order, cancelled, aids)
        return self._readings[key]

    def forget(self) -> None:
        self._readings.clear()

    def close(self) -> None:
        self.reader.close()


@dataclass(frozen=True, slots=True)
class Valued:
    """A page's text and values, and what it cost. ``halved``: it was read again in two enlarged halves."""

    text: str
    fields: dict[str, Field]
    visual_tokens: int
    halved: bool


@dataclass(frozen=True, slots=True)
class LocalReader:
    reader: VlmReader
    chat: Remembered
    second: RememberedReader

    def forget(self) -> None:
        """What was read of the last page."""
        self.chat.forget()
        self.second.forget()

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
        source, prepared = self._prepared(path, task, budget)
        return self._read(source, prepared, task, schema, profile)

    def values(
        self, path: Path, budget: BudgetRequest, schema: dict[str, Any], profile: BudgetProfile
    ) -> Valued | None:
        """As the service would give them of this one page; None where the page shows nothing."""
        source, prepared = self._prepared(path, Task.FIELDS, budget)
        reading = self._read(source, prepared, Task.FIELDS, schema, profile)
        if reading is None:
            return None
        spec = self.reader.spec
        engine = EngineUsed(name=spec.name, model=spec.model, prompt=spec.prompt)
        content = recipe.assemble_page(prepared, reading, engine, PageSource.MODEL)
        found = resolve(schema, candidates(schema, content), [1]).fields
        fields = {one.path: one for one in found}
        halved = any("in two halves" in warning.detail for warning in reading.warnings)
        return Valued(content.page.text, fields, reading.spent.visual_tokens, halved)

    def _prepared(self, path: Path, task: Task, budget: BudgetRequest) -> tuple[SourceFile, PreparedPage]:
        source = SourceFile(str(path), sniff.PDF if path.suffix == ".pdf" else sniff.PNG)
        spec, tasks = self.reader.spec, frozenset({task})
        order = PageOrder(
            1, spec.limits, spec.pixels_per_x_height, budget, tasks | spec.asked(tasks), image_always=True
        )
        return source, recipe.prepare_page(source, order)

    def _read(
        self,
        source: SourceFile,
        prepared: PreparedPage,
        task: Task,
        schema: dict[str, Any] | None,
        profile: BudgetProfile,
    ) -> PageReading | None:
        if prepared.image is None:
            return None
        asked = ReadOrder(prepared.image, frozenset({task}), schema=schema, profile=profile)
        until = time.monotonic() + PATIENCE_S
        aids = LocalPage(source, prepared, prepared.image)
        return self.reader.read(asked, lambda: time.monotonic() > until, aids)


@contextlib.contextmanager
def local_reader(checkpoint: Path, options: dict[str, str]) -> Iterator[LocalReader]:
    """Torch in this process, one thread: what is measured with it does not depend on who runs the model."""
    known = in_folder(checkpoint)
    cage = ProcessCage(1, deadline_s=120)
    chat = Remembered(TorchChat(checkpoint, rgb, threads=1))
    second = RememberedReader(CpuReader(cage))
    hosted = Hosted(known.name, Family.QWEN2_VL, known.context)
    reader = build(chat, "torch", lambda: hosted, options, second)
    try:
        yield LocalReader(reader, chat, second)
    finally:
        reader.close()
        cage.close()
