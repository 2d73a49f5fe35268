"""Makes a page reader out of a chat model and the options of an engine's URL."""

from collections.abc import Mapping
from pathlib import Path

from model_runtime.chat import ChatModel
from model_runtime.families import TRAITS, Family, family_of
from model_runtime.spec import vlm_spec
from model_runtime.vlm.reader import VlmReader
from model_runtime.vlm.settings import Check, ReaderSettings
from pipeline.confidence import Calibration
from pipeline.ports import PageReader
from schemas.errors import Unsupported

OPTIONS = frozenset(
    {
        "family", "visual_tokens", "context", "check", "sampled", "prompt", "calibration", "x_height",
    }
)  # fmt: skip
"""What `build` understands; whoever parses a URL refuses other names."""

_VISUAL_TOKENS = 1280
"""Of the largest image, unless set: what Qwen2-VL's authors recommend."""


def build(
    chat: ChatModel, name: str, model: str, options: Mapping[str, str], second: PageReader | None
) -> VlmReader:
    """``model``: the checkpoint, whose name tells its family unless ``family`` does.

    ``visual_tokens`` of the largest image, ``context`` in tokens, ``check=never|doubtful|always`` and
    ``sampled=N`` for the second reader, ``prompt=plain`` for checkpoints that only read,
    ``calibration=FILE``, ``x_height`` in pixels.
    """
    try:
        family = Family(options["family"]) if "family" in options else family_of(model)
        calibration = _calibration(options["calibration"]) if "calibration" in options else None
        settings = ReaderSettings(
            context=int(options.get("context", "32768")),
            check=Check(options.get("check", Check.DOUBTFUL)),
            sampled=int(options.get("sampled", "20")),
            plain=options.get("prompt") == "plain",
            calibration=calibration,
        )
        visual_tokens = int(options.get("visual_tokens", str(_VISUAL_TOKENS)))
        x_height = float(options["x_height"]) if "x_height" in options else None
    except ValueError as error:
        raise Unsupported("unsupported_setting", f"QUIRE_ENGINE_URL: {error}") from None
    traits = TRAITS[family]
    if not 4 <= visual_tokens <= 16_384 or settings.context < 512 or (x_height or 1) <= 0:
        raise Unsupported(
            "unsupported_setting",
            "QUIRE_ENGINE_URL: visual_tokens is 4 to 16384, context at least 512, x_height above 0",
        )
    spec = vlm_spec(
        name,
        model,
        traits,
        visual_tokens=visual_tokens,
        max_in_flight=chat.max_in_flight,
        calibration=calibration.name if calibration is not None else None,
        plain=settings.plain,
        x_height=x_height,
    )
    return VlmReader(chat, spec, traits, settings, second)


def _calibration(path: str) -> Calibration:
    try:
        return Calibration.parse(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise Unsupported(
            "unsupported_setting", "the file that `calibration` names cannot be read"
        ) from error
