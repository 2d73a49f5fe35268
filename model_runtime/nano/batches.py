"""Batches of exercises: which pages they hold is a matter of their number and the seed alone."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_runtime.nano import alphabet, fonts
from model_runtime.nano.compose import Wish, compose, weathered
from model_runtime.nano.curriculum import STAGES, Group
from model_runtime.nano.fonts import Face
from model_runtime.nano.model_sizes import CELL, PATCH, SLOTS
from model_runtime.nano.pieces import Kind, Page
from model_runtime.nano.places import places
from model_runtime.nano.tasks import Exercise, exercise
from model_runtime.nano.tokens import tokenizer

Array = NDArray[Any]
_IGNORED = -100
_SPACE = alphabet.NUMBERS[" "]
_MOST_TEXT = 1100
"""Tokens of a prompt and its reply; what is longer is made anew."""

_TEXTLESS = frozenset({Kind.BLANK, Kind.UNREADABLE, Kind.CHART})
_SMALL = 60
"""Cells up to which a page's padding costs less than drawing another."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A page, and the tokens of its prompt with all that stands between the image and the reply.

    ``starts``: offset in the reply's text at which each of its tokens begins."""

    page: Page
    exercise: Exercise
    prompt: list[int]
    reply: list[int]
    starts: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.reply)


_BYTES = 256
"""Tokens below this are bytes of a page's text; the others are passages."""

_ROUNDED = 16
"""Replies are filled up to a multiple of so many tokens: fewer shapes, fewer compilations."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch to make. ``tokens``: positions of images and text that it should have in all, about."""

    seed: int
    number: int
    stage: int
    tokens: int
    most: int = 256


