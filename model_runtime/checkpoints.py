"""The checkpoints a user may serve: shape, size, licence, and what follows for memory.

Sizes are computed from the numbers of each architecture. Those of Qwen2-VL are checked (KV cache 28, 56 and
320 KiB a token, a vision encoder of 675 M parameters); where ``sure`` is false the numbers are as published,
and have not been held against a checkpoint here.
"""

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from model_runtime.families import Family
from model_runtime.nano import shipped
from schemas.errors import Unsupported

APACHE = "Apache-2.0"
QWEN = "Qwen licence"
QWEN_RESEARCH = "Qwen research licence (no commercial use)"


class Weights(StrEnum):
    """How a checkpoint stores its linear layers. Embeddings and the vision encoder stay in 16 bits."""

    BF16 = "bf16"
    INT8 = "GPTQ-Int8"
    INT4 = "GPTQ-Int4"
    AWQ = "AWQ"


_GROUP = 128
"""Weights that share a scale, in GPTQ and AWQ alike."""

_BYTES = {
    Weights.BF16: 2.0,
    Weights.INT8: 1.0 + 2 / _GROUP,
    Weights.INT4: 0.5 + 2.5 / _GROUP,
    Weights.AWQ: 0.5 + 2.5 / _GROUP,
}


@dataclass(frozen=True, slots=True)
class Text:
    """The language model: ``mlp`` is the width of one expert where there are several."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    mlp: int
    vocab: int
    tied: bool = False
    head_dim: int = 128
    experts: int = 1

    @property
    def linear(self) -> int:
        """Parameters that quantisation shrinks."""
        attention = 2 * self.hidden * self.head_dim * (self.heads + self.kv_heads)
        return self.layers * (attention + self.experts * 3 * self.hidden * self.mlp)

    @property
    def embeddings(self) -> int:
        return self.vocab * self.hidden * (1 if self.tied else 2)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    name: str
    family: Family
    text: Text
    vision: int
    context: int
    licence: str
    weights: Weights = Weights.BF16
    sure: bool = False

    @property
    def parameters(self) -> int:
        return self.text.linear + self.text.embeddings + self.vision

    @property
    def weight_bytes(self) -> int:
        return round(self.text.linear * _BYTES[self.weights] + 2 * (self.text.embeddings + self.vision))

    @property
    def kv_bytes(self) -> int:
        """Of the cache, for one token, all GPUs together."""
        return 2 * self.text.layers * self.text.kv_heads * self.text.head_dim * 2

    def kv_bytes_on_each(self, parallel: int) -> int:
        """Heads that cannot be divided any further are held more than once."""
        return self.kv_bytes // min(parallel, self.text.kv_heads)

    def parallel_fault(self, parallel: int) -> str | None:
        """Why the model cannot be cut in so many parts."""
        text = self.text
        if text.heads % parallel:
            return f"{text.heads} attention heads cannot be divided by {parallel}"
        if parallel > text.kv_heads and parallel % text.kv_heads:
            return f"{text.kv_heads} key-value heads cannot be spread over {parallel}"
        if text.mlp % parallel:
            return f"layers of width {text.mlp} cannot be divided by {parallel}"
        if self.weights is not Weights.BF16 and (text.mlp // parallel) % _GROUP:
            return f"groups of {_GROUP} weights do not fit into {text.mlp} / {parallel}"
        return None


_Q2 = {
    "2B": Text(1536, 28, 12, 2, 8960, 151_936, tied=True),
    "7B": Text(3584, 28, 28, 4, 18_944, 152_064),
    "72B": Text(8192, 80, 64, 8, 29_568, 152_064),
}
_Q25 = {
    "3B": Text(2048, 36, 16, 2, 11_008, 151_936, tied=True),
    "7B": _Q2["7B"],
    "32B": Text(5120, 64, 40, 8, 27_648, 152_064),
    "72B": _Q2["72B"],
}
_Q3 = {
    "2B": Text(2048, 28, 16, 8, 6144, 151_936, tied=True),
    "4B": Text(2560, 36, 32, 8, 9728, 151_936, tied=True),
    "8B": Text(4096, 36, 32, 8, 12_288, 151_936),
    "32B": Text(5120, 64, 64, 8, 25_600, 151_936),
    "30B-A3B": Text(2048, 48, 32, 4, 768, 151_936, experts=128),
    "235B-A22B": Text(4096, 94, 64, 4, 1536, 151_936, experts=128),
}
_Q3_VISION = {"2B": 407_000_000, "4B": 415_000_000}
_PADDED = 29_696
"""The 72B's layers were widened for quantisation, so that they can be cut in eight; as published."""

_LICENCES = {("Qwen2-VL", "72B"): QWEN, ("Qwen2.5-VL", "72B"): QWEN, ("Qwen2.5-VL", "3B"): QWEN_RESEARCH}


