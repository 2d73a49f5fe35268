"""Turns as OpenAI-compatible requests, and the pieces of a streamed reply: bytes, no sockets."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from model_runtime.chat import Finish, Token, Turn
from model_runtime.constraints import decodable
from pipeline.orders import PageImage

_END_MARKS = ("<|im_end|>", "<|endoftext|>")


@dataclass(frozen=True, slots=True)
class Served:
    """What a server said of itself. ``context`` 0: it did not say."""

    model: str
    root: str = ""
    context: int = 0
    version: str = ""
    vllm: bool = False


def body(turn: Turn, served: Served, max_tokens: int, *, logprobs: bool, seeds: bool = True) -> bytes:
    """The request. What only vLLM understands goes to vLLM only; a hosted API may refuse it."""
    asked: dict[str, Any] = {
        "model": served.model,
        "messages": messages(turn),
        "max_tokens": max_tokens,
        "temperature": turn.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if logprobs:
        asked["logprobs"] = True
    if seeds and turn.seed is not None:
        asked["seed"] = turn.seed
    if turn.schema is not None:
        schema = decodable(turn.schema)
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": schema, "strict": True},
        }
    if served.vllm:
        asked["skip_special_tokens"] = not turn.markers
        if turn.prefix:
            asked |= {"continue_final_message": True, "add_generation_prompt": False}
    return orjson.dumps(asked)


def messages(turn: Turn, *, images: bool = True) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if images:
        parts = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in turn.images]
    said: list[dict[str, Any]] = [
        {"role": "user", "content": [*parts, {"type": "text", "text": turn.prompt}]}
    ]
    if turn.prefix:
        said.append({"role": "assistant", "content": turn.prefix})
    return said


def _data_url(image: PageImage) -> str:
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode('ascii')}"


class Lines:
    """Cuts a byte stream into lines at LF alone: text may hold U+2028, where str.splitlines would cut too."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        yield from whole


@dataclass(frozen=True, slots=True)
class Piece:
    """One server-sent event of a reply."""

    tokens: tuple[Token, ...] = ()
    finish: Finish | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None
    status: int = 500
    """Of the error; vLLM finds some faults of a request only when the stream has begun."""

    done: bool = False


def piece(line: bytes) -> Piece | None:
    """The event on a line; None for comments, blank lines and other fields. ValueError: it is no JSON."""
    if not line.startswith(b"data:"):
        return None
    data = line[5:].strip()
    if data == b"[DONE]":
        return Piece(done=True)
    event = orjson.loads(data)
    if not isinstance(event, dict):
        raise ValueError("an event is not an object")
    if isinstance(fault := event.get("error"), dict):
        code = fault.get("code")
        status = code if isinstance(code, int) else 500
        return Piece(error=str(fault.get("message", ""))[:500] or "unknown", status=status)
    usage = event.get("usage") or {}
    choice = (event.get("choices") or [{}])[0]
    text = (choice.get("delta") or {}).get("content") or ""
    return Piece(
        tokens=tuple(_tokens(text, (choice.get("logprobs") or {}).get("content") or [])),
        finish=_finish(choice.get("finish_reason")),
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )


_FINISHES = {"length": Finish.LENGTH, "repetition": Finish.LOOP}
_CUT_SHORT = ("abort", "error")
"""What vLLM says of replies that it ends because it is shut down, paused, or failed."""


def _finish(reason: Any) -> Finish | None:
    """None where the reply goes on, or was cut short: that is no end."""
    if not isinstance(reason, str) or reason in _CUT_SHORT:
        return None
    return _FINISHES.get(reason, Finish.STOP)


def _tokens(text: str, scored: list[dict[str, Any]]) -> Iterator[Token]:
    """The tokens behind a piece of text, whose texts joined are that text.

    A server that holds back half a character sends its tokens' probabilities with an empty text, and several
    tokens may share one event. Where their own texts do not add up, the last one carries all of it.
    """
    if not scored:
        if text:
            yield Token(text, None)
        return
    own = [str(token.get("token", "")) for token in scored]
    if "".join(own) != text:
        own = [""] * (len(scored) - 1) + [text]
    for token, part in zip(scored, own, strict=True):
        known = token.get("logprob")
        yield Token(part, float(known) if isinstance(known, int | float) else None)


@dataclass(slots=True)
class Collected:
    """A reply as far as it has come."""

    tokens: list[Token] = field(default_factory=list)
    finish: Finish | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, new: Piece) -> None:
        self.tokens.extend(new.tokens)
        self.finish = new.finish or self.finish
        self.prompt_tokens = new.prompt_tokens or self.prompt_tokens
        self.completion_tokens = new.completion_tokens or self.completion_tokens

    def without_end_mark(self) -> None:
        """With special tokens shown, some servers show the one that ends the turn as well."""
        while self.tokens and self.tokens[-1].text.strip() in _END_MARKS:
            self.tokens.pop()
