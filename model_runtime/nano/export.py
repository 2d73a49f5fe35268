"""Writes what was trained as an ordinary checkpoint folder."""
# ruff: noqa: PLC0415  # torch takes seconds to import: only when a checkpoint is written

import copy
import json
from pathlib import Path
from typing import Any

from model_runtime.nano.model_sizes import CELL, DEVIATION, MEAN, PATCH
from model_runtime.nano.tokens import tokenizer

LEAST_PIXELS, MOST_PIXELS = 4 * CELL * CELL, 640 * CELL * CELL


def export(model: Any, folder: Path, *, context: int, precise: bool = False) -> None:
    """In bfloat16, or in float32 (``precise``)."""
    import torch
    from transformers import GenerationConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    made = tokenizer(folder, context=context)
    end, pad = (made.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>"))
    written = copy.deepcopy(model).to("cpu").to(torch.float32 if precise else torch.bfloat16)
    written.generation_config = GenerationConfig(
        bos_token_id=pad, eos_token_id=[end, pad], pad_token_id=pad, do_sample=False
    )
    written.save_pretrained(folder)
    content = {
        "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2VLProcessor",
        "min_pixels": LEAST_PIXELS, "max_pixels": MOST_PIXELS,
        "size": {"shortest_edge": LEAST_PIXELS, "longest_edge": MOST_PIXELS},
        "patch_size": PATCH, "temporal_patch_size": 2, "merge_size": 2, "do_resize": True,
        "do_rescale": True, "do_normalize": True, "do_convert_rgb": True, "rescale_factor": 1 / 255,
        "resample": 3, "image_mean": list(MEAN), "image_std": list(DEVIATION),
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(content, indent=2) + "\n")
