"""Qwen2-VL in small: its sizes, and a lean forward pass over the library's own weights for training.

Of a batch of equally large images, without padding, masks or loops over images; `tests` hold it against the
library's.
"""
# ruff: noqa: PLC0415  # torch takes seconds to import: only when a model is made

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # its usual name
from torch import Tensor, nn

from model_runtime.nano import alphabet
from model_runtime.nano.model_sizes import CELL, DEVIATION, MEAN, PATCH, SLOTS, Size


def build(tokenizer: Any, size: Size, seed: int) -> Any:
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    number = tokenizer.convert_tokens_to_ids
    rope = {"rope_type": "default", "rope_theta": size.theta, "mrope_section": list(size.sections)}
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": size.hidden, "intermediate_size": size.mlp,
            "num_hidden_layers": size.layers, "num_attention_heads": size.hidden // 64,
            "num_key_value_heads": size.kv_heads, "max_position_embeddings": size.context,
            "rms_norm_eps": 1e-6, "tie_word_embeddings": True, "rope_parameters": rope,
            "bos_token_id": number("<|endoftext|>"), "eos_token_id": number("<|im_end|>"),
            "pad_token_id": number("<|endoftext|>"),
        },
        vision_config={
            "depth": size.vision_depth, "embed_dim": size.vision_width, "hidden_size": size.hidden,
            "num_heads": size.vision_width // 64, "mlp_ratio": 4, "patch_size": PATCH,
            "spatial_merge_size": 2, "temporal_patch_size": 2, "in_channels": 3,
        },
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
        tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = Qwen2VLForConditionalGeneration(config)
    model.tie_weights()
    return model.float()


class Spelling(nn.Module):  # type: ignore[misc]  # torch has no types here
    """The auxiliary head: a cell's feature to the characters of its four patches. Dropped after training."""

    def __init__(self, hidden: int, width: int = 64) -> None:
        super().__init__()
        self.slots = nn.Linear(hidden, 4 * SLOTS * width)
        self.names = nn.Linear(width, alphabet.COUNT)
        self.width = width

    def forward(self, cells: Tensor, places: Tensor) -> Tensor:
        """Of some places only, counted over all slots of all cells: most are blank and teach little."""
        found = F.gelu(self.slots(cells)).view(-1, self.width)[places]
        return self.names(found)


