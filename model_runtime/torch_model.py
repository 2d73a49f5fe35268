"""A loaded vision language model: turns into tensors, tokens into replies."""
# ruff: noqa: PLC0415  # torch takes seconds and half a gigabyte to import: only when a model is loaded

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_runtime.chat import Finish, Reply, Token, Turn
from model_runtime.constraints import decodable
from model_runtime.loops import Loop, LoopWatch
from pipeline.orders import PageImage
from schemas.errors import DocumentUnreadable, EngineUnavailable, RequestInvalid, Unsupported

_PAD = "<|image_pad|>"


def load(folder: Path, device: str, dtype: str, threads: int | None) -> "LoadedModel":
    """Raises `Unsupported` where libraries are missing, `EngineUnavailable` for a folder without a model."""
    try:
        import llguidance.hf
        import torch
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise Unsupported(
            "model_libraries_missing", f"{error.name} is not installed: Quire needs its extra 'model'"
        ) from None
    if threads is not None:
        torch.set_num_threads(threads)
    disable_progress_bar()
    try:
        model = AutoModelForImageTextToText.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        # The one on Pillow: no torchvision is needed.
        images = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
    except (OSError, ValueError) as error:
        text = f"no model can be loaded from the folder of QUIRE_ENGINE_URL ({type(error).__name__})"
        raise EngineUnavailable("engine_model_missing", text) from error
    vocabulary = max(model.config.get_text_config().vocab_size, len(tokenizer))
    grammar_tokens = llguidance.hf.from_tokenizer(tokenizer, vocabulary)
    return LoadedModel(model.to(device).eval(), tokenizer, images, grammar_tokens)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """``images``: the checkpoint's image processor; ``grammar_tokens``: its vocabulary for llguidance."""

    model: Any
    tokenizer: Any
    images: Any
    grammar_tokens: Any

    def reply(self, turn: Turn, pixels: list[bytes], cancelled: Callable[[], bool]) -> Reply:
        """One turn, from the prompt to the last token."""
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        inputs, visual = self._inputs(turn, pixels)
        length = int(inputs["input_ids"].shape[1])
        room = self.model.config.get_text_config().max_position_embeddings - length
        if room < 1:
            raise DocumentUnreadable(
                "context_exceeded", f"page and prompt need {length} tokens, more than the model's context"
            )
        follower = _Follower(self, turn, cancelled)
        if turn.seed is not None:
            torch.manual_seed(turn.seed)
        ends = self.model.generation_config.eos_token_id
        with torch.inference_mode():
            self.model.generate(
                **inputs,
                generation_config=GenerationConfig(
                    max_new_tokens=min(turn.max_tokens, room),
                    **_sampling(turn),
                    eos_token_id=ends,
                    pad_token_id=self.tokenizer.pad_token_id,
                ),
                logits_processor=LogitsProcessorList([follower.scored]),
                stopping_criteria=StoppingCriteriaList([follower.stop]),
            )
        return follower.reply(ends, length, visual)

    def _inputs(self, turn: Turn, pixels: list[bytes]) -> tuple[dict[str, Any], int]:
        import torch

        text = self._prompt(turn)
        device, found, visual = self.model.device, {}, 0
        if pixels:
            made = self._pictures(turn.images, pixels)
            merge = self.images.merge_size**2
            for count in (int(grid.prod()) // merge for grid in made["image_grid_thw"]):
                visual += count
                text = text.replace(_PAD, "\0" * count, 1)
            text = text.replace("\0", _PAD)
            found = {
                "pixel_values": made["pixel_values"].to(device, self.model.dtype),
                "image_grid_thw": made["image_grid_thw"].to(device),
            }
        ids = self.tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"].to(device)
        if pixels:
            found["mm_token_type_ids"] = (ids == self.model.config.image_token_id).to(torch.int32)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), **found}, visual

    def _prompt(self, turn: Turn) -> str:
        content = [{"type": "image"}] * len(turn.images) + [{"type": "text", "text": turn.prompt}]
        # A page's text could hold a marker of images; it would be taken for one.
        said = [{"role": "user", "content": content}]
        for part in content:
            if part["type"] == "text":
                part["text"] = part["text"].replace(_PAD, "")
        prompt = self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        return f"{prompt}{turn.prefix}"

    def _pictures(self, images: tuple[PageImage, ...], pixels: list[bytes]) -> Any:
        import numpy as np

        arrays = [
            np.frombuffer(data, np.uint8).reshape(image.height, image.width, 3)
            for image, data in zip(images, pixels, strict=True)
        ]
        factor = self.images.patch_size * self.images.merge_size
        exact = all(side % factor == 0 for image in images for side in (image.width, image.height))
        return self.images(arrays, return_tensors="pt", do_resize=not exact)

    def matcher(self, schema: Any) -> Any:
        """What keeps a reply to its schema. Raises `RequestInvalid`."""
        from llguidance import LLMatcher

        text = json.dumps({**decodable(schema), "x-guidance": {"whitespace_flexible": False}})
        matcher = LLMatcher(self.grammar_tokens, LLMatcher.grammar_from_json_schema(text), log_level=0)
        if matcher.is_error():
            raise RequestInvalid("schema_unsupported", "the engine cannot decode against this schema")
        return matcher


