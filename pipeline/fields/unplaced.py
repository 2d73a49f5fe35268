"""Finds room among their neighbours for words of a line that nobody located: signs, and what was misread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.geometry import Box
from schemas.page import Block, PageResult, Word

_LETTER = 0.5
"""Width of a letter, in heights of its line, where no neighbour has one."""


@dataclass(frozen=True, slots=True)
class Guessed:
    """A word, and where it is put to be arranged. ``seen``: it was located there, nothing is guessed."""

    word: Word
    box: Box
    seen: bool


def with_places(page: PageResult) -> Iterator[Guessed]:
    """All words of which something is known, in order. A line of which no word was located is left out."""
    if all(word.bbox is not None for word in page.words):
        yield from (Guessed(word, word.bbox, seen=True) for word in page.words if word.bbox is not None)
        return
    blocks = {block.id: block for block in page.blocks}
    for block, line in _lines(page.words, blocks):
        known = [None if word.bbox is None else Guessed(word, word.bbox, seen=True) for word in line]
        if block is None or page.content_rotation % 360 or None not in known:
            yield from filter(None, known)
        else:
            yield from _filled(line, known)


def _lines(words: Sequence[Word], blocks: dict[str, Block]) -> Iterator[tuple[Block | None, list[Word]]]:
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
            yield of, line
            line = []
        of = block if found >= 0 else None
        line.append(word)
        at = found + len(word.text) if found >= 0 else 0
    if line:
        yield of, line


def _filled(line: Sequence[Word], known: Sequence[Guessed | None]) -> Iterator[Guessed]:
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


def _between(words: Sequence[Word], before: Guessed | None, after: Guessed | None) -> Iterator[Guessed]:
    """Words at the side of the neighbour they belong to: a sign or a number to the right one."""
    anchor = before or after
    if anchor is None or (before is not None and after is not None and before.box[2] > after.box[0]):
        return
    letter = (anchor.box[2] - anchor.box[0]) / max(1, len(anchor.word.text))
    letter = min(letter, _LETTER * 2 * (anchor.box[3] - anchor.box[1]))
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