class Maker:
    """Makes batches in a worker process; fonts and tokenizer are loaded there once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @cached_property
    def _fonts(self) -> fonts.Fonts:
        return fonts.find(self._folder)

    @cached_property
    def _tokenizer(self) -> Any:
        return tokenizer()

    @cached_property
    def _after(self) -> tuple[list[int], list[int], int]:
        """What stands between image and prompt, between prompt and reply, and what ends a reply."""
        known = self._tokenizer
        mark = "\0"
        text = framed(known, mark)
        after = text.split("<|image_pad|>")[1]
        first, second = (known(part, add_special_tokens=False)["input_ids"] for part in after.split(mark))
        return first, second, known.convert_tokens_to_ids("<|im_end|>")

    def make(self, plan: Plan) -> dict[str, Array]:
        """``said``: prompt and reply; ``wanted``: the next token at each place ``at`` of the reply."""
        rng = random.Random(f"{plan.seed}/{plan.number}/{plan.stage}")  # noqa: S311  # pages, not secrets
        stage = STAGES[plan.stage]
        group = rng.choices(stage.groups, [one.weight for one in stage.groups])[0]
        rows, columns = _grid(group, rng)
        faces = self._fonts.training
        if stage.faces is not None:
            faces = faces[:: max(1, len(faces) // stage.faces)]
        count = _count(plan, stage.batch, rows * columns, group)
        shape = (rows * CELL, columns * CELL)
        made = [
            self._one(group, shape, faces, stage.worn, rng) for _ in range(count * _drawn(stage.reads, group))
        ]
        chosen = _alike(made, count, rng)
        pages = [one.page for one in chosen]
        small = 1.3 * group.sizes[0] < 15
        covers = [
            weathered(page.drawn.cover, rng, small=small) if stage.worn else page.drawn.cover
            for page in pages
        ]
        said, wanted = _padded(chosen)
        said = _misread(said, wanted, stage.marred, rng)
        at = np.flatnonzero(wanted != _IGNORED)
        spots, names = _spelling(pages, rows, columns, rng)
        stand_at, stands = _standing(chosen if stage.placing else [], said.shape[1])
        return {
            "cover": np.stack(covers),
            "said": said,
            "at": at,
            "wanted": wanted.reshape(-1)[at],
            "places": spots,
            "names": names,
            "stand_at": stand_at,
            "stands": stands,
            "tint": _tints(rng, count, stage.worn),
            "stage": np.asarray(plan.stage),
        }

    def _one(
        self, group: Group, shape: tuple[int, int], faces: Sequence[Face], worn: bool, rng: random.Random
    ) -> _Made:
        known, (first, second, end) = self._tokenizer, self._after
        while True:
            _, kind, asked = rng.choices(group.mix, [share for share, _, _ in group.mix])[0]
            wish = Wish(
                kind,
                *shape,
                sizes=group.sizes,
                worn=worn,
                most_lines=group.most_lines,
                most_characters=group.most_characters,
                short=group.short,
                part=rng.random() < group.parts,
            )
            page = compose(wish, rng, faces)
            if kind not in _TEXTLESS and not page.plain:
                continue
            made = exercise(page, asked, rng)
            prompt = known(made.prompt, add_special_tokens=False)["input_ids"]
            reply = known(made.reply, add_special_tokens=False, return_offsets_mapping=True)
            starts = [start for start, _ in reply["offset_mapping"]]
            if len(prompt) + len(starts) <= _MOST_TEXT:
                return _Made(page, made, [*first, *prompt, *second], [*reply["input_ids"], end], starts)


def _drawn(reads: bool, group: Group) -> int:
    """Of so many times its pages, a batch is those alike in length: the rest would be padding."""
    return 2 if reads and group.cells > _SMALL else 1


def _alike(made: list[_Made], count: int, rng: random.Random) -> list[_Made]:
    """The shorter or the longer ones, as chance has it, so that none is rarer than it would be."""
    if len(made) == count:
        return made
    made = sorted(made, key=len)
    return made[:count] if rng.random() < 0.5 else made[-count:]


def framed(known: Any, prompt: str) -> str:
    """A turn as the chat template writes it."""
    said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}]
    return str(known.apply_chat_template(said, tokenize=False, add_generation_prompt=True))


def _grid(group: Group, rng: random.Random) -> tuple[int, int]:
    while True:
        rows, columns = rng.randint(*group.rows), rng.randint(*group.columns)
        if rows * columns <= group.cells:
            return rows, columns


def _count(plan: Plan, share: float, cells: int, group: Group) -> int:
    """Patches count as positions of the tower, cells and characters as those of the decoder."""
    text = (
        600 if any(asked == "fields" for _, _, asked in group.mix) else min(group.most_characters, 5 * cells)
    )
    count = int(plan.tokens * share) // (5 * cells + text + 40)
    return max(8, min(plan.most, count // 8 * 8))


def _padded(made: list[_Made]) -> tuple[Array, Array]:
    longest = max(map(len, made)) - 1
    longest = -(-longest // _ROUNDED) * _ROUNDED
    said = np.zeros((len(made), longest), np.int64)
    wanted = np.full((len(made), longest), _IGNORED, np.int64)
    for number, one in enumerate(made):
        whole = [*one.prompt, *one.reply]
        said[number, : len(whole) - 1] = whole[:-1]
        wanted[number, len(one.prompt) - 1 : len(whole) - 1] = one.reply
    return said, wanted


def _standing(made: list[_Made], longest: int) -> tuple[Array, Array]:
    """Positions among all of ``said`` of tokens whose place on the page is known, and the places."""
    at, stands = [], []
    for number, one in enumerate(made):
        known = places(one.page, one.exercise)
        for place, start in enumerate(one.starts):
            if start in known:
                at.append(number * longest + len(one.prompt) + place)
                stands.append(known[start])
    return np.asarray(at, np.int64), np.asarray(stands, np.int64).reshape(-1, 4)


def _misread(said: Array, wanted: Array, share: float, rng: random.Random) -> Array:
    """In half of the replies some bytes are replaced by others of the batch, as input only: a reader that
    has made a mistake learns to find its place on the page again (as Nougat does, Blecher 2023)."""
    chance = np.random.default_rng(rng.getrandbits(32))
    inside = wanted != _IGNORED
    inside[:, 1:] &= inside[:, :-1].copy()
    inside[:, 0] = False
    inside &= said < _BYTES
    pool = said[inside]
    struck = inside & (chance.random(said.shape) < share)
    struck &= chance.random((len(said), 1)) < 0.5
    if len(pool):
        said[struck] = chance.choice(pool, int(struck.sum()))
    return said


def _spelling(pages: list[Page], rows: int, columns: int, rng: random.Random) -> tuple[Array, Array]:
    """Places of characters among all slots of all cells and their numbers, and as many blank places."""
    slots = 4 * SLOTS
    whole = len(pages) * rows * columns * slots
    names = np.zeros(whole, np.int64)
    for number, page in enumerate(pages):
        if page.kind is Kind.UNREADABLE:
            continue
        taken: dict[int, int] = {}
        across = (page.drawn.middles[:, 0] // PATCH).astype(int)
        down = (page.drawn.middles[:, 1] // PATCH).astype(int)
        for char, x, y in zip(page.drawn.characters, across.tolist(), down.tolist(), strict=True):
            if not (0 <= x < 2 * columns and 0 <= y < 2 * rows):
                continue
            patch = ((y // 2) * columns + x // 2) * 4 + (y % 2) * 2 + x % 2
            slot = taken.get(patch, 0)
            if slot < SLOTS:
                names[(number * rows * columns * 4 + patch) * SLOTS + slot] = alphabet.NUMBERS.get(
                    char, _SPACE
                )
            taken[patch] = slot + 1
    found = np.flatnonzero(names)
    blanks = np.random.default_rng(rng.getrandbits(32)).integers(0, whole, len(found) // 2 + 64)
    spots = np.concatenate([found, blanks])
    return spots, names[spots]


def _tints(rng: random.Random, count: int, worn: bool) -> Array:
    """Of each page: paper (3), ink (3), noise, and how much darker it gets to the right and down."""
    rows = []
    for _ in range(count):
        paper, ink, noise, shade = [255.0] * 3, [0.0] * 3, 0.0, (0.0, 0.0)
        if worn:
            grey = rng.uniform(205, 255)
            paper = [rng.uniform(195, 255) for _ in range(3)] if rng.random() < 0.35 else [grey] * 3
            dark = rng.uniform(0, 80)
            ink = [rng.uniform(0, 110) for _ in range(3)] if rng.random() < 0.3 else [dark] * 3
            if rng.random() < 0.3:
                paper, ink = [255.0] * 3, [rng.choice((0.0, 20.0, 51.0))] * 3
            elif rng.random() < 0.06:
                paper, ink = ink, paper
            noise = rng.uniform(1, 13) if rng.random() < 0.35 else 0.0
            shade = (rng.uniform(-30, 30), rng.uniform(-30, 30)) if rng.random() < 0.2 else shade
        rows.append([*paper, *ink, noise, *shade])
    return np.asarray(rows, np.float32)


def plans(seed: int, start: int, stage: Callable[[], int], tokens: int, most: int) -> Iterator[Plan]:
    """Without end. ``stage``: a function that says which stage it is now."""
    number = start
    while True:
        yield Plan(seed, number, stage(), tokens, most)
        number += 1
