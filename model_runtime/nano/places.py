"""Where on its page stands what a reply says: what the second auxiliary loss asks of the decoder."""

import re
from typing import TypeAlias

from model_runtime.nano.canvas import Run
from model_runtime.nano.pieces import Page
from model_runtime.nano.tasks import Exercise

Place: TypeAlias = tuple[int, int, int, int]
"""A box (x0, y0, x1, y1) in per mille of the page, each side below 1000."""

_BOX = re.compile(
    r'(?:",|null,)?"box":\[(\d+),(\d+),(\d+),(\d+)\]|<\|box_start\|>\((\d+),(\d+)\),\((\d+),(\d+)\)'
)


def places(page: Page, made: Exercise) -> dict[int, Place]:
    """Of the reply's characters by their offset: of what was copied its ink, of a box said that box."""
    found: dict[int, Place] = {}
    cursor = 0
    for before, text, runs in made.copied:
        start = made.reply.find(before + text, cursor)
        if start >= 0:
            cursor = start + len(before + text)
            found |= _copied(page, made.reply, cursor - len(text), cursor, runs)
    for match in _BOX.finditer(made.reply):
        sides = [min(999, int(side)) for side in match.groups() if side is not None]
        box = (sides[0], sides[1], sides[2], sides[3])
        found |= dict.fromkeys(range(*match.span()), box)
    return found


def _copied(page: Page, reply: str, start: int, stop: int, runs: tuple[Run, ...]) -> dict[int, Place]:
    """Nothing where the reply does not say what was drawn, character by character, spaces aside."""
    characters = page.drawn.characters
    drawn = [n for run in runs for n in range(run.start, run.stop) if not characters[n].isspace()]
    said = [n for n in range(start, stop) if not reply[n].isspace()]
    if [characters[n] for n in drawn] != [reply[n] for n in said]:
        return {}
    height, width = page.drawn.cover.shape
    found = {}
    for offset, (x0, y0, x1, y1) in zip(said, page.drawn.boxes[drawn].tolist(), strict=True):
        if x1 > x0 and x1 > 0 and y1 > 0 and x0 < width and y0 < height:
            found[offset] = (_mille(x0, width), _mille(y0, height), _mille(x1, width), _mille(y1, height))
    return found


def _mille(side: float, whole: int) -> int:
    return max(0, min(999, round(1000 * side / whole)))