def _qwen2() -> list[Checkpoint]:
    found = []
    for size, text in _Q2.items():
        base = Checkpoint(
            f"Qwen/Qwen2-VL-{size}-Instruct", Family.QWEN2_VL, text, 675_000_000, 32_768,
            _LICENCES.get(("Qwen2-VL", size), APACHE), sure=True,
        )  # fmt: skip
        found += [base, *(_quantised(base, w) for w in (Weights.INT8, Weights.INT4, Weights.AWQ))]
    return found


def _qwen25() -> list[Checkpoint]:
    found = []
    for size, text in _Q25.items():
        licence = _LICENCES.get(("Qwen2.5-VL", size), APACHE)
        name = f"Qwen/Qwen2.5-VL-{size}-Instruct"
        base = Checkpoint(name, Family.QWEN2_5_VL, text, 670_000_000, 128_000, licence)
        found += [base, _quantised(base, Weights.AWQ)]
    return found


def _qwen3() -> list[Checkpoint]:
    return [
        Checkpoint(
            f"Qwen/Qwen3-VL-{size}-Instruct", Family.QWEN3_VL, text,
            _Q3_VISION.get(size, 577_000_000), 262_144, APACHE,
        )
        for size, text in _Q3.items()
    ]  # fmt: skip


def _quantised(base: Checkpoint, weights: Weights) -> Checkpoint:
    wide = base.text.mlp == _Q2["72B"].mlp
    text = replace(base.text, mlp=_PADDED) if wide else base.text
    return replace(
        base, name=f"{base.name}-{weights}", text=text, weights=weights, sure=base.sure and not wide
    )


def known() -> dict[str, Checkpoint]:
    return {checkpoint.name: checkpoint for checkpoint in (*_qwen2(), *_qwen25(), *_qwen3())}


def find(name: str) -> Checkpoint:
    """By its name, with or without ``Qwen/`` and in any case, or by a folder that holds one.

    ``nano`` is the small one that comes with Quire.
    """
    if name == shipped.ALIAS:
        return replace(in_folder(shipped.folder()), name=shipped.NAME, licence="as Quire itself")
    table = known()
    short = {full.removeprefix("Qwen/").lower(): full for full in table}
    asked = name.removeprefix("Qwen/").lower()
    full = short.get(asked) or short.get(f"{asked}-instruct")
    if full is not None:
        return table[full]
    if (Path(name) / "config.json").is_file():
        return in_folder(Path(name))
    near = [full for key, full in short.items() if key.startswith(asked[:8])] or list(table)
    raise Unsupported(
        "checkpoint_unknown", f"no checkpoint is called {name[:80]!r}; known are {', '.join(near)}"
    )


def source(name: str) -> str:
    """What a server is told to load: a folder, or a name in a hub."""
    if name == shipped.ALIAS:
        return str(shipped.folder())
    return name if Path(name).is_dir() else find(name).name


_TYPES = {
    "qwen2_vl": Family.QWEN2_VL,
    "qwen2_5_vl": Family.QWEN2_5_VL,
    "qwen3_vl": Family.QWEN3_VL,
    "qwen3_vl_moe": Family.QWEN3_VL,
}


def in_folder(folder: Path) -> Checkpoint:
    """What the ``config.json`` of a checkpoint on this machine says."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        family = _TYPES[config["model_type"]]
        # Older checkpoints have the language model's numbers at the top.
        text = config.get("text_config") or config
        heads = int(text["num_attention_heads"])
        experts = int(text.get("num_experts") or 1)
        shape = Text(
            hidden=int(text["hidden_size"]),
            layers=int(text["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(text["num_key_value_heads"]),
            mlp=int(text["moe_intermediate_size" if experts > 1 else "intermediate_size"]),
            vocab=int(text.get("vocab_size") or config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings")),
            head_dim=int(text.get("head_dim") or text["hidden_size"] // heads),
            experts=experts,
        )
        context = int(text["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise Unsupported(
            "checkpoint_unknown",
            f"{folder.name}/config.json is not of a Qwen-VL model ({type(error).__name__})",
        ) from None
    return Checkpoint(
        folder.name,
        family,
        shape,
        _vision(config),
        context,
        "as the checkpoint says",
        _weights(config),
        sure=True,
    )


def _weights(config: dict[str, Any]) -> Weights:
    how = config.get("quantization_config") or {}
    if how.get("quant_method") == "awq":
        return Weights.AWQ
    if how.get("quant_method") == "gptq":
        return Weights.INT4 if how.get("bits") == 4 else Weights.INT8
    return Weights.BF16


def _vision(config: dict[str, Any]) -> int:
    """About: attention and MLP of each block, and the merger."""
    vision = config["vision_config"]
    width = int(vision.get("embed_dim") or vision["hidden_size"])
    mlp = int(vision.get("intermediate_size") or width * vision.get("mlp_ratio", 4))
    merged = width * int(vision.get("spatial_merge_size", 2)) ** 2
    return int(vision["depth"]) * (4 * width * width + 2 * width * mlp) + 2 * merged * merged
