"""Says whether a checkpoint fits on given GPUs, cut in how many parts, and how many pages it reads at once.

An estimate from sizes alone: `vllm serve` prints what it really found room for.
"""

import math
from dataclasses import dataclass

from model_runtime.checkpoints import Checkpoint
from model_runtime.families import TRAITS
from schemas.errors import Unsupported

GIB = 1024**3

GPUS: dict[str, float] = {
    "T4": 14.6,
    "L4": 22.0,
    "A10G": 22.1,
    "RTX3090": 23.6,
    "RTX4090": 23.5,
    "A100-40": 39.4,
    "L40S": 44.4,
    "A100-80": 79.1,
    "H100": 79.1,
    "H200": 139.7,
    "B200": 178.3,
}
"""GiB that a process sees on each."""

_OLD = frozenset({"T4"})
"""No bfloat16: served in float16, which takes as much."""

_SHARE = 0.9
"""``--gpu-memory-utilization``."""

_OVERHEAD_GIB = 1.5
"""CUDA graphs, workspaces, communication buffers."""

_PROMPT = 700
_REPLY = 2_000
"""Tokens of a page's prompt and reply beside the image; the cache holds both to the end."""

_LONGEST_REPLY = 8_192
_MOST_PAGES = 256
_ENOUGH_PAGES = 8
"""From here on a further GPU serves better as another copy than as another part."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``pages`` 0: it does not fit, and ``reason`` says why."""

    checkpoint: Checkpoint
    gpu: str
    gpus: int
    visual_tokens: int
    parallel: int = 1
    weight_gib: float = 0.0
    cache_gib: float = 0.0
    pages: int = 0
    reason: str = ""

    @property
    def fits(self) -> bool:
        return self.pages > 0

    @property
    def copies(self) -> int:
        """Servers of that size that the GPUs have room for."""
        return self.gpus // self.parallel if self.fits else 0

    @property
    def model_len(self) -> int:
        wanted = self.visual_tokens + _PROMPT + _LONGEST_REPLY
        return min(self.checkpoint.context, _power(wanted))

    @property
    def flags(self) -> list[str]:
        flags = ["--max-model-len", str(self.model_len), "--max-num-seqs", str(min(self.pages, _MOST_PAGES))]
        flags += ["--max-num-batched-tokens", str(batched_tokens(self.visual_tokens))]
        flags += ["--gpu-memory-utilization", str(_SHARE)]
        if self.parallel > 1:
            flags += ["--tensor-parallel-size", str(self.parallel), "--mm-encoder-tp-mode", "data"]
        if self.gpu in _OLD:
            flags += ["--dtype", "half"]
        return flags


def batched_tokens(visual_tokens: int) -> int:
    """It sizes the encoder's cache too: one image above it is answered with 400."""
    return max(8_192, _power(visual_tokens + _PROMPT))


def _power(tokens: int) -> int:
    return 1 << math.ceil(math.log2(max(2, tokens)))


def gpu_named(name: str) -> str:
    """The GPU of the table; spelling is forgiven."""
    asked = name.upper().replace(" ", "").replace("NVIDIA", "").removesuffix("GB")
    for known in GPUS:
        if asked in {known, known.replace("-", "")}:
            return known
    raise Unsupported("gpu_unknown", f"no GPU is called {name[:40]!r}; known are {', '.join(GPUS)}")


def plan(checkpoint: Checkpoint, gpu: str, gpus: int, pixels: int) -> Plan:
    """The best way to serve pages of ``pixels`` at most."""
    factor = TRAITS[checkpoint.family].factor
    visual = max(1, pixels // (factor * factor))
    options = [_cut(checkpoint, gpu, gpus, visual, 1 << power) for power in range(gpus.bit_length())]
    fitting = [option for option in options if option.fits]
    if not fitting:
        return options[-1] if len(options) == 1 else max(options, key=lambda option: option.cache_gib)
    enough = [option for option in fitting if option.pages >= _ENOUGH_PAGES]
    return enough[0] if enough else max(fitting, key=lambda option: option.pages)


def _cut(checkpoint: Checkpoint, gpu: str, gpus: int, visual: int, parallel: int) -> Plan:
    def no(reason: str, cache: float = float("-inf")) -> Plan:
        return Plan(checkpoint, gpu, gpus, visual, parallel, weights, cache, 0, reason)

    weights = checkpoint.weight_bytes / parallel / GIB
    if fault := checkpoint.parallel_fault(parallel):
        return no(fault)
    length = visual + _PROMPT + _REPLY
    if length > checkpoint.context:
        return no(f"a page of {length} tokens is longer than the context of {checkpoint.context}")
    cache = GPUS[gpu] * _SHARE - weights - _OVERHEAD_GIB - _activations(checkpoint, visual)
    pages = math.floor(cache * GIB / (checkpoint.kv_bytes_on_each(parallel) * length)) if cache > 0 else 0
    if pages < 1:
        return no(f"{weights:.1f} GiB of weights on each GPU leave no room for the cache of one page", cache)
    return Plan(checkpoint, gpu, gpus, visual, parallel, weights, cache, pages)


def _activations(checkpoint: Checkpoint, visual: int) -> float:
    """GiB for the widest layer over one batch, and for the vision encoder over one image."""
    tokens = batched_tokens(visual)
    text = checkpoint.text
    widest = max(text.hidden * 4, 3 * text.mlp if text.experts == 1 else text.hidden * 12)
    return tokens * widest * 2 / GIB + visual * 4 * 1280 * 12 * 2 / GIB
