"""What each engine says of itself."""

from importlib.metadata import PackageNotFoundError, version

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
        coordinates=CoordinateConvention.PIXELS,
        calibration=CALIBRATION,
        max_in_flight=max(1, cores),
        pixels_per_x_height=14.0,
        unsupported={
            Task.CHARTS: f"Charts need a vision language model. {_CONFIGURE}",
            Task.QUESTIONS: f"Free questions need a vision language model. {_CONFIGURE}",
        },
    )


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def scripted_spec(max_in_flight: int) -> EngineSpec:
    """The engine that replays; it takes any page image and claims every task of the CPU reader."""
    return EngineSpec(
        name="scripted",
        model="scripted",
        version="1",
        limits=PixelLimits(factor=28, min_pixels=4 * 28 * 28, max_pixels=1_003_520, counts_tokens=False),
        tasks=frozenset({Task.TEXT, Task.TABLES, Task.FIELDS}),
        max_in_flight=max_in_flight,
        unsupported={
            Task.CHARTS: f"The scripted engine reads no charts. {_CONFIGURE}",
            Task.QUESTIONS: f"The scripted engine answers no questions. {_CONFIGURE}",
        },
    )
