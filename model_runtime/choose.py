"""Picks the engine that a setting or a request names."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from model_runtime.cpu_ocr import CpuReader
from model_runtime.scripted import Failure, ScriptedReader
from model_runtime.scripted_chat import ScriptedChat, script
from model_runtime.vlm import VlmReader
from model_runtime.vlm.build import build
from pipeline.ports import Cage, PageReader
from schemas.engine import EngineSpec
from schemas.errors import RequestInvalid, Unsupported

AUTO = "auto"


def engine(url: str, cage: Cage) -> PageReader:
    """The engine at ``url``: ``cpu://``, or, for tests, ``scripted://?delay_ms=…&fail=CODE&times=N`` and
    ``scripted-vlm://?script=FILE``.
    """
    parts = urlsplit(url)
    if parts.scheme == "cpu":
        return CpuReader(cage)
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if parts.scheme == "scripted":
        return _scripted(options)
    if parts.scheme == "scripted-vlm":
        return _scripted_vlm(options, cage)
    raise Unsupported(
        "unsupported_setting",
        f"QUIRE_ENGINE_URL is set to a {parts.scheme[:20] or 'malformed'} URL; this version has the engines "
        "cpu:// (OCR on this machine) and scripted:// (for tests)",
    )


def _scripted_vlm(options: Mapping[str, str], cage: Cage) -> VlmReader:
    """``script=FILE`` of `model_runtime.scripted_chat`, and the options of `model_runtime.vlm.build`."""
    lines = script(Path(options["script"])) if "script" in options else []
    chat = ScriptedChat(lines, float(options.get("delay_ms", "0")) / 1000)
    return build(chat, "scripted", options.get("model", "scripted-qwen2-vl"), options, CpuReader(cage))


def _scripted(options: Mapping[str, str]) -> ScriptedReader:
    try:
        delay_s = float(options.get("delay_ms", "0")) / 1000
        times = int(options["times"]) if "times" in options else None
    except ValueError:
        raise Unsupported(
            "unsupported_setting", "In a scripted:// URL, delay_ms and times must be numbers"
        ) from None
    failures = {"*": Failure(options["fail"], times=times)} if "fail" in options else {}
    return ScriptedReader(delay_s, failures=failures)


def pick(name: str, specs: Mapping[str, EngineSpec], default: str) -> EngineSpec:
    """The engine a request names; ``auto`` is the configured one."""
    wanted = default if name == AUTO else name
    if wanted not in specs:
        names = ", ".join(repr(known) for known in (AUTO, *sorted(specs)))
        raise RequestInvalid("engine_unknown", f"the engines here are {names}")
    return specs[wanted]
