"""Trains a checkpoint from nothing, or goes on with one: the loop, its losses, what is kept of it."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # its usual name
from torch import Tensor
from transformers import AutoModelForImageTextToText, AutoTokenizer

from model_runtime.nano.batches import framed
from model_runtime.nano.curriculum import STAGES, Course, rate
from model_runtime.nano.export import export
from model_runtime.nano.feed import batches, coloured
from model_runtime.nano.model import Forward, Placing, Spelling, build
from model_runtime.nano.model_sizes import CELL, SIZES
from model_runtime.nano.muon import Muon
from model_runtime.nano.tokens import tokenizer

_STATE, _LOG, _CHECKPOINT = "state.pt", "log.jsonl", "checkpoint"
_EMBEDDINGS = "model.language_model.embed_tokens.weight"
MUON_SHARE = 2.5
"""Of the rate of AdamW, for the matrices that Muon moves."""

HEAD_STEPS, HEAD_SHARE = 200, 6.0
"""For so many steps, at so many times the rate, a new auxiliary head learns from a tower that reads already
(a head that knows nothing would first unteach it)."""

_EVERY = 25
"""Steps between looks at the losses: each look waits for the device."""

Say = Callable[[str], None]


def fast_bfloat16() -> bool:
    """Whether this processor computes in bfloat16; others emulate it, twenty times slower than float32."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Diverged(Exception):
    """Every weight is lost; the last kept state is the one to resume, at a lower rate."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``minutes`` or ``steps`` is the whole budget. ``tokens``: positions of a batch, about. ``early_rate``:
    the highest learning rate of the early stages, where it is another. ``half``: compute in bfloat16, or in
    float32; None: in bfloat16 where the processor has it."""

    folder: Path
    minutes: float = 90.0
    steps: int | None = None
    device: str = "cpu"
    size: str = "small"
    seed: int = 1
    tokens: int = 6000
    most: int = 96
    highest_rate: float = 5e-4
    early_rate: float | None = None
    first: str = STAGES[0].name
    last: str = STAGES[-1].name
    workers: int = 1
    compiled: bool = False
    half: bool | None = None
    fonts: Path | None = None
    keep_s: float = 120.0


@dataclass(slots=True)
class Progress:
    """What a resumed training goes on from, besides weights."""

    step: int = 0
    elapsed_s: float = 0.0
    pages: int = 0
    tokens: int = 0
    skipped: int = 0
    settled: int = 0
    """Step from which the auxiliary head teaches the tower; until then it learns alone."""

    course: Course = field(default_factory=Course)


