"""Pages per second of the in-process engine on a GPU, beside what the memory plan foresaw: `make bench-gpu`.

Full-size Qwen2-VL shapes with random weights (nothing is downloaded): speed and memory are those of the real
checkpoints, the text is noise. Where there is no GPU it says so and ends with 0: nothing was measured.
"""

import argparse
import sys
import time
from typing import Any

from model_runtime.checkpoints import Checkpoint, find
from model_runtime.gpu_plan import GIB
from tests.bench.figures import Figures

_SIDES = {256: (448, 448), 640: (560, 896), 1280: (896, 1120)}
"""Width and height for so many visual tokens."""

_PROMPT, _REPLY, _PAGES = 200, 256, 4


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="2B,7B")
    sizes = parser.parse_args().sizes.split(",")
    import torch

    if not torch.cuda.is_available():
        print("bench-gpu: there is no GPU that torch can use here; nothing was measured", file=sys.stderr)
        print("gpu.available 0")
        return 0
    figures = Figures()
    figures.add("gpu.available", 1)
    figures.add("gpu.memory_gib", torch.cuda.get_device_properties(0).total_memory / GIB)
    print(f"on {torch.cuda.get_device_name(0)}", file=sys.stderr)
    for size in sizes:
        _measure(find(f"Qwen2-VL-{size}-Instruct"), size.lower(), figures)
    return 0


def _measure(checkpoint: Checkpoint, name: str, figures: Figures) -> None:
    import torch

    model = _random(checkpoint)
    figures.add(f"gpu.{name}.weight_gib", torch.cuda.memory_allocated() / GIB)
    figures.add(f"gpu.{name}.weight_gib_planned", checkpoint.weight_bytes / GIB)
    for tokens, (width, height) in _SIDES.items():
        inputs = _inputs(model, width, height)
        model.generate(**inputs, max_new_tokens=4, min_new_tokens=4, do_sample=False)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        begun = time.monotonic()
        for _ in range(_PAGES):
            model.generate(**inputs, max_new_tokens=_REPLY, min_new_tokens=_REPLY, do_sample=False)
        torch.cuda.synchronize()
        seconds = time.monotonic() - begun
        length = inputs["input_ids"].shape[1] + _REPLY
        figures.add(f"gpu.{name}.pages_per_s_{tokens}", _PAGES / seconds)
        figures.add(f"gpu.{name}.working_gib_{tokens}", (torch.cuda.max_memory_allocated() - before) / GIB)
        figures.add(f"gpu.{name}.cache_gib_planned_{tokens}", checkpoint.kv_bytes * length / GIB)
    del model
    torch.cuda.empty_cache()


def _random(checkpoint: Checkpoint) -> Any:
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    text = checkpoint.text
    config = Qwen2VLConfig(
        text_config={
            "hidden_size": text.hidden, "intermediate_size": text.mlp, "num_hidden_layers": text.layers,
            "num_attention_heads": text.heads, "num_key_value_heads": text.kv_heads, "vocab_size": text.vocab,
            "max_position_embeddings": checkpoint.context,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        vision_config={
            "depth": 32, "embed_dim": 1280, "hidden_size": text.hidden, "num_heads": 16, "mlp_ratio": 4,
            "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3,
        },
        tie_word_embeddings=text.tied,
    )  # fmt: skip
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("cuda"):
            return Qwen2VLForConditionalGeneration(config).eval()
    finally:
        torch.set_default_dtype(torch.float32)


def _inputs(model: Any, width: int, height: int) -> dict[str, Any]:
    import torch

    patches = (height // 14, width // 14)
    pad = torch.full((1, patches[0] * patches[1] // 4), model.config.image_token_id)
    words = torch.randint(1000, 2000, (1, _PROMPT))
    start = torch.tensor([[model.config.vision_start_token_id]])
    end = torch.tensor([[model.config.vision_end_token_id]])
    ids = torch.cat([start, pad, end, words], 1).to("cuda")
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == model.config.image_token_id).to(torch.int32),
        "pixel_values": torch.randn(
            patches[0] * patches[1], 3 * 2 * 14 * 14, device="cuda", dtype=torch.bfloat16
        ),
        "image_grid_thw": torch.tensor([[1, *patches]], device="cuda"),
    }


if __name__ == "__main__":
    sys.exit(main())
