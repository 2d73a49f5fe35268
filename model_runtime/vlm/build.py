"""Makes a page reader out of a chat model and the options of an engine's URL."""

from collections.abc import Callable, Mapping
from pathlib import Path

from model_runtime.chat import ChatModel
from model_runtime.families import TRAITS
from model_runtime.spec import vlm_spec
from model_runtime.vlm.reader import VlmReader
from model_runtime.vlm.settings import Check, Hosted, ReaderSettings
from pipeline.confidence import Calibration
from pipeline.ports import PageReader
from schemas.engine import EngineSpec
from schemas.errors import Unsupported
from schemas.request import Task

OPTIONS = frozenset(
    {
        "visual_tokens",
        "context",
        "reply_tokens",
        "check",
        "sampled",
        "tasks",
        "prompt",
        "calibration",
        "x_height",
    }
)

_VISUAL_TOKENS = 1280
"""Of the largest image, unless set: what Qwen2-VL's authors recommend."""


def build(
    chat: ChatModel,
    name: str,
    hosted: Callable[[], Hosted],
    options: Mapping[str, str],
    second: PageReader | None,
) -> VlmReader:
    """``hosted`` says which model answers, as far as that is known; a server may not be up yet.

    ``visual_tokens`` of the largest image, ``context`` and ``reply_tokens``,
    ``check=never|doubtful|always`` and ``sampled=N`` for the second reader, ``tasks=text,…`` that the
    checkpoint was trained for, ``prompt=plain`` where it knows no other, ``calibration=FILE``,
    ``x_height`` in pixels.
    """
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        known = ", ".join(sorted(OPTIONS))
        raise _refused(f"there is no option {unknown[0][:40]!r}; of reading there are {known}")
    try:
        settings = ReaderSettings(
            context=int(options["context"]) if "context" in options else None,
            reply_tokens=int(options.get("reply_tokens", "8192")),
            check=Check(options.get("check", Check.DOUBTFUL)),
            sampled=int(options.get("sampled", "20")),
            plain=options.get("prompt") == "plain",
            calibration=_calibration(options["calibration"]) if "calibration" in options else None,
        )
        visual_tokens = int(options.get("visual_tokens", str(_VISUAL_TOKENS)))
        x_height = float(options["x_height"]) if "x_height" in options else None
        tasks = frozenset(map(Task, options["tasks"].split(","))) if "tasks" in options else frozenset(Task)
    except ValueError as error:
        raise _refused(str(error)) from None
    if not 4 <= visual_tokens <= 16_384 or (settings.context or 512) < 512 or (x_height or 1) <= 0:
        raise _refused("visual_tokens is 4 to 16384, context at least 512, x_height above 0")
    if Task.TEXT not in tasks:
        raise _refused("tasks are some of " + ", ".join(Task) + ", with text among them")
    if settings.reply_tokens < 256:
        raise _refused("reply_tokens is at least 256")

    def spec(model: Hosted) -> EngineSpec:
        return vlm_spec(
            name,
            model.model,
            TRAITS[model.family],
            visual_tokens=visual_tokens,
            max_in_flight=chat.max_in_flight,
            calibration=settings.calibration.name if settings.calibration is not None else None,
            plain=settings.plain,
            tasks=tasks,
            x_height=x_height,
        )

    return VlmReader(chat, hosted, spec, settings, second)


def _refused(what: str) -> Unsupported:
    return Unsupported("unsupported_setting", f"QUIRE_ENGINE_URL: {what}")


def _calibration(path: str) -> Calibration:
    try:
        return Calibration.parse(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused("the file that `calibration` names cannot be read") from error
