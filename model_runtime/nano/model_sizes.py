"""How large the models are that can be trained, and what every Qwen2-VL has in common."""

from dataclasses import dataclass

CELL, PATCH = 28, 14
"""Sides in pixels of what is one visual token, and of its four patches."""

SLOTS = 4
"""Characters of a patch that the auxiliary loss names."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of colours, as every Qwen2-VL normalises them."""


@dataclass(frozen=True, slots=True)
class Size:
    """Heads have 64 channels each: what every server's attention kernels have in common."""

    vision_width: int = 256
    vision_depth: int = 6
    hidden: int = 384
    layers: int = 6
    mlp: int = 1024
    kv_heads: int = 6
    theta: float = 30.0
    sections: tuple[int, int, int] = (6, 10, 16)
    context: int = 4096


SIZES = {
    "large": Size(),
    "small": Size(192, 4, 256, 4, 512, kv_heads=2, theta=100.0),
    "least": Size(64, 1, 64, 1, 64, kv_heads=1),
}
"""``small`` learns on two cores in an hour or two; ``large`` wants a GPU; ``least`` is for tests."""
