"""Finds room among their neighbours for words of a line that nobody located: signs, and what was misread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.geometry import Box
from schemas.page import Block, PageResult, Word

_WIDEST_LETTER = 1.0
"""In heights of its line; the box of a neighbour may be wider than its text."""


@dataclass(frozen=True, slots=True)
class Guessed:
    """A word, and where it is put to be arranged. ``seen``: it was located there, nothing is guessed."""

    word: Word
    box: Box
    seen: bool


def with_places(page: PageResult) -> Iterator[Guessed]:
    """All words of which something is known, in order. A line of which no word was located is left out."""
    if page.content_rotation % 360 or all(word.bbox is not None for word in page.words):
        yield from filter(None, map(_located, page.words))  # nothing to guess: no line is searched for
        return
    for line in _lines(page.words, {block.id: block for block in page.blocks}):
        yield from _filled(line)


def _located(word: Word) -> Guessed | None:
    return None if word.bbox is None else Guessed(word, word.bbox, seen=True)


def _lines(words: Sequence[Word], blocks: dict[str, Block]) -> Iterator[list[Word]]:
    """Words of one line of a block's text; those of no block, or that are not in its text, one by one."""
    line: list[Word] = []
    of: Block | None = None
    at = 0
    for word in words:
        block = blocks.get(word.block) if word.block is not None else None
        if block is not of:
            at = 0
        found = block.text.find(word.text, at) if block is not None else -1
        if line and (block is None or block is not of or found < 0 or "\n" in block.text[at:found]):
            yield line
            line = []
        of = block if found >= 0 else None
        line.append(word)
        at = found + len(word.text) if found >= 0 else 0
    if line:
        yield line


def _filled(line: Sequence[Word]) -> Iterator[Guessed]:
    known = [_located(word) for word in line]
    at = 0
    while at < len(line):
        one = known[at]
        if one is not None:
            yield one
            at += 1
            continue
        end = next((index for index in range(at, len(line)) if known[index] is not None), len(line))
        before, after = known[at - 1] if at else None, known[end] if end < len(line) else None
        yield from _between(line[at:end], before, after)
        at = end


def _beside(one: Box, other: Box) -> bool:
    return one[1] < (other[1] + other[3]) / 2 < one[3]


def _between(words: Sequence[Word], before: Guessed | None, after: Guessed | None) -> Iterator[Guessed]:
    """Words at the side of the neighbour they belong to: a sign or a number to the right one."""
    anchor = before or after
    if anchor is None:
        return
    if before is not None and after is not None and before.box[2] > after.box[0]:
        if _beside(before.box, after.box):
            # One word to the other reader, `14/03` where this one has `14 / 03`: all have its box.
            shared = (after.box[0], before.box[1], before.box[2], before.box[3])
            yield from (Guessed(word, shared, seen=False) for word in words)
        return
    letter = (anchor.box[2] - anchor.box[0]) / max(1, len(anchor.word.text))
    letter = min(letter, _WIDEST_LETTER * (anchor.box[3] - anchor.box[1]))
    wide = letter * (sum(len(word.text) + 1 for word in words) + 1)
    if before is not None and after is not None and after.box[0] - before.box[2] < wide:
        letter *= (after.box[0] - before.box[2]) / wide
        wide = after.box[0] - before.box[2]
    left = before is not None and (after is None or words[0].text[:1].isalpha())
    if left:
        assert before is not None
        x, rows = before.box[2] + letter, before.box
    else:
        assert after is not None
        x, rows = after.box[0] - wide + letter, after.box
    for word in words:
        end = x + letter * len(word.text)
        if end > x:
            yield Guessed(word, (x, rows[1], end, rows[3]), seen=False)
        x = end + letter
