"""Loads the PP-OCRv6 models out of the rapidocr distribution, once per process."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import onnxruntime

from schemas.errors import EngineUnavailable

DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISER = "PP-OCRv6_rec_small.onnx"


def folder() -> Path | None:
    """Where the models lie; found without importing rapidocr, which would configure logging and download."""
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models"


def missing() -> list[str]:
    """Names of model files that are not installed."""
    where = folder()
    return [name for name in (DETECTOR, RECOGNISER) if where is None or not (where / name).is_file()]


@lru_cache(maxsize=2)
def detector(threads: int) -> onnxruntime.InferenceSession:
    return _session(DETECTOR, threads)


@lru_cache(maxsize=2)
def recogniser(threads: int) -> onnxruntime.InferenceSession:
    return _session(RECOGNISER, threads)


@lru_cache(maxsize=2)
def alphabet(threads: int) -> tuple[str, ...]:
    """Characters by class number: blank first, the space last."""
    listed = recogniser(threads).get_modelmeta().custom_metadata_map["character"].splitlines()
    return ("", *listed, " ")


def _session(name: str, threads: int) -> onnxruntime.InferenceSession:
    where = folder()
    if where is None or not (where / name).is_file():
        raise EngineUnavailable(
            "engine_models_missing", f"The model {name} is not installed; reinstall the package rapidocr."
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False  # pages differ in size; the arena would keep the largest for ever
    return onnxruntime.InferenceSession(str(where / name), options, providers=["CPUExecutionProvider"])