class Placing(nn.Module):  # type: ignore[misc]  # torch has no types here
    """The second auxiliary head: what the decoder knows of a token to where that stands on the page, as
    hundreds and tens of each side's per mille. Dropped after training."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.digits = nn.Linear(hidden, 8 * 10)
        # At first it asks nothing of the decoder: what a head that knows nothing asks is noise.
        nn.init.zeros_(self.digits.weight)

    def forward(self, states: Tensor) -> Tensor:
        return self.digits(F.rms_norm(states, states.shape[-1:])).unflatten(-1, (8, 10))

    @staticmethod
    def wanted(stands: Tensor) -> Tensor:
        """Boxes in per mille (N, 4) as the digits that are asked for (N, 8)."""
        return torch.cat([stands // 100, stands // 10 % 10], -1)


def patches(image: Tensor) -> Tensor:
    """Grey levels or colours (B, H, W, 3) of 0 to 255 as the processor lays them out."""
    batch, height, width, _ = image.shape
    mean = torch.tensor(MEAN, device=image.device)
    deviation = torch.tensor(DEVIATION, device=image.device)
    x = (image.float() / 255 - mean) / deviation
    rows, columns = height // CELL, width // CELL
    x = x.permute(0, 3, 1, 2).reshape(batch, 3, rows, 2, PATCH, columns, 2, PATCH)
    x = x.permute(0, 2, 5, 3, 6, 1, 4, 7).reshape(batch, rows * columns * 4, 3, 1, PATCH, PATCH)
    return x.expand(-1, -1, -1, 2, -1, -1).reshape(batch, rows * columns * 4, -1)


def _turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat((-second, first), -1) * sine


_SHORT = 400
"""Positions up to which plain products are faster on a CPU than the fused kernel."""


def _attention(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    if query.device.type != "cpu" or query.shape[-2] > _SHORT:
        return F.scaled_dot_product_attention(query, key, value, is_causal=causal)
    # On a CPU the backward pass of the fused kernel is slower than this, at the lengths of small pages.
    scores = torch.matmul(query, key.transpose(-1, -2)).float() * query.shape[-1] ** -0.5
    if causal:
        count = query.shape[-2]
        scores = scores + torch.full((count, count), -1e30).triu(1)
    return torch.matmul(torch.softmax(scores, -1).to(value.dtype), value)


Weights = tuple[Tensor, ...]


def _vision_weights(block: Any) -> Weights:
    attention, mlp = block.attn, block.mlp
    return (
        block.norm1.weight, block.norm1.bias, attention.qkv.weight, attention.qkv.bias,
        attention.proj.weight, attention.proj.bias, block.norm2.weight, block.norm2.bias,
        mlp.fc1.weight, mlp.fc1.bias, mlp.fc2.weight, mlp.fc2.bias,
    )  # fmt: skip


def vision_block(x: Tensor, cosine: Tensor, sine: Tensor, weights: Weights) -> Tensor:
    n1w, n1b, qkv_w, qkv_b, out_w, out_b, n2w, n2b, up_w, up_b, down_w, down_b = weights
    batch, count, width = x.shape
    h = F.layer_norm(x, (width,), n1w, n1b, 1e-6)
    qkv = F.linear(h, qkv_w, qkv_b).view(batch, count, 3, width // 64, 64).permute(2, 0, 3, 1, 4)
    query, key, value = qkv[0], qkv[1], qkv[2]
    cosine, sine = cosine.to(query.dtype), sine.to(query.dtype)
    seen = _attention(_turned(query, cosine, sine), _turned(key, cosine, sine), value, causal=False)
    x = x + F.linear(seen.transpose(1, 2).reshape(batch, count, width), out_w, out_b)
    h = F.linear(F.layer_norm(x, (width,), n2w, n2b, 1e-6), up_w, up_b)
    return x + F.linear(h * torch.sigmoid(1.702 * h), down_w, down_b)


def _text_weights(layer: Any) -> Weights:
    a, mlp = layer.self_attn, layer.mlp
    return (
        layer.input_layernorm.weight, a.q_proj.weight, a.q_proj.bias, a.k_proj.weight, a.k_proj.bias,
        a.v_proj.weight, a.v_proj.bias, a.o_proj.weight, layer.post_attention_layernorm.weight,
        mlp.gate_proj.weight, mlp.up_proj.weight, mlp.down_proj.weight,
    )  # fmt: skip


def _normed(x: Tensor, weight: Tensor) -> Tensor:
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


def text_block(x: Tensor, cosine: Tensor, sine: Tensor, weights: Weights) -> Tensor:
    n1, q_w, q_b, k_w, k_b, v_w, v_b, o_w, n2, gate_w, up_w, down_w = weights
    batch, count, width = x.shape

    def heads(made: Tensor) -> Tensor:
        return made.view(batch, count, -1, 64).transpose(1, 2)

    h = _normed(x, n1)
    query, key, value = (heads(F.linear(h, w, b)) for w, b in ((q_w, q_b), (k_w, k_b), (v_w, v_b)))
    cosine, sine = cosine.to(query.dtype), sine.to(query.dtype)
    query, key = _turned(query, cosine, sine), _turned(key, cosine, sine)
    shared = query.shape[1] // key.shape[1]
    if shared > 1:
        key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)
    seen = _attention(query, key, value, causal=True)
    x = x + F.linear(seen.transpose(1, 2).reshape(batch, count, width), o_w)
    h = _normed(x, n2)
    return x + F.linear(F.silu(F.linear(h, gate_w)) * F.linear(h, up_w), down_w)


class Forward:
    """The training pass. ``compiled``: the blocks are, once for all layers and sizes of image."""

    def __init__(self, model: Any, before: list[int], *, compiled: bool = False) -> None:
        self._model = model
        self._device = model.device
        self._before = torch.tensor(before, device=self._device)
        self._vision = [_vision_weights(block) for block in model.model.visual.blocks]
        self._text = [_text_weights(layer) for layer in model.model.language_model.layers]
        self._vision_block, self._text_block = vision_block, text_block
        if compiled:
            self._vision_block = torch.compile(vision_block, dynamic=True)
            self._text_block = torch.compile(text_block, dynamic=True)

    def cells(self, image: Tensor) -> Tensor:
        """A feature for each 28 x 28 pixels: (B, cells, hidden)."""
        visual = self._model.model.visual
        batch, height, width, _ = image.shape
        x = F.linear(patches(image), visual.patch_embed.proj.weight.flatten(1))
        cosine, sine = _vision_turns(height // CELL, width // CELL, self._device)
        for weights in self._vision:
            x = self._vision_block(x, cosine, sine, weights)
        merger = visual.merger
        return merger.mlp(merger.ln_q(x).view(batch, (height // CELL) * (width // CELL), -1))

    def states(self, cells: Tensor, grid: tuple[int, int], said: Tensor) -> tuple[Tensor, list[Tensor]]:
        """At the positions of ``said`` (B, T), which follows the image: the last states, and those between
        the second layer and the last."""
        language = self._model.model.language_model
        embed, batch = language.embed_tokens, cells.shape[0]
        before = embed(self._before).expand(batch, -1, -1)
        after = embed(said)
        x = torch.cat([before.to(cells.dtype), cells, after.to(cells.dtype)], 1)
        positions = _positions(len(self._before), *grid, said.shape[1], self._device)
        cosine, sine = _text_turns(language.rotary_emb, positions)
        between = []
        for weights in self._text:
            x = self._text_block(x, cosine, sine, weights)
            between.append(x[:, -said.shape[1] :])
        return _normed(between[-1], language.norm.weight), between[1:-1]

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self._model.model.language_model.embed_tokens.weight)


_turns: dict[tuple[int, int, str], tuple[Tensor, Tensor]] = {}


def _vision_turns(rows: int, columns: int, device: Any) -> tuple[Tensor, Tensor]:
    key = (rows, columns, str(device))
    if key not in _turns:
        inverse = 1.0 / (10_000.0 ** (torch.arange(0, 32, 2, dtype=torch.float) / 32))
        down = torch.arange(rows * 2).view(rows, 1, 2, 1).expand(rows, columns, 2, 2).reshape(-1, 1)
        across = torch.arange(columns * 2).view(1, columns, 1, 2).expand(rows, columns, 2, 2).reshape(-1, 1)
        angles = torch.cat([down * inverse, across * inverse], -1)
        angles = torch.cat([angles, angles], -1).to(device)
        _turns[key] = (angles.cos(), angles.sin())
    return _turns[key]


def _positions(before: int, rows: int, columns: int, after: int, device: Any) -> Tensor:
    first = torch.arange(before).expand(3, -1)
    down = torch.arange(rows).view(rows, 1).expand(rows, columns).reshape(-1)
    across = torch.arange(columns).view(1, columns).expand(rows, columns).reshape(-1)
    image = torch.stack([torch.zeros_like(down), down, across]) + before
    last = (torch.arange(after) + before + max(rows, columns)).expand(3, -1)
    return torch.cat([first, image, last], 1).to(device)


def _text_turns(rotary: Any, positions: Tensor) -> tuple[Tensor, Tensor]:
    angles = positions[..., None].float() * rotary.inv_freq.float()
    parts = angles.split(rotary.mrope_section, -1)
    angles = torch.cat([part[number % 3] for number, part in enumerate(parts)], -1)
    angles = torch.cat([angles, angles], -1)
    return angles.cos(), angles.sin()
