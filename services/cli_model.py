"""`quire model`: plan, serve, make and imitate the models that read pages."""

import json
import signal
import threading
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from services import cli_nano
from services.cli import FAILED, OK, say, settings_of

model = typer.Typer(
    name="model", help="Models: what fits where, serving one, tiny ones for tests.", no_args_is_help=True
)


class Format(StrEnum):
    LINES = "lines"
    JSON = "json"


def register(app: typer.Typer) -> None:
    cli_nano.register(model)
    app.add_typer(model)


@model.command()
def plan(
    checkpoint: Annotated[str, typer.Argument(help="such as Qwen2-VL-7B-Instruct-AWQ, or a folder")],
    gpu: Annotated[str, typer.Option(help="such as L4, A100-80, H100")],
    gpus: Annotated[int, typer.Option(min=1, max=64)] = 1,
    pixels: Annotated[int | None, typer.Option(min=784, help="of the largest page image")] = None,
    form: Annotated[Format, typer.Option("--format", help="lines of name and value, or JSON")] = Format.LINES,
) -> None:
    """Say whether a checkpoint fits, cut in how many parts, and how many pages it reads at once."""
    from model_runtime import checkpoints, gpu_plan  # noqa: PLC0415  # the other commands start without them
    from model_runtime.families import TRAITS  # noqa: PLC0415

    found = checkpoints.find(checkpoint)
    factor = TRAITS[found.family].factor
    made = gpu_plan.plan(found, gpu_plan.gpu_named(gpu), gpus, pixels or 1280 * factor * factor)
    figures: dict[str, Any] = {
        "plan.checkpoint": found.name,
        "plan.licence": found.licence,
        "plan.figures": "checked" if found.sure else "as published",
        "plan.parameters": found.parameters,
        "plan.weights": str(found.weights),
        "plan.weight_gib": round(found.weight_bytes / gpu_plan.GIB, 1),
        "plan.kv_kib_per_token": found.kv_bytes // 1024,
        "plan.context": found.context,
        "plan.gpu": made.gpu,
        "plan.gpus": made.gpus,
        "plan.visual_tokens": made.visual_tokens,
        "plan.fits": made.fits,
    }
    if made.fits:
        figures |= {
            "plan.tensor_parallel": made.parallel,
            "plan.copies": made.copies,
            "plan.cache_gib": round(made.cache_gib, 1),
            "plan.pages_in_flight": made.pages * made.copies,
            "plan.flags": " ".join(made.flags),
        }
    else:
        figures["plan.reason"] = made.reason
    if form is Format.JSON:
        typer.echo(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            typer.echo(f"{name} {str(value).lower() if isinstance(value, bool) else value}")
    raise typer.Exit(OK if made.fits else FAILED)


@model.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    checkpoint: Annotated[
        str, typer.Argument(help="a known name, a folder, or nano: the small one of Quire's")
    ],
    vllm: Annotated[str | None, typer.Option(help="vLLM's program (QUIRE_VLLM)")] = None,
    host: Annotated[str, typer.Option(help="keep it private: only /v1 asks for a key")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    name: Annotated[str | None, typer.Option(help="what clients call the model")] = None,
    gpu: Annotated[str | None, typer.Option(help="sets the flags of `quire model plan`")] = None,
    gpus: Annotated[int, typer.Option(min=1, max=64)] = 1,
    restarts: Annotated[int, typer.Option(min=0, help="deaths allowed within ten minutes")] = 5,
    start_s: Annotated[float, typer.Option(min=1, help="how long loading may take")] = 1800.0,
) -> None:
    """Run `vllm serve` with the flags a document service needs; what follows `--` is handed on to it."""
    from model_runtime import checkpoints, gpu_plan, vllm_server  # noqa: PLC0415  # as above
    from model_runtime.families import TRAITS  # noqa: PLC0415
    from model_runtime.nano import shipped  # noqa: PLC0415

    found = checkpoints.find(checkpoint)
    factor = TRAITS[found.family].factor
    flags = ["--max-num-batched-tokens", str(gpu_plan.batched_tokens(1280))]
    if gpu is not None:
        made = gpu_plan.plan(found, gpu_plan.gpu_named(gpu), gpus, 1280 * factor * factor)
        if not made.fits:
            say(f"quire: {found.name} does not fit on {gpus} x {made.gpu}: {made.reason}")
            raise typer.Exit(FAILED)
        flags = made.flags
    serving = vllm_server.Serving(
        model=checkpoints.source(checkpoint),
        executable=vllm_server.executable(vllm or settings_of().vllm),
        name=name or found.name,
        host=host,
        port=port,
        flags=flags,
        more=[arg for arg in context.args if arg != "--"],
    )
    if checkpoint == shipped.ALIAS:
        options = urlencode({"model": serving.name or "", **shipped.options()})
        say(f"quire: QUIRE_ENGINE_URL=vllm+http://{host}:{port}?{options}")
    limits = vllm_server.Limits(start_s=start_s, restarts=restarts)
    raise typer.Exit(vllm_server.Supervisor(serving, say, limits).run())


@model.command()
def tiny(
    folder: Annotated[Path, typer.Argument(help="where to write it")],
    seed: Annotated[int, typer.Option()] = 0,
) -> None:
    """Write a Qwen2-VL of 0.7 M random parameters: real in every part, and answering with noise."""
    from model_runtime.tiny import write  # noqa: PLC0415  # as above

    typer.echo(json.dumps(write(folder, seed)))


@model.command()
def faults(
    script: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="JSON: what to do")] = None,
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Serve no model at all, and fail as a script says: for drills against a real deployment."""
    from model_runtime.fault_script import Script  # noqa: PLC0415  # as above
    from model_runtime.fault_server import FaultServer  # noqa: PLC0415

    text = script.read_text(encoding="utf-8") if script is not None else "{}"
    server = FaultServer(Script.model_validate_json(text), host, port)
    stop = threading.Event()
    # By hand: a process started in the background of a script has SIGINT ignored, and Python leaves it so.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.start()
    say(f"the fault server listens on {server.url} (PUT /script, GET /log)")
    stop.wait()
    server.stop()
