"""Writes a tiny Qwen2-VL checkpoint with random weights: real architecture, tokenizer and template, 1.4 MB.

It answers with noise. It is there so that the whole way of serving can be tested without a GPU: resizing,
placeholders, M-RoPE, KV cache, constrained decoding, streams, log-probabilities, errors. Nothing is
downloaded: the tokenizer is trained here on text made here. Needs torch and transformers (extra ``model``).
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import Unsupported

SPECIAL_TOKENS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>", "<|box_end|>",
    "<|quad_start|>", "<|quad_end|>",
    "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Qwen2's: contractions, letters, single digits, punctuation, spaces."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' or 'image' in part or 'image_url' in part %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' or 'video' in part %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Qwen2-VL's, without its numbering of pictures."""

_MERGES = 400
_CONTEXT = 32_768
_LEAST_PIXELS, _MOST_PIXELS = 56 * 56, 28 * 28 * 1280
_WORDS = (
    "invoice total amount due date customer vendor address number item quantity price tax subtotal currency "
    "bank account signature page table figure section contract report the of and to in for with from by is"
)
_KEYS = ("invoice_number", "total", "date", "vendor", "items", "description", "quantity", "unit_price")

_TEXT = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": _CONTEXT, "rms_norm_eps": 1e-6,
    # A head of 32 is the smallest that vLLM's CPU attention has; the sections add up to half of it.
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": [4, 6, 6]},
}  # fmt: skip
_VISION = {
    "depth": 2, "embed_dim": 64, "hidden_size": 128, "num_heads": 2, "mlp_ratio": 4, "patch_size": 14,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3,
}  # fmt: skip


def write(folder: Path, seed: int = 0) -> dict[str, Any]:
    """The same seed gives the same weights. Returns what was written, in figures."""
    try:
        import tokenizers  # noqa: F401, PLC0415  # an extra: absent from the base install
        import torch  # noqa: F401, PLC0415  # as above
        import transformers  # noqa: F401, PLC0415  # as above
    except ImportError as error:
        raise Unsupported(
            "model_libraries_missing", f"{error.name} is not installed: Quire needs its extra 'model'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    tokens = _write_tokenizer(folder, seed)
    parameters = _write_weights(folder, tokens, seed)
    _write_preprocessor(folder)
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return {"folder": str(folder), "parameters": parameters, "vocabulary": len(tokens), "bytes": size}


def _corpus(seed: int) -> Iterator[str]:
    """Lines and JSON as invoices have them, so that merges are useful for documents."""
    rng = random.Random(seed)  # noqa: S311  # words, not secrets
    words = _WORDS.split()
    for _ in range(4000):
        yield " ".join(rng.choice(words) for _ in range(rng.randint(4, 14))).capitalize() + "."
        date = f"20{rng.randint(10, 29)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        value = rng.choice([rng.randint(0, 9999), round(rng.random() * 999, 2), rng.choice(words), date])
        yield json.dumps({rng.choice(_KEYS): value})
    yield from ["You are a helpful assistant.", "system", "user", "assistant"] * 50


def _write_tokenizer(folder: Path, seed: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import Qwen2Tokenizer  # noqa: PLC0415  # as above

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.NFC()
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_SPLIT), "isolated"), byte_level]
    )
    trained.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained.train_from_iterator(
        _corpus(seed),
        trainers.BpeTrainer(
            vocab_size=256 + _MERGES, special_tokens=[], initial_alphabet=alphabet, show_progress=False
        ),
    )
    model = json.loads(trained.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=model["vocab"],
        merges=[tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]],
        unk_token=None,
        bos_token=None,
        eos_token="<|im_end|>",  # noqa: S106  # a token of a vocabulary
        pad_token="<|endoftext|>",  # noqa: S106  # as above
        additional_special_tokens=[t for t in SPECIAL_TOKENS if t not in ("<|endoftext|>", "<|im_end|>")],
        model_max_length=_CONTEXT,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": CHAT_TEMPLATE}) + "\n")
    return tokenizer


def _write_weights(folder: Path, tokenizer: Any, seed: int) -> int:
    import torch  # noqa: PLC0415  # as above
    from transformers import GenerationConfig, Qwen2VLConfig, Qwen2VLForConditionalGeneration  # noqa: PLC0415
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS}
    end, pad = ids["<|im_end|>"], ids["<|endoftext|>"]
    marks = {"bos_token_id": pad, "eos_token_id": end, "pad_token_id": pad}
    config = Qwen2VLConfig(
        text_config={**_TEXT, **marks, "vocab_size": len(tokenizer)},
        vision_config=_VISION,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    torch.manual_seed(seed)
    disable_progress_bar()
    model = Qwen2VLForConditionalGeneration(config).to(torch.bfloat16).eval()
    model.generation_config = GenerationConfig(
        bos_token_id=pad, eos_token_id=[end, pad], pad_token_id=pad, do_sample=False
    )
    model.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def _write_preprocessor(folder: Path) -> None:
    content = {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2VLProcessor",
        "min_pixels": _LEAST_PIXELS,
        "max_pixels": _MOST_PIXELS,
        "size": {"shortest_edge": _LEAST_PIXELS, "longest_edge": _MOST_PIXELS},
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "do_convert_rgb": True,
        "rescale_factor": 1 / 255,
        "resample": 3,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(content, indent=2) + "\n")
