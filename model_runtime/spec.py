"""What each engine says of itself."""

from importlib.metadata import PackageNotFoundError, version

from model_runtime.families import Traits
from pipeline import prompts
from schemas.engine import CoordinateConvention, EngineSpec, PixelLimits
from schemas.request import Task

CALIBRATION = "pp-ocrv6-receipts-1"
"""The fit behind the confidences of the CPU reader; docs/calibration.md has its data and figures."""

_CONFIGURE = (
    "Set QUIRE_ENGINE_URL to a vLLM server that hosts a Qwen2-VL model; the CPU reader cannot do this."
)


def cpu_spec(cores: int) -> EngineSpec:
    """The embedded reader. Fields are found by the pipeline on the words and tables it reads."""
    return EngineSpec(
        name="cpu",
        model="pp-ocrv6-small+tesseract",
        version=f"rapidocr {_version('rapidocr')}, tesserocr {_version('tesserocr')}",
        limits=PixelLimits(factor=32, min_pixels=256 * 256, max_pixels=2400 * 3392, counts_tokens=False),
        tasks=frozenset({Task.TEXT, Task.TABLES, Task.FIELDS}),
        reads_for=frozenset(),
        coordinates=CoordinateConvention.PIXELS,
        calibration=CALIBRATION,
        max_in_flight=max(1, cores),
        pixels_per_x_height=14.0,
        unsupported={
            Task.CHARTS: f"Charts need a vision language model. {_CONFIGURE}",
            Task.QUESTIONS: f"Free questions need a vision language model. {_CONFIGURE}",
        },
    )


_X_HEIGHT = 7.0
"""Pixels of a lower-case x that a vision language model reads reliably: docs/budget.md."""

_LEAST_TOKENS = 64
_NOT_TRAINED = "no {task}: this checkpoint was trained for {tasks} only (tasks or prompt in QUIRE_ENGINE_URL)"


def vlm_spec(
    name: str,
    model: str,
    traits: Traits,
    *,
    visual_tokens: int,
    max_in_flight: int = 1,
    calibration: str | None = None,
    plain: bool = False,
    tasks: frozenset[Task] = frozenset(Task),
    x_height: float | None = None,
) -> EngineSpec:
    """A vision language model of a family; ``visual_tokens``: of its largest image; ``tasks``: what it
    was trained for (``plain``: to read text, under a prompt that says no more than that)."""
    square = traits.factor * traits.factor
    tasks = frozenset({Task.TEXT}) if plain else tasks
    trained = ", ".join(sorted(tasks))
    return EngineSpec(
        name=name,
        model=model,
        version="1",
        limits=PixelLimits(
            factor=traits.factor,
            min_pixels=min(_LEAST_TOKENS, visual_tokens) * square,
            max_pixels=visual_tokens * square,
        ),
        tasks=tasks,
        coordinates=traits.coordinates,
        calibration=calibration,
        prompt=prompts.names(tasks, plain=plain),
        max_in_flight=max_in_flight,
        pixels_per_x_height=x_height or _X_HEIGHT,
        unsupported={
            task: _NOT_TRAINED.format(task=task, tasks=trained) for task in Task if task not in tasks
        },
    )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def scripted_spec(max_in_flight: int, *, model: bool = False) -> EngineSpec:
    """The engine that replays; it takes any page image and claims every task of the CPU reader.

    ``model``: it passes for a vision language model, whose readings are arranged as they come.
    """
    return EngineSpec(
        name="scripted",
        model="scripted",
        version="1",
        limits=PixelLimits(factor=28, min_pixels=4 * 28 * 28, max_pixels=1_003_520, counts_tokens=model),
        tasks=frozenset({Task.TEXT, Task.TABLES, Task.FIELDS}),
        reads_for=frozenset(),
        max_in_flight=max_in_flight,
        unsupported={
            Task.CHARTS: f"The scripted engine reads no charts. {_CONFIGURE}",
            Task.QUESTIONS: f"The scripted engine answers no questions. {_CONFIGURE}",
        },
    )
