"""Feeds batches from worker processes to the device they are trained on."""
# ruff: noqa: PLC0415  # torch takes seconds to import: only when something is trained

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from model_runtime.nano.batches import Maker, Plan, plans


class _Pages(Dataset):  # type: ignore[misc]  # torch has no types here
    def __init__(self, folder: Path | None) -> None:
        self._maker = Maker(folder)

    def __getitem__(self, plan: Plan) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(array) for name, array in self._maker.make(plan).items()}


class _Order(Sampler):  # type: ignore[misc]  # as above
    def __init__(self, made: Iterator[Plan]) -> None:
        self._made = made

    def __iter__(self) -> Iterator[Plan]:
        return self._made


def _single(worker: int) -> None:
    del worker
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def batches(
    seed: int,
    start: int,
    stage: Callable[[], int],
    *,
    tokens: int,
    most: int,
    workers: int,
    folder: Path | None,
    pinned: bool,
) -> Iterator[dict[str, Any]]:
    """From number ``start`` on. Workers are a few batches ahead: a new stage arrives a little late."""
    loader = DataLoader(
        _Pages(folder),
        batch_size=None,
        sampler=_Order(plans(seed, start, stage, tokens, most)),
        num_workers=workers,
        worker_init_fn=_single,
        prefetch_factor=3 if workers else None,
        pin_memory=pinned,
        multiprocessing_context="spawn" if workers else None,
    )
    return iter(loader)


def coloured(cover: torch.Tensor, tint: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """Pages (B, H, W, 3) of 0 to 255 out of coverage (B, H, W): paper, ink, noise and shade."""
    batch, height, width = cover.shape
    paper, ink = tint[:, None, None, 0:3], tint[:, None, None, 3:6]
    share = (cover.float() / 255)[..., None]
    page = paper + share * (ink - paper)
    grain = torch.randn((batch, height, width, 1), generator=noise, device=cover.device)
    page = page + grain * tint[:, None, None, 6:7]
    down = torch.linspace(-0.5, 0.5, height, device=cover.device)[None, :, None, None]
    across = torch.linspace(-0.5, 0.5, width, device=cover.device)[None, None, :, None]
    page = page + across * tint[:, None, None, 7:8] + down * tint[:, None, None, 8:9]
    return page.round().clamp(0, 255)
