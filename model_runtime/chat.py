"""The port to a vision language model: one turn with images and text, its reply token by token."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pipeline.orders import PageImage


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"  # the model said so
    LENGTH = "length"  # max_tokens or the context ran out
    LOOP = "loop"  # it repeated itself and was cut off
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked: images first, then the prompt. With a ``schema`` the reply is decoded against it.

    ``markers`` keeps special tokens (box markers) in the text. ``seed`` only matters above temperature 0.
    """

    prompt: str
    images: tuple[PageImage, ...] = ()
    schema: dict[str, Any] | None = None
    max_tokens: int = 4096
    temperature: float = 0.0
    seed: int | None = None
    markers: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the reply; ``logprob``: natural logarithm of its probability, None where none is known."""

    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """``reason`` says in words why it was cut off. Token counts are the server's; 0 when it gave none."""

    text: str
    finish: Finish
    tokens: tuple[Token, ...] = field(default=(), repr=False)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reason: str | None = None


class ChatModel(Protocol):
    """A model behind a server or in this process. Raises `EngineUnavailable`, `RequestInvalid`."""

    @property
    def max_in_flight(self) -> int: ...

    def complete(self, turn: Turn, cancelled: Callable[[], bool]) -> Reply:
        """Blocks until the reply has ended; ends within half a second of ``cancelled()`` becoming true."""

    def close(self) -> None: ...
