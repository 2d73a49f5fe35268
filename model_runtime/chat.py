"""The port to a vision language model: one turn with images and text, its reply token by token."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from pipeline.orders import PageImage
from schemas.errors import ResultWarning

PATIENCE = 288
"""Tokens a repetition may go on after its third occurrence before it counts as endless."""


class Finish(StrEnum):
    """Why a reply ended."""

    STOP = "stop"  # the model said so
    LENGTH = "length"  # max_tokens or the context ran out
    LOOP = "loop"  # it repeated itself and was cut off
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Turn:
    """What is asked: images first, then the prompt.

    ``schema``: the reply is decoded against it. Engines clean it by `constraints.decodable` (what grammars
    cannot hold, ``uniqueItems`` for instance, is dropped), so replies are to be validated afterwards all the
    same. JSON comes without white space between its members.
    ``prefix``: the beginning of the reply, known already; the model goes on from there and `Reply.text` holds
    only what follows. It is how a reply that ended by LENGTH is continued. Not together with ``schema``.
    ``markers`` keeps special tokens (box markers) in the text. ``seed`` only matters above temperature 0.
    ``patience``: see `loops`; a page that really holds much of the same is read with more of it.
    """

    prompt: str
    images: tuple[PageImage, ...] = ()
    schema: dict[str, Any] | None = None
    max_tokens: int = 4096
    temperature: float = 0.0
    seed: int | None = None
    markers: bool = False
    prefix: str = ""
    patience: int = PATIENCE


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the reply; ``logprob``: natural logarithm of its probability, None where none is known."""

    text: str
    logprob: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """``reason`` says in words why it was cut off. Token counts are the server's; 0 when it gave none.

    The texts of ``tokens``, joined, are ``text``. ``visual_tokens``: those the images cost, as counted by the
    server where it lets us know, else as predicted; a difference between the two is among ``warnings``.
    """

    text: str
    finish: Finish
    tokens: tuple[Token, ...] = field(default=(), repr=False)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    visual_tokens: int = 0
    reason: str | None = None
    warnings: tuple[ResultWarning, ...] = ()


class ChatModel(Protocol):
    """A model behind a server or in this process.

    Raises `EngineUnavailable` (not now), `DocumentUnreadable` (not this image), `RequestInvalid` (not this
    prompt or schema), `Unsupported` (a ``prefix`` where replies cannot be continued).
    """

    @property
    def max_in_flight(self) -> int: ...

    def complete(self, turn: Turn, cancelled: Callable[[], bool]) -> Reply:
        """Blocks until the reply has ended; ends within half a second of ``cancelled()`` becoming true."""

    def close(self) -> None: ...
