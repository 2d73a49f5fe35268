"""A vision language model that says what a file tells it: for tests, drills and trying out a deployment.

The file is JSON: ``{"replies": [{"task": "fields", "image": SHA256, "text": "…"}, …]}``. ``task`` (text,
charts, fields, questions) and ``image`` may be left out, and then stand for any; ``prompt`` is a text that
the prompt must hold; ``text`` may be a list, said in turn, the last one again and again. ``finish`` is
``stop``, ``length`` or ``loop``, ``logprob`` that of each token, null for a server that gives none.
"""

import hashlib
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from model_runtime.chat import Finish, Reply, Token, Turn
from model_runtime.scripted import called_off, derived
from pipeline.prompts import PLAIN, TEXT, name_of
from schemas.errors import Unsupported

_REMEMBERED = 1000
_PIECE = re.compile(r"\s*\w+|\s*[^\w\s]|\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """A reply, and when it is given."""

    texts: tuple[str, ...]
    task: str | None = None
    image: str | None = None
    prompt: str | None = None
    finish: Finish = Finish.STOP
    logprob: float | None = -0.01

    def fits(self, turn: Turn) -> bool:
        name = (name_of(turn.prompt) or "").partition("/")[0]
        digests = {hashlib.sha256(image.data).hexdigest() for image in turn.images}
        return (
            self.task in (None, name)
            and (self.image is None or self.image in digests)
            and (self.prompt is None or self.prompt in turn.prompt)
        )


class ScriptedChat:
    """`ChatModel` without a model. What no line fits is answered from the image's bytes, in the shape asked.

    ``turns`` remembers what was asked, for tests of what reaches a model.
    """

    def __init__(
        self,
        lines: Sequence[Line] = (),
        delay_s: float = 0.0,
        answer: Callable[[Turn], str | None] | None = None,
    ) -> None:
        self._lines = tuple(lines)
        self._delay_s = delay_s
        self._answer = answer
        self._said = [0] * len(self._lines)
        self._lock = Lock()
        self.turns: deque[Turn] = deque(maxlen=_REMEMBERED)

    @property
    def max_in_flight(self) -> int:
        return 8

    def complete(self, turn: Turn, cancelled: Callable[[], bool]) -> Reply:
        if turn.prefix:
            raise Unsupported("unsupported", "a script says whole replies")
        with self._lock:
            self.turns.append(turn)
        if called_off(self._delay_s, cancelled):
            return Reply("", Finish.CANCELLED)
        text = self._answer(turn) if self._answer is not None else None
        if text is not None:
            return reply(text)
        for index, line in enumerate(self._lines):
            if line.fits(turn):
                with self._lock:
                    said = self._said[index]
                    self._said[index] += 1
                return reply(line.texts[min(said, len(line.texts) - 1)], line.finish, line.logprob)
        return reply(_unscripted(turn))

    def close(self) -> None:
        """Nothing is held."""


def reply(text: str, finish: Finish = Finish.STOP, logprob: float | None = -0.01) -> Reply:
    """A reply of that text, a token for every word and mark."""
    tokens = tuple(Token(piece, logprob) for piece in _PIECE.findall(text))
    reason = {
        Finish.LOOP: "the model repeated itself without end",
        Finish.LENGTH: "the reply was longer than allowed",
    }.get(finish)
    return Reply(text, finish, tokens, completion_tokens=len(tokens), reason=reason)


def script(path: Path) -> list[Line]:
    """The lines of a file. Raises `Unsupported` for one that is no script."""
    try:
        return [_line(entry) for entry in json.loads(path.read_text(encoding="utf-8"))["replies"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unsupported(
            "unsupported_setting", f"{path.name} is no script of replies ({type(error).__name__})"
        ) from error


def _line(entry: dict[str, Any]) -> Line:
    text = entry["text"]
    texts = [
        one if isinstance(one, str) else json.dumps(one)
        for one in (text if isinstance(text, list) else [text])
    ]
    return Line(
        tuple(texts),
        entry.get("task"),
        entry.get("image"),
        entry.get("prompt"),
        Finish(entry.get("finish", "stop")),
        entry.get("logprob", -0.01),
    )


def _unscripted(turn: Turn) -> str:
    if name_of(turn.prompt) in (TEXT, PLAIN) and turn.images:
        image = turn.images[0]
        digest = hashlib.sha256(image.data).hexdigest()
        return "\n".join(line.text for line in derived(digest, image.width, image.height).lines)
    return json.dumps(_empty(turn.schema or {}))


def _empty(schema: dict[str, Any]) -> Any:
    """The least that a decoding schema allows."""
    kind = schema.get("type")
    if kind == "object":
        return {name: _empty(child) for name, child in schema.get("properties", {}).items()}
    return [] if kind == "array" else None