def _sampling(turn: Turn) -> dict[str, Any]:
    """The follower applies the temperature itself, after it has noted the probabilities."""
    return (
        {"do_sample": True, "temperature": 1.0, "top_k": 0} if turn.temperature > 0 else {"do_sample": False}
    )


class _Follower:
    """Sees every step: masks what the grammar forbids, notes probabilities, ends what must end."""

    def __init__(self, loaded: LoadedModel, turn: Turn, cancelled: Callable[[], bool]) -> None:
        from tokenizers.decoders import DecodeStream

        self._loaded = loaded
        self._turn = turn
        self._cancelled = cancelled
        self._matcher = loaded.matcher(turn.schema) if turn.schema is not None else None
        self._stream = DecodeStream(skip_special_tokens=not turn.markers)
        self._watch = LoopWatch(turn.patience)
        self._chosen: Any = None
        self._ended = False
        self._tokens: list[Token] = []
        self._ids: list[int] = []
        self._loop: Loop | None = None
        self._off = False

    def scored(self, ids: Any, scores: Any) -> Any:
        """A logits processor."""
        import torch

        del ids
        if self._matcher is not None:
            scores = self._masked(scores, self._matcher)
        self._chosen = torch.log_softmax(scores[0].float(), dim=-1)
        return scores / self._turn.temperature if self._turn.temperature > 0 else scores

    def _masked(self, scores: Any, matcher: Any) -> Any:
        """Without llguidance's own kernel: torch compiles that, which takes a C++ compiler."""
        import numpy as np
        import torch

        mask = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        allowed = torch.from_numpy(np.unpackbits(mask, bitorder="little")[: scores.shape[-1]].astype(bool))
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))

    def stop(self, ids: Any, scores: Any, **more: Any) -> Any:
        """A stopping criterion."""
        import torch

        del scores, more
        token = int(ids[0, -1])
        self._ids.append(token)
        if self._matcher is not None and not self._matcher.is_stopped():
            self._matcher.consume_token(token)
        text = self._stream.step(self._loaded.tokenizer.backend_tokenizer, token) or ""
        self._tokens.append(Token(text, float(self._chosen[token])))
        self._loop = self._watch.feed(text)
        self._off = self._cancelled()
        return torch.tensor([self._loop is not None or self._off], device=ids.device)

    def reply(self, ends: Any, prompt_tokens: int, visual: int) -> Reply:
        ended = bool(self._ids) and self._ids[-1] in (ends if isinstance(ends, list) else [ends])
        tokens = self._tokens[:-1] if ended else self._tokens
        finish = Finish.STOP if ended else Finish.LENGTH
        if self._loop is not None:
            finish = Finish.LOOP
        elif self._off:
            finish = Finish.CANCELLED
        return Reply(
            text="".join(token.text for token in tokens),
            finish=finish,
            tokens=tuple(tokens),
            prompt_tokens=prompt_tokens,
            completion_tokens=len(self._ids),
            visual_tokens=visual,
            reason=str(self._loop) if self._loop is not None else None,
        )
