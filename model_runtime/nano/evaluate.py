"""Measures a checkpoint: characters wrong, fields right, boxes off, and text invented where there is none."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model_runtime.nano.batches import framed
from model_runtime.nano.exams import Exam, Question, exams
from model_runtime.nano.scores import Score, score
from model_runtime.torch_model import LoadedModel, load

_MOST = 1400
_PAD = "<|image_pad|>"


class Examined:
    """Reads pages of one size together, greedily: the library's own generation, no grammar."""

    def __init__(self, folder: Path, device: str = "cpu", threads: int | None = None) -> None:
        self._loaded: LoadedModel = load(
            folder, device, "float32" if device == "cpu" else "bfloat16", threads
        )

    def read(self, asked: Sequence[Question], at_once: int) -> list[str]:
        found: list[str] = []
        for start in range(0, len(asked), at_once):
            found += self._batch(asked[start : start + at_once])
        return found

    def _batch(self, asked: Sequence[Question]) -> list[str]:
        model, tokenizer = self._loaded.model, self._loaded.tokenizer
        made = self._loaded.images([one.picture for one in asked], return_tensors="pt", do_resize=False)
        cells = int(made["image_grid_thw"][0].prod()) // self._loaded.images.merge_size**2
        texts = [framed(tokenizer, one.exercise.prompt).replace(_PAD, _PAD * cells) for one in asked]
        rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        longest = max(map(len, rows))
        pad = tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
        longest_reply = max(len(tokenizer(one.exercise.reply)["input_ids"]) for one in asked)
        device = model.device
        made_ids = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            pixel_values=made["pixel_values"].to(device, model.dtype),
            image_grid_thw=made["image_grid_thw"].to(device),
            mm_token_type_ids=(ids == model.config.image_token_id).to(torch.int32).to(device),
            max_new_tokens=min(_MOST, longest_reply + 60),
            do_sample=False,
        )
        ends = {tokenizer.convert_tokens_to_ids(one) for one in ("<|im_end|>", "<|endoftext|>")}
        return [_until(tokenizer, row, ends) for row in made_ids[:, longest:].tolist()]


def _until(tokenizer: Any, ids: list[int], ends: set[int]) -> str:
    stop = next((place for place, number in enumerate(ids) if number in ends), len(ids))
    return str(tokenizer.decode(ids[:stop], skip_special_tokens=False, clean_up_tokenization_spaces=False))


def evaluate(
    folder: Path, count: int, *, device: str = "cpu", fonts: Path | None = None, at_once: int = 16,
    only: str = "", kept: Path | None = None, threads: int | None = None,
) -> Iterator[tuple[str, float]]:  # fmt: skip
    """Figures, one exam after the other. ``kept``: where replies are written, for people to look at."""
    reader = Examined(folder, device, threads)
    for exam in exams():
        if only not in exam.name:
            continue
        asked = exam.questions(count, fonts)
        began = time.monotonic()
        replies = reader.read(asked, at_once)
        yield from _figures(exam, asked, replies)
        yield f"{exam.name}.seconds", round(time.monotonic() - began, 1)
        if kept is not None:
            with kept.open("a") as out:
                for one, reply in zip(asked, replies, strict=True):
                    out.write(
                        json.dumps({"exam": exam.name, "truth": one.exercise.reply, "reply": reply}) + "\n"
                    )


def _figures(exam: Exam, asked: Sequence[Question], replies: Sequence[str]) -> Iterator[tuple[str, float]]:
    scores: list[Score] = [score(exam.asked, one, reply) for one, reply in zip(asked, replies, strict=True)]
    names = dict.fromkeys(name for one in scores for name in one)
    for name in names:
        pairs = np.asarray([one[name] for one in scores if name in one])
        whole = pairs[:, 1].sum()
        yield f"{exam.name}.{name}", round(float(pairs[:, 0].sum() / whole), 4) if whole else 0.0
