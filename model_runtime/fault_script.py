"""What a fault server is told to do: rules in order, the first that fits a request decides."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TOKEN = 4
"""Characters of a token: every reply is cut into pieces of this size."""

_LOOPS = {
    "lines": "Thank you for your business.\n",
    "ngrams": "the same again, ",
    "rows": "| 17 | Bolt M6 | 2.50 |\n",
    "paragraphs": "A paragraph that is read out again and again, word for word. " * 6 + "\n\n",
}
_ENDLESS = 6_000
_DEPTH = 12


class Rule(BaseModel):
    """All conditions that are set have to hold; ``times``: for so many requests only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str | None = None
    """The prompt contains this."""

    image: str | None = None
    """An image has this SHA-256 (of its bytes)."""

    times: int | None = None

    status: int | None = None
    """Answer with this status instead of a reply."""

    retry_after: str | None = None
    message: str = "scripted fault"

    reply: Any = None
    """Text, or JSON to send as text. Unset: words that follow from the images, or what a schema allows."""

    fill: str | None = None
    """With a schema: an instance whose every string is this; what a model does that obeys a hostile page."""

    loop: Literal["lines", "ngrams", "rows", "paragraphs", "counting"] | None = None
    """After the reply, this without end."""

    shorten_lists: int | None = None
    """Lists of a JSON reply lose all but so many items."""

    invalid_json: bool = False
    """The reply loses its last characters."""

    truncate: int | None = None
    """Ends with ``length`` after so many tokens."""

    aborted: bool = False
    """With ``truncate``: ends as replies do of a server that is shut down."""

    first_token_s: float = 0.0
    between_tokens_s: float = 0.0
    close_after: int | None = None
    """The socket is closed after so many tokens; 0: before the status line."""

    reset: bool = False
    """Closed with RST instead of FIN."""

    away_s: float | None = None
    """With ``close_after``: the server dies of it, with all its connections, and is away for so long."""

    extra_visual_tokens: int = 0
    """Counted on top of what the images cost."""

    logprobs: bool = True
    repeat_prefix: bool = False


class Script(BaseModel):
    """``vllm`` false: a hosted API that has neither ``/version`` nor ``/tokenize`` nor vLLM's members."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()
    model: str = "Qwen/Qwen2-VL-2B-Instruct"
    context: int = 32_768
    factor: int = 28
    vllm: bool = True
    logprobs: bool = True
    """False: requests with ``logprobs`` are answered with 400."""

    key: str | None = None
    healthy: bool = True
    waiting: int = Field(default=0, ge=0)
    """What ``/metrics`` says of requests waiting."""


@dataclass(slots=True)
class Rules:
    """Rules and how often each has been used."""

    script: Script
    _used: dict[int, int] = field(default_factory=dict)

    def choose(self, prompt: str, images: list[bytes]) -> Rule:
        digests = {hashlib.sha256(image).hexdigest() for image in images}
        for index, rule in enumerate(self.script.rules):
            fits = (rule.prompt is None or rule.prompt in prompt) and (
                rule.image is None or rule.image in digests
            )
            if fits and (rule.times is None or self._used.get(index, 0) < rule.times):
                self._used[index] = self._used.get(index, 0) + 1
                return rule
        return Rule()


def pieces(rule: Rule, schema: Any, images: list[bytes], prefix: str) -> Iterator[str]:
    """The tokens of a reply."""
    text = _text(rule, schema, images)
    if prefix and not rule.repeat_prefix:
        text = text.removeprefix(prefix)
    if rule.invalid_json:
        text = text[: max(1, len(text) - 3)]
    yield from _cut(text)
    if rule.loop == "counting":
        for number in range(_ENDLESS):
            yield from _cut(f"| {number} | Bolt | 2.50 |\n")
    elif rule.loop is not None:
        yield from _cut(_LOOPS[rule.loop] * (_ENDLESS * TOKEN // len(_LOOPS[rule.loop])))


def _cut(text: str) -> Iterator[str]:
    return (text[at : at + TOKEN] for at in range(0, len(text), TOKEN))


def _text(rule: Rule, schema: Any, images: list[bytes]) -> str:
    reply = rule.reply
    if reply is None and schema is not None:
        reply = instance(schema, rule.fill)
    elif reply is None:
        reply = " ".join(_WORDS[byte % len(_WORDS)] for byte in hashlib.sha256(b"".join(images)).digest())
    if isinstance(reply, str):
        return reply
    if rule.shorten_lists is not None:
        reply = _shortened(reply, rule.shorten_lists)
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":"))


_WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "hazel", "iris", "jade")


def _shortened(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_shortened(item, most) for item in value[:most]]
    if isinstance(value, dict):
        return {name: _shortened(item, most) for name, item in value.items()}
    return value


def instance(schema: Any, fill: str | None = None, depth: int = 0) -> Any:
    """Something the schema allows: nulls where they may be, unless there is something to fill in."""
    if not isinstance(schema, dict) or depth > _DEPTH:
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if schema.get(choice):
            options = [instance(option, fill, depth + 1) for option in schema[choice]]
            wanted = [option for option in options if (option is None) == (fill is None)]
            return (wanted or options)[0]
    return _of_type(schema, fill, depth)


def _of_type(schema: dict[str, Any], fill: str | None, depth: int) -> Any:
    named = schema.get("type", "object" if "properties" in schema else "null")
    kinds = named if isinstance(named, list) else [named]
    if fill is None and "null" in kinds:
        return None
    kind = next((kind for kind in kinds if kind != "null"), "null")
    if kind == "object":
        return {
            name: instance(inner, fill, depth + 1) for name, inner in schema.get("properties", {}).items()
        }
    if kind == "array":
        count = max(1, schema.get("minItems", 1))
        return [instance(schema.get("items"), fill, depth + 1)] * count
    return {"string": fill or "amber", "integer": 1, "number": 1.5, "boolean": True}.get(kind)