class Training:
    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings = settings
        self._say = say
        settings.folder.mkdir(parents=True, exist_ok=True)
        size = SIZES[settings.size]
        known = tokenizer(context=size.context)
        self._device = torch.device(settings.device)
        self._model = build(known, size, settings.seed).to(self._device)
        self._spelling = Spelling(size.hidden).to(self._device)
        self._placing = Placing(size.hidden).to(self._device)
        before = known(framed(known, "").split("<|image_pad|>")[0], add_special_tokens=False)["input_ids"]
        self._forward = Forward(self._model, before, compiled=settings.compiled)
        self._tower = [*self._model.model.visual.parameters(), *self._spelling.parameters()]
        self._decoder = [*self._model.model.language_model.parameters(), *self._placing.parameters()]
        self._half = settings.half
        if self._half is None:
            self._half = self._device.type != "cpu" or fast_bfloat16()
        self._optimisers = self._make_optimisers()
        self._noise = torch.Generator(self._device)
        names = [stage.name for stage in STAGES]
        self._progress = Progress(course=Course(names.index(settings.first)))
        self._context = size.context
        self.watch: Callable[[float], None] | None = None
        """Told every loss; it makes each step wait for the device."""

        self._sums = torch.zeros(7, device=self._device)

    def _make_optimisers(self) -> tuple[Any, ...]:
        """Muon for the matrices between layers, AdamW for what stands at either end, and for all vectors."""
        ends = {id(self._model.get_input_embeddings().weight)}
        weights = list(self._model.parameters())
        inner = [one for one in weights if one.ndim == 2 and id(one) not in ends]
        others = [one for one in weights if one.ndim != 2 or id(one) in ends]
        groups = [
            {"params": [one for one in others if one.ndim >= 2], "weight_decay": 0.02},
            {"params": [one for one in others if one.ndim < 2], "weight_decay": 0.0},
            {"params": list(self._spelling.parameters()), "weight_decay": 0.0, "head": True},
            {"params": list(self._placing.parameters()), "weight_decay": 0.0},
        ]
        adam = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98), eps=1e-8, fused=True)
        return adam, Muon(
            inner, weight_decay=0.02, computed_in=torch.bfloat16 if self._half else torch.float32
        )

    @property
    def model(self) -> Any:
        return self._model

    @property
    def parameters(self) -> int:
        return sum(one.numel() for one in self._model.parameters())

    @property
    def checkpoint(self) -> Path:
        return self._settings.folder / _CHECKPOINT

    def resume(self) -> bool:
        """Go on where the folder's last state stands; False where there is none."""
        path = self._settings.folder / _STATE
        if not path.is_file():
            return False
        state = torch.load(path, map_location=self._device, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._spelling.load_state_dict(state["spelling"])
        self._placing.load_state_dict(state["placing"])
        for optimiser, held in zip(self._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(held)
        held = dict(state["progress"])
        self._progress = Progress(**{**held, "course": Course(**held["course"])})
        return True

    def start_from(self, folder: Path) -> None:
        """Take over a checkpoint's weights; of its embeddings, those of tokens that are known here."""
        taken = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).state_dict()
        own = self._model.state_dict()
        theirs, ours = AutoTokenizer.from_pretrained(folder).get_vocab(), tokenizer().get_vocab()
        rows, mixed = taken[_EMBEDDINGS], own[_EMBEDDINGS].clone()
        for token in theirs.keys() & ours.keys():
            mixed[ours[token]] = rows[theirs[token]]
        self._model.load_state_dict({**taken, _EMBEDDINGS: mixed, "lm_head.weight": mixed})
        self._progress.settled = HEAD_STEPS

    def keep(self) -> None:
        state = {
            "model": self._model.state_dict(), "spelling": self._spelling.state_dict(),
            "placing": self._placing.state_dict(),
            "optimisers": [one.state_dict() for one in self._optimisers], "progress": asdict(self._progress),
        }  # fmt: skip
        path = self._settings.folder / _STATE
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        export(self._model, self.checkpoint, context=self._context)

    def run(self, until: int | None = None) -> Progress:
        """Train until the budget is spent, or up to step ``until``."""
        settings, progress = self._settings, self._progress
        feed = batches(
            settings.seed, progress.step, lambda: progress.course.stage, tokens=settings.tokens,
            most=settings.most, workers=settings.workers, folder=settings.fonts,
            pinned=self._device.type == "cuda",
        )  # fmt: skip
        began = time.monotonic() - progress.elapsed_s
        kept = looked = time.monotonic()
        while self._share() < 1.0 and (until is None or progress.step < until):
            waited = time.monotonic()
            batch = next(feed)
            waited = time.monotonic() - waited
            loss = self._step(batch)
            if self.watch is not None:
                self.watch(float(loss))
            progress.step += 1
            progress.pages += len(batch["cover"])
            progress.tokens += len(batch["wanted"])
            progress.elapsed_s = time.monotonic() - began
            self._sums[4] += waited
            if progress.step % _EVERY == 0:
                looked = self._look(looked)
            if time.monotonic() - kept > settings.keep_s:
                self.keep()
                kept = time.monotonic()
        self.keep()
        return progress

    def _share(self) -> float:
        """Of the budget, that has been spent."""
        if self._settings.steps is not None:
            return self._progress.step / self._settings.steps
        return self._progress.elapsed_s / (60 * self._settings.minutes)

    def _step(self, batch: dict[str, Any]) -> Tensor:
        on = {name: value.to(self._device, non_blocking=True) for name, value in batch.items()}
        stage = STAGES[int(batch["stage"])]
        self._noise.manual_seed(self._settings.seed * 1_000_003 + self._progress.step)
        image = coloured(on["cover"], on["tint"], self._noise)
        grid = (image.shape[1] // CELL, image.shape[2] // CELL)
        settling = self._progress.step < self._progress.settled
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            cells = self._forward.cells(image)
            named = self._spelling(cells.detach() if settling else cells, on["places"])
            logits = None
            placed: list[Tensor] = []
            if stage.reads:
                states, between = self._forward.states(cells, grid, on["said"])
                logits = self._forward.logits(states.flatten(0, 1)[on["at"]])
                if len(on["stand_at"]):
                    placed = [self._placing(one.flatten(0, 1)[on["stand_at"]]) for one in between]
        loss = self._loss(stage.spelling, named, on["names"], logits, on["wanted"])
        if placed:
            loss = loss + stage.placing * self._misplaced(placed, on["stands"])
        highest = self._settings.highest_rate
        if stage.early and self._settings.early_rate is not None:
            highest = self._settings.early_rate
        rated = highest * rate(self._progress.step, self._share())
        for optimiser, share in zip(self._optimisers, (1.0, MUON_SHARE), strict=True):
            for group in optimiser.param_groups:
                alone = settling and group.get("head", False)
                group["lr"] = HEAD_SHARE * highest if alone else rated * share
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        seen = torch.nn.utils.clip_grad_norm_(self._tower, 1.0) + torch.nn.utils.clip_grad_norm_(
            self._decoder, 1.0
        )
        # One gradient that is no number ends every weight: it cost a whole training once.
        if not torch.isfinite(seen):
            self._progress.skipped += 1
            return loss.detach()
        for optimiser in self._optimisers:
            optimiser.step()
        return loss.detach()

    def _loss(
        self, weight: float, named: Tensor, names: Tensor, logits: Tensor | None, wanted: Tensor
    ) -> Tensor:
        spelled = F.cross_entropy(named.float(), names)
        with torch.no_grad():
            inked = names > 0
            right = ((named.argmax(-1) == names) & inked).sum() / inked.sum().clamp(min=1)
            self._sums[0] += spelled
            self._sums[1] += right
        if logits is None:
            return weight * spelled
        read = F.cross_entropy(logits.float(), wanted)
        with torch.no_grad():
            self._sums[2] += read
            self._sums[3] += (logits.argmax(-1) == wanted).float().mean()
        return weight * spelled + read

    def _misplaced(self, placed: list[Tensor], stands: Tensor) -> Tensor:
        """The mean over the layers that are asked; of the last, how many digits are right is noted."""
        wanted = Placing.wanted(stands)
        with torch.no_grad():
            self._sums[5] += (placed[-1].argmax(-1) == wanted).float().mean()
            self._sums[6] += 1
        losses = [F.cross_entropy(one.float().flatten(0, 1), wanted.flatten()) for one in placed]
        return torch.stack(losses).mean()

    def _look(self, last: float) -> float:
        """Say how it goes, and move on in the curriculum where that is due."""
        progress = self._progress
        spelling, spelled, reading, read, waited, placed, asked = (self._sums / _EVERY).tolist()
        self._sums.zero_()
        now = time.monotonic()
        record = {
            "step": progress.step, "s": round(progress.elapsed_s, 1), "stage": progress.course.now.name,
            "pages": progress.pages, "spelling": round(spelling, 4), "spelled": round(spelled, 4),
            "reading": round(reading, 4), "read": round(read, 4),
            "placed": round(placed / max(asked, 1.0), 4),
            "step_ms": round(1000 * (now - last) / _EVERY, 1), "waited_ms": round(1000 * waited, 1),
        }  # fmt: skip
        with (self._settings.folder / _LOG).open("a") as log:
            log.write(json.dumps(record) + "\n")
        if not math.isfinite(spelling + reading):
            raise Diverged(f"the loss is no number any more at step {progress.step}")
        if progress.step % (8 * _EVERY) == 0:
            self._say(json.dumps(record))
        if progress.course.advance(self._share(), spelled, self._settings.last):
            self._say(f"stage {progress.course.now.name} from step {progress.step}")
        return now
