"""Asks for JSON, and asks differently where what came is none: warmer, and with a reminder."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from model_runtime.chat import Finish, Reply
from model_runtime.vlm.session import Session, View
from pipeline.certainty import Tokens
from pipeline.json_spans import Spanned, read_json
from schemas.errors import RequestInvalid

_WARMER = ((0.0, None), (0.3, 1), (0.7, 2))

Prompt = Callable[[bool], str]
"""The prompt, at first and (True) after an answer that was no JSON."""


@dataclass(frozen=True, slots=True)
class Answered:
    """``cut``: the reply was longer than allowed, so that its end is missing. ``whole``: nothing is."""

    json: Spanned
    tokens: Tokens
    view: View
    cut: bool = False

    @property
    def whole(self) -> bool:
        return self.json.whole and not self.cut


class Unanswered(Exception):
    """No usable reply, whatever was tried; the text says why."""


def ask_json(session: Session, view: View, schema: dict[str, Any], prompt: Prompt) -> Answered:
    """The reply as JSON, decoded against ``schema`` where the server can do that.

    What of a broken reply could be read is used at the end of the ladder, and said.
    """
    decoding: dict[str, Any] | None = schema
    best: Answered | None = None
    reason = ""
    for rung, (temperature, seed) in enumerate(_WARMER):
        if rung:
            session.warn("read_again", f"{reason}; asked again at temperature {temperature:g}")
        try:
            reply = session.ask(view, prompt(rung > 0), schema=decoding, temperature=temperature, seed=seed)
        except RequestInvalid as error:
            if decoding is None:
                raise Unanswered(f"the model's server refuses the request ({error.code})") from error
            # A grammar that the server cannot compile: the prompt alone must do.
            decoding, reason = None, "the server refused the schema to decode against"
            continue
        answered = _answered(reply, view)
        if answered.json.whole and reply.finish is Finish.STOP:
            return answered
        if answered.json.value and (best is None or len(answered.json.spans) > len(best.json.spans)):
            best = answered
        if reply.finish is Finish.LENGTH and answered.json.value:
            return answered
        reason = reply.reason or _reason(reply)
    if best is not None:
        session.warn("reply_broken", f"{reason}; what came before that was used")
        return best
    raise Unanswered(reason)


def _answered(reply: Reply, view: View) -> Answered:
    pieces = [(token.text, token.logprob) for token in reply.tokens]
    return Answered(
        read_json(reply.text), Tokens(reply.text, pieces), view, cut=reply.finish is Finish.LENGTH
    )


def _reason(reply: Reply) -> str:
    if reply.finish is Finish.LENGTH:
        return "the reply was longer than allowed"
    return "the reply was no JSON" if reply.finish is Finish.STOP else "the reply repeated itself without end"
