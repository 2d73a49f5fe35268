"""Goes on with replies that ended because there was no more room."""

from collections.abc import Callable
from dataclasses import replace

from model_runtime.chat import ChatModel, Finish, Reply, Turn


def complete_on(model: ChatModel, turn: Turn, cancelled: Callable[[], bool], *, times: int = 2) -> Reply:
    """A turn, and at most ``times`` continuations of its reply; still LENGTH when that was not enough.

    Not for turns with a schema: a grammar would begin again at the start.
    """
    assert turn.schema is None, "a reply to a schema is split into smaller questions, not continued"
    reply = model.complete(turn, cancelled)
    for _ in range(times):
        if reply.finish is not Finish.LENGTH or not reply.text:
            break
        more = model.complete(replace(turn, prefix=turn.prefix + reply.text), cancelled)
        reply = _joined(reply, more)
    return reply


def _joined(one: Reply, more: Reply) -> Reply:
    """Both were paid for: the tokens of both prompts count."""
    return replace(
        more,
        text=one.text + more.text,
        tokens=one.tokens + more.tokens,
        prompt_tokens=one.prompt_tokens + more.prompt_tokens,
        completion_tokens=one.completion_tokens + more.completion_tokens,
        visual_tokens=one.visual_tokens + more.visual_tokens,
        warnings=tuple(dict.fromkeys(one.warnings + more.warnings)),
    )
