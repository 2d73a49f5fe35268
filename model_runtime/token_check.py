"""Compares the tokens that a server counted with those that the images should have cost.

Servers were seen to resize images again, or to ignore a limit (vllm#15364, #27981): the count tells.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from model_runtime.chat import Turn
from schemas.errors import ResultWarning

_AROUND = 2
"""Tokens around each image: vision_start and vision_end."""

_PROMPTS = 512


def predicted(turn: Turn, factor: int) -> int:
    return sum((image.width // factor) * (image.height // factor) for image in turn.images)


@dataclass(slots=True)
class TokenCheck:
    """Knows how many tokens a prompt has without its images, as told by the server or as seen before.

    Where a server does not tell, the first reply to a prompt is believed, and later ones with images of other
    sizes are held against it.
    """

    _texts: OrderedDict[Hashable, int] = field(default_factory=OrderedDict)

    def text_tokens(self, turn: Turn) -> int | None:
        return self._texts.get(_key(turn))

    def learn(self, turn: Turn, tokens: int) -> None:
        self._texts[_key(turn)] = tokens
        self._texts.move_to_end(_key(turn))
        while len(self._texts) > _PROMPTS:
            self._texts.popitem(last=False)

    def judge(self, turn: Turn, prompt_tokens: int, factor: int) -> tuple[int, ResultWarning | None]:
        """The visual tokens, and a warning when they are not as many as predicted."""
        expected = predicted(turn, factor)
        if not prompt_tokens or not turn.images:
            return expected, None
        around = _AROUND * len(turn.images)
        text = self.text_tokens(turn)
        if text is None:
            if prompt_tokens > expected + around:
                self.learn(turn, prompt_tokens - expected - around)
            return expected, None
        counted = prompt_tokens - text - around
        if counted == expected:
            return expected, None
        return max(0, counted), ResultWarning(
            code="visual_tokens_mismatch",
            detail=f"the engine counted {counted} visual tokens where {expected} were expected: "
            "it may resize images by itself, or host another family of models",
        )


def _key(turn: Turn) -> Hashable:
    return turn.prompt, turn.prefix, len(turn.images)
