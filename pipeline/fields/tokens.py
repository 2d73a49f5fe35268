"""A page's words as tokens: upright for arranging, boxes as published, cut where a label is glued on."""

from dataclasses import dataclass
from itertools import pairwise

from pipeline.fields.unplaced import Guessed, with_places
from schemas.geometry import Box
from schemas.page import PageResult

_MOST_PIECES = 20  # no printed word has more; bounds the work on garbage


@dataclass(slots=True)
class Token:
    """A word: upright box for arranging, the box as published for evidence."""

    text: str
    box: Box
    origin: Box | None
    confidence: float | None = None
    glued: bool = False
    """Printed without a space after the token before it."""

    turn: int = 0
    """Degrees clockwise that make the page's content upright; ``origin`` lies turned back by as much."""

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2


def tokens_of(page: PageResult) -> list[Token]:
    placed = [one for one in with_places(page) if one.word.text.strip()]
    if placed:
        return [token for one in placed for token in _pieces(one, page)]
    return _typed(page.text)


def _typed(text: str) -> list[Token]:
    """Words without boxes (a reader that gives none): the characters themselves are the grid."""
    found = []
    for number, line in enumerate(text.splitlines()):
        column = 0
        for word in line.replace("|", "  ").replace("\t", "    ").split(" "):
            if word:
                box = (column * 5.0, number * 12.0, (column + len(word)) * 5.0, number * 12.0 + 10.0)
                found.append(Token(word, box, None))
            column += len(word) + 1
    return found


def _pieces(one: Guessed, page: PageResult) -> list[Token]:
    """A printed word, cut where a label and its value are set without a space: ``Tel:07-35`` ``n°56``."""
    word = one.word
    text = word.text.strip()
    cuts = [0, *_cuts(text)[:_MOST_PIECES], len(text)]
    x0, y0, x1, y1 = _upright(one.box, page)
    found = []
    for start, end in pairwise(cuts):
        if end > start:
            left, right = (x0 + (x1 - x0) * at / len(text) for at in (start, end))
            box = (left, y0, right, y1)
            found.append(
                Token(
                    text[start:end],
                    box,
                    _published(box, page) if one.seen else None,
                    word.confidence,
                    glued=start > 0,
                    turn=page.content_rotation % 360,
                )
            )
    return found


def _cuts(text: str) -> list[int]:
    return [at for at in range(1, len(text)) if _cut_before(text, at)]


def _cut_before(text: str, at: int) -> bool:
    before, after = text[at - 1], text[at]
    if before in ":：":
        return not after.isspace() and after != "/" and not (at > 1 and text[at - 2].isdigit())
    if before in "°#№=":
        return after.isdigit()
    if after in "(（":
        return before.isalpha() and len(text) - at > 2
    # 合計1,234 parts; 2024年3月 does not: a unit follows its number.
    parts = eastern(before) and not eastern(after) and before not in "年月日년월일時时第"
    return parts and (after.isdigit() or after in "¥￥$€")


def eastern(char: str) -> bool:
    return "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or "\uff66" <= char <= "\uff9d"


def _upright(box: Box, page: PageResult) -> Box:
    """The box after turning the content clockwise by ``content_rotation``."""
    x0, y0, x1, y1 = box
    turn = page.content_rotation % 360
    if turn == 90:
        return (page.height - y1, x0, page.height - y0, x1)
    if turn == 180:
        return (page.width - x1, page.height - y1, page.width - x0, page.height - y0)
    if turn == 270:
        return (y0, page.width - x1, y1, page.width - x0)
    return box


def _published(box: Box, page: PageResult) -> Box:
    """Back from the upright frame to the page as it lies."""
    x0, y0, x1, y1 = box
    turn = page.content_rotation % 360
    if turn == 90:
        return (y0, page.height - x1, y1, page.height - x0)
    if turn == 180:
        return (page.width - x1, page.height - y1, page.width - x0, page.height - y0)
    if turn == 270:
        return (page.width - y1, x0, page.width - y0, x1)
    return box


def clipped(token: Token, low: float, high: float) -> Box:
    """The published box of a word's characters from the share ``low`` to ``high`` of its length."""
    assert token.origin is not None
    x0, y0, x1, y1 = token.origin
    if token.turn == 90:  # reads upwards
        return (x0, y1 - (y1 - y0) * high, x1, y1 - (y1 - y0) * low)
    if token.turn == 180:
        return (x1 - (x1 - x0) * high, y0, x1 - (x1 - x0) * low, y1)
    if token.turn == 270:  # reads downwards
        return (x0, y0 + (y1 - y0) * low, x1, y0 + (y1 - y0) * high)
    return (x0 + (x1 - x0) * low, y0, x0 + (x1 - x0) * high, y1)
