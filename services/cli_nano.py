"""`quire model train-nano` and `eval-nano`: the Qwen2-VL that is small enough to train here."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from model_runtime.checkpoints import source
from schemas.errors import Unsupported
from services.cli import FAILED, say
from services.folder_lock import FolderLock

if TYPE_CHECKING:
    from model_runtime.nano.train import Training  # needs torch

_WORTH_COMPILING = 20.0
"""Minutes of training on a CPU from which two minutes of compilation pay."""


class Device(StrEnum):
    CPU = "cpu"
    CUDA = "cuda"


_RATES = {Device.CPU: 7e-4, Device.CUDA: 5e-4}
_EARLY = {Device.CPU: 1.5e-3}
"""Highest learning rates of the two sizes that are trained there, before the stage `lines` and from it on:
docs/decisions/0020."""


def register(model: typer.Typer) -> None:
    model.command("train-nano")(train)
    model.command("eval-nano")(evaluate)


def train(
    out: Annotated[Path, typer.Option(help="where state and checkpoint are kept")] = Path("out/nano"),
    minutes: Annotated[float, typer.Option(min=0.01, help="the whole budget, resumed parts included")] = 90.0,
    device: Annotated[Device, typer.Option()] = Device.CPU,
    seed: Annotated[int, typer.Option(help="of weights and pages")] = 1,
    resume: Annotated[bool, typer.Option(help="go on where the folder's last state stands")] = False,
    start: Annotated[
        str | None, typer.Option(help="whose weights to start from: a checkpoint's folder, or nano")
    ] = None,
    first: Annotated[str, typer.Option(help="stage to begin with")] = "see",
    last: Annotated[
        str | None,
        typer.Option(help="stage to end with: text on a CPU, which has no time for more, or tasks"),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0, help="highest learning rate of all stages; else as is best for the device"),
    ] = None,
    fonts: Annotated[Path | None, typer.Option(help="a folder with more fonts")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="processes that make pages")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="of torch, on a CPU")] = None,
    compiled: Annotated[
        bool | None,
        typer.Option(
            "--compile/--no-compile", help="generate code first: it takes minutes, steps are faster"
        ),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=500, help="positions of a batch, pages and text, about")
    ] = None,
    half: Annotated[
        bool | None,
        typer.Option("--bfloat16/--float32", help="what to compute in; else bfloat16 where there is any"),
    ] = None,
) -> None:
    """Train a small Qwen2-VL on synthetic documents from nothing, and print what it cost."""
    on_cpu = device is Device.CPU
    last = last or ("text" if on_cpu else "tasks")
    _check_stages(first, last)
    begun_with = _folder_of(start) if start is not None else None
    with FolderLock(out):  # two trainings of one folder would spoil each other's state
        torch = _torch()
        from model_runtime.nano.train import Settings, Training  # noqa: PLC0415  # needs torch

        cores = os.cpu_count() or 1
        torch.set_num_threads(threads or (cores if on_cpu else 1))
        settings = Settings(
            folder=out,
            minutes=minutes,
            device=str(device),
            size="small" if on_cpu else "large",
            seed=seed,
            # Small batches: early on it is the number of steps that counts, not that of pages.
            tokens=tokens or (6000 if on_cpu else 60_000),
            most=64,
            highest_rate=_RATES[device] if rate is None else rate,
            early_rate=_EARLY.get(device) if rate is None else None,
            first=first,
            last=last,
            workers=(1 if on_cpu else cores - 1) if workers is None else workers,
            compiled=(not on_cpu or minutes >= _WORTH_COMPILING) if compiled is None else compiled,
            half=half,
            fonts=fonts,
        )
        training = Training(settings, say)
        resumed = resume and training.resume()
        if resume and not resumed:
            say("quire: there is nothing to resume, a new training begins")
        if begun_with is not None and not resumed:
            training.start_from(begun_with)
        _run(training)


def _check_stages(first: str, last: str) -> None:
    from model_runtime.nano.curriculum import STAGES  # noqa: PLC0415  # the other commands start without it

    known = [stage.name for stage in STAGES]
    if first not in known or last not in known or known.index(first) > known.index(last):
        raise Unsupported("unsupported_setting", f"stages are {', '.join(known)}, in this order")


def _folder_of(checkpoint: str) -> Path:
    folder = Path(source(checkpoint))
    if not (folder / "config.json").is_file():
        raise Unsupported("checkpoint_unknown", f"there is no checkpoint in {checkpoint[:200]!r}")
    return folder


def _run(training: "Training") -> None:
    from model_runtime.nano.train import Diverged  # noqa: PLC0415  # needs torch

    try:
        progress = training.run()
    except Diverged as error:
        say(f"quire: {error}; --resume goes on from the last state that was kept")
        raise typer.Exit(FAILED) from None
    figures = {
        "nano.parameters": training.parameters, "nano.steps": progress.step, "nano.pages": progress.pages,
        "nano.tokens": progress.tokens, "nano.skipped_steps": progress.skipped,
        "nano.minutes": round(progress.elapsed_s / 60, 1), "nano.stage": progress.course.now.name,
        "nano.checkpoint": training.checkpoint,
    }  # fmt: skip
    for name, value in figures.items():
        typer.echo(f"{name} {value}")


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(exists=True, file_okay=False)],
    count: Annotated[int, typer.Option(min=1, help="pages of each exam")] = 24,
    device: Annotated[Device, typer.Option()] = Device.CPU,
    only: Annotated[str, typer.Option(help="exams whose name holds this")] = "",
    fonts: Annotated[Path | None, typer.Option(help="a folder with more fonts")] = None,
    replies: Annotated[Path | None, typer.Option(help="a file to write every reply to")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="of torch, on a CPU")] = None,
) -> None:
    """Examine a checkpoint in this process, on pages that no training saw."""
    _torch()
    from model_runtime.nano.evaluate import evaluate as examined  # noqa: PLC0415  # as above

    for name, value in examined(
        checkpoint, count, device=str(device), fonts=fonts, only=only, kept=replies, threads=threads
    ):
        typer.echo(f"nano.{name} {value}")


def _torch() -> Any:
    try:
        import torch  # noqa: PLC0415  # an extra: absent from the base install
        import transformers  # noqa: F401, PLC0415  # as above
    except ImportError as error:
        raise Unsupported(
            "model_libraries_missing",
            f"{error.name} is not installed: Quire needs its extras 'model' and 'train'",
        ) from None
    return torch
