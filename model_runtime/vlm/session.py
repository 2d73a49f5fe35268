"""One page's dealings with the model: every call is counted, whatever becomes of its reply."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from model_runtime.chat import ChatModel, Finish, Reply, Turn
from model_runtime.vlm.settings import TRIES, Hosted, ReaderSettings
from pipeline.orders import PageImage, ReadOrder
from pipeline.ports import PageAids
from pipeline.tiling import Tile
from schemas.engine import EngineSpec
from schemas.errors import ResultWarning
from schemas.geometry import Box
from schemas.reading import Spent

_LEAST_REPLY = 256
_CONTEXT = 32_768
"""Of a server that does not say: what every Qwen-VL model has."""

_CHARACTERS_A_TOKEN = 2.5
"""Of a prompt, guessed low: what is left of the context for the reply must not be guessed too high."""


class Stopped(Exception):
    """The page was called off."""


class OutOfTries(Exception):
    """The page has cost what a page may cost."""


@dataclass(frozen=True, slots=True)
class View:
    """An image that shows a box of the page image, turned clockwise by ``turn`` degrees."""

    image: PageImage
    box: Box
    turn: int = 0
    part: bool = False

    def on_page(self, box: Box) -> Box:
        """A box in pixels of this image, in pixels of the page image."""
        width, height = self.image.width, self.image.height
        x0, y0, x1, y1 = box
        if self.turn == 90:
            x0, y0, x1, y1 = y0, width - x1, y1, width - x0
        elif self.turn == 180:
            x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
        elif self.turn == 270:
            x0, y0, x1, y1 = height - y1, x0, height - y0, x1
        if self.turn in (90, 270):
            width, height = height, width
        sx, sy = (self.box[2] - self.box[0]) / width, (self.box[3] - self.box[1]) / height
        left, top = self.box[0], self.box[1]
        return (left + x0 * sx, top + y0 * sy, left + x1 * sx, top + y1 * sy)


@dataclass
class Session:
    """``warnings`` collects what a reader of the result should know, in the order it came up."""

    chat: ChatModel
    spec: EngineSpec
    model: Hosted
    settings: ReaderSettings
    order: ReadOrder
    cancelled: Callable[[], bool]
    aids: PageAids | None
    warnings: list[ResultWarning] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    tries: int = TRIES

    @property
    def page(self) -> View:
        image = self.order.image
        return View(image, (0.0, 0.0, float(image.width), float(image.height)))

    def ask(
        self,
        view: View,
        prompt: str,
        *,
        schema: dict[str, Any] | None = None,
        temperature: float = 0.0,
        seed: int | None = None,
        prefix: str = "",
        markers: bool = False,
    ) -> Reply:
        """One call. Raises `Stopped`, `OutOfTries` and what the model raises."""
        if self.cancelled():
            raise Stopped
        if self.tries <= 0:
            raise OutOfTries
        self.tries -= 1
        turn = Turn(
            prompt=prompt,
            images=(view.image,),
            schema=schema,
            max_tokens=self._room(view.image, prompt),
            temperature=temperature,
            seed=seed,
            prefix=prefix,
            markers=markers,
        )
        reply = self.chat.complete(turn, self.cancelled)
        if reply.finish is Finish.CANCELLED:
            raise Stopped
        predicted = self.spec.limits.tokens(view.image.width, view.image.height)
        self.warnings += [one for one in reply.warnings if one not in self.warnings]
        self.spent = Spent(
            self.spent.visual_tokens + (reply.visual_tokens or predicted),
            self.spent.prompt_tokens + reply.prompt_tokens,
            self.spent.completion_tokens + reply.completion_tokens,
        )
        return reply

    def crop(self, tile: Tile, turn: int = 0) -> View | None:
        """The tile as an image of its own; None where nobody can render it."""
        if self.aids is None:
            return None
        image = self.aids.crop(tile, turn)
        return View(image, tile.box, turn, part=tile.box != self.page.box)

    def warn(self, code: str, detail: str, path: str | None = None) -> None:
        self.warnings.append(ResultWarning(code=code, detail=detail, path=path))

    def _room(self, image: PageImage, prompt: str) -> int:
        """Tokens that are left for the reply."""
        taken = self.spec.limits.tokens(image.width, image.height) + len(prompt) / _CHARACTERS_A_TOKEN + 64
        context = self.settings.context or self.model.context or _CONTEXT
        return max(_LEAST_REPLY, min(self.settings.reply_tokens, int(context - taken)))
