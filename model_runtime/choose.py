"""Picks the engine that a setting or a request names."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from model_runtime.call_log import LoggedReader
from model_runtime.checkpoints import find, in_folder
from model_runtime.cpu_ocr import CpuReader
from model_runtime.engine_url import HTTP_SCHEMES, parse
from model_runtime.families import family_of
from model_runtime.nano import shipped
from model_runtime.pixels import rgb
from model_runtime.scripted import Failure, ScriptedReader
from model_runtime.scripted_chat import ScriptedChat, script
from model_runtime.torch_local import TorchChat
from model_runtime.vllm_client import VllmChat
from model_runtime.vlm import Hosted, VlmReader
from model_runtime.vlm.build import build
from pipeline.orders import PageImage
from pipeline.ports import Cage, PageReader
from schemas.engine import EngineSpec
from schemas.errors import RequestInvalid, Unsupported

AUTO = "auto"


def engine(url: str, cage: Cage, key: str | None = None) -> PageReader:
    """The engine at ``url``: ``cpu://``, ``torch:///folder``, a server such as ``vllm+http://gpu1:8000``.

    For tests there are
    ``scripted://?delay_ms=…&in_flight=…&model=1&fail=CODE&times=N&fatal=DIGEST&log=FILE`` and ``scripted-vlm://?script=FILE``.
    """
    parts = urlsplit(url)
    if parts.scheme in HTTP_SCHEMES:
        return _served(url, cage, key)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme == "cpu":
        return CpuReader(cage)
    if parts.scheme == "torch":
        return _in_process(parts.netloc or unquote(parts.path), options, cage)
    if parts.scheme == "scripted":
        return _scripted(options)
    if parts.scheme == "scripted-vlm":
        return _scripted_vlm(options, cage)
    raise Unsupported(
        "unsupported_setting",
        f"QUIRE_ENGINE_URL is set to a {parts.scheme[:20] or 'malformed'} URL; there are the engines cpu:// "
        "(OCR on this machine), vllm+http://, openai+http:// (a model behind a server), torch:/// (a model "
        "in this process), and for tests "
        "scripted:// and scripted-vlm://",
    )


def _served(url: str, cage: Cage, key: str | None) -> VlmReader:
    """A model behind one server or several; what they host may only be known once they are up."""
    parsed = parse(url)
    chat = VllmChat(parsed, key)

    def hosted() -> Hosted:
        served = chat.served
        return Hosted(parsed.options.model or served.model, chat.family, served.context)

    return build(chat, parsed.name, hosted, parsed.more, CpuReader(cage))


def _in_process(path: str, options: dict[str, str], cage: Cage) -> VlmReader:
    """``torch:///folder?device=cpu|cuda&dtype=float32|bfloat16&threads=N``, and the options of `build`.

    ``torch://nano`` is the checkpoint that comes with Quire, under its own options where none are given.
    """
    if path == shipped.ALIAS:
        folder, checkpoint, options = shipped.folder(), find(path), shipped.options() | options
    else:
        folder = Path(path)
        checkpoint = in_folder(folder)
    device, dtype, threads = (options.pop(name, None) for name in ("device", "dtype", "threads"))
    if dtype not in (None, "float32", "bfloat16", "float16") or not (threads or "1").isdecimal():
        raise Unsupported(
            "unsupported_setting",
            "in QUIRE_ENGINE_URL, dtype is float32, bfloat16 or float16, and threads a number",
        )

    def decode(image: PageImage) -> bytes:
        return cage.run(rgb, image)

    chat = TorchChat(
        folder, decode, device=device or "cpu", dtype=dtype, threads=int(threads) if threads else None
    )
    hosted = Hosted(checkpoint.name, checkpoint.family, checkpoint.context)
    return build(chat, "torch", lambda: hosted, options, CpuReader(cage))


def _scripted_vlm(options: dict[str, str], cage: Cage) -> VlmReader:
    """``script=FILE`` of `model_runtime.scripted_chat`, and the options of `model_runtime.vlm.build`."""
    path, delay = options.pop("script", None), options.pop("delay_ms", "0")
    model = options.pop("model", "scripted-qwen2-vl")
    chat = ScriptedChat(script(Path(path)) if path is not None else [], _milliseconds(delay))
    return build(chat, "scripted", lambda: Hosted(model, family_of(model)), options, CpuReader(cage))


def _milliseconds(text: str) -> float:
    try:
        return float(text) / 1000
    except ValueError:
        raise Unsupported("unsupported_setting", "in QUIRE_ENGINE_URL, delay_ms must be a number") from None


def _scripted(options: Mapping[str, str]) -> PageReader:
    try:
        delay_s = float(options.get("delay_ms", "0")) / 1000
        times = int(options["times"]) if "times" in options else None
        in_flight = int(options.get("in_flight", "8"))
    except ValueError:
        raise Unsupported(
            "unsupported_setting", "In a scripted:// URL, delay_ms, in_flight and times must be numbers"
        ) from None
    failures = {"*": Failure(options["fail"], times=times)} if "fail" in options else {}
    reader = ScriptedReader(
        delay_s,
        failures=failures,
        max_in_flight=in_flight,
        model="model" in options,
        fatal=options.get("fatal"),
    )
    return LoggedReader(reader, Path(options["log"])) if "log" in options else reader


def pick(name: str, specs: Mapping[str, EngineSpec], default: str) -> EngineSpec:
    """The engine a request names; ``auto`` is the configured one."""
    wanted = default if name == AUTO else name
    if wanted not in specs:
        names = ", ".join(repr(known) for known in (AUTO, *sorted(specs)))
        raise RequestInvalid("engine_unknown", f"the engines here are {names}")
    return specs[wanted]
