"""Muon: momentum whose matrices are made orthogonal before each step (Jordan 2024; scaled as Liu 2025 does).

The library's own always computes in bfloat16, which processors without it emulate many times slower.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

_MOMENTUM = 0.95
_STEPS = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Of the quintic that drives singular values towards one (Jordan 2024)."""


class Muon(torch.optim.Optimizer):  # type: ignore[misc]  # torch has no types here
    """For matrices alone. Rates mean what they mean for AdamW: steps have the size of its own."""

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        *,
        computed_in: torch.dtype = torch.float32,
    ) -> None:
        """``computed_in``: what directions are made orthogonal in; the matrices keep their own type."""
        self._computed_in = computed_in
        super().__init__(list(matrices), {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()  # type: ignore[untyped-decorator]  # as above
    def step(self, closure: Any = None) -> None:
        del closure
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[tuple(matrix.shape)].append(matrix)
            for matrices in alike.values():
                self._move(matrices, group["lr"], group["weight_decay"])

    def _move(self, matrices: list[Tensor], rate: float, decay: float) -> None:
        """Matrices of one shape together: a few large products instead of many small ones."""
        heading = []
        for matrix in matrices:
            state = self.state[matrix]
            if not state:
                state["momentum"] = torch.zeros_like(matrix)
            state["momentum"].lerp_(matrix.grad, 1 - _MOMENTUM)
            heading.append(matrix.grad.lerp(state["momentum"], _MOMENTUM))
        turned = orthogonal(torch.stack(heading).to(self._computed_in)).to(matrices[0].dtype)
        size = 0.2 * max(matrices[0].shape) ** 0.5
        for matrix, one in zip(matrices, turned, strict=True):
            matrix.mul_(1 - rate * decay).add_(one, alpha=-rate * size)


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest orthogonal matrices, about: (N, rows, columns), by five steps of Newton and Schulz."""
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(_STEPS):
        square = x @ x.mT
        x = _A * x + (_B * square + _C * square @ square) @ x
    return x if wide else x.mT
