"""Splits a column of lines into paragraphs: by spacing, indents and where a line was broken without need."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from pipeline.marks import bullet, checkbox, ordinal
from pipeline.pieces import Piece
from pipeline.scripts import is_unspaced
from schemas.page import BlockKind

_ENDS = frozenset('.!?:;。！？：…"”»)؟۔।')


def split(pieces: Sequence[Piece], hint: BlockKind | None = None, usual: float = 0.0) -> list[list[Piece]]:
    """Paragraphs of a column, in order; a list that the layout saw is split at its marks alone.

    ``usual``: the page's line pitch in type sizes, for columns of too few lines to show their own.
    """
    if len(pieces) < 2:
        return [list(pieces)]
    if hint is BlockKind.LIST:
        starts = [0, *(i for i in range(1, len(pieces)) if pieces[i].item or marked(pieces[i].text))]
        return [list(pieces[a:b]) for a, b in pairwise([*starts, len(pieces)])]
    shape = _Shape(pieces, usual)
    parts = [[pieces[0]]]
    for index in range(1, len(pieces)):
        if shape.starts(index, parts[-1][0]):
            parts.append([])
        parts[-1].append(pieces[index])
    return parts


class _Shape:
    """What a column looks like: its edges, its line pitch, how its paragraphs begin."""

    def __init__(self, pieces: Sequence[Piece], usual: float) -> None:
        self.pieces = pieces
        self.size = median(piece.size for piece in pieces)
        self.left = _edge(piece.at[0] for piece in pieces)
        self.right = max(piece.at[2] for piece in pieces)
        pitches = [lower.middle - upper.middle for upper, lower in pairwise(pieces)]
        self.pitches = [0.0, *pitches]
        self.pitch = sorted(pitches)[(len(pitches) - 1) // 2]
        if len(pitches) < 3 and usual:
            self.pitch = min(self.pitch, usual * self.size)
        indents = [self._indent(piece) for piece in pieces]
        inside = sum(0.8 <= indent < 6 for indent in indents)
        flush = len(pieces) - inside
        # More lines indented than flush: a bibliography, a glossary; its paragraphs begin at the edge.
        self.hanging = flush >= 2 and inside > flush and inside >= 3 and self._same_indent(indents)

    def _same_indent(self, indents: Sequence[float]) -> bool:
        inner = sorted(indent for indent in indents if 0.8 <= indent < 6)
        middle = inner[len(inner) // 2]
        return sum(abs(indent - middle) < 0.5 for indent in inner) > 0.8 * len(inner)

    def _indent(self, piece: Piece) -> float:
        return (piece.at[0] - self.left) / self.size

    def starts(self, index: int, first: Piece) -> bool:
        """Whether this line begins a paragraph; ``first`` is the first line of the one before."""
        line, before = self.pieces[index], self.pieces[index - 1]
        if self._set_off(index) or line.item or marked(line.text):
            return True
        if (first.item or marked(first.text)) and line.at[0] > first.at[0] + 0.5 * self.size:
            return False  # the hanging lines of a list item
        indent = self._indent(line)
        if self.hanging:
            return indent < 0.5
        if 0.8 <= indent < 6 and self._indent(before) < 0.5 and self._flush_after(index):
            return True
        return self._broken_early(before, line)

    def _set_off(self, index: int) -> bool:
        """More white space than between the other lines, or the end of a heading in capitals."""
        line, before = self.pieces[index], self.pieces[index - 1]
        slack = 0.35 if line.read_by_eye else 0.2
        if self.pitches[index] > self.pitch + slack * max(self.pitch, self.size):
            return True
        return before.text.isupper() and len(before.text) > 4 and any(char.islower() for char in line.text)

    def _flush_after(self, index: int) -> bool:
        return index + 1 == len(self.pieces) or self._indent(self.pieces[index + 1]) < 0.5

    def _broken_early(self, before: Piece, line: Piece) -> bool:
        """The line before ends a sentence and had room for the next word: the break was meant."""
        return before.text[-1] in _ENDS and has_room(before, line, self.right) and not line.text[:1].islower()


def has_room(before: Piece, line: Piece, right: float) -> bool:
    """Whether the first word of a line would have fitted, with much to spare, on the line before it."""
    if is_unspaced(line.text[0]):  # such text is broken anywhere
        return before.at[2] + 2.5 * line.size < right
    first = line.words[0].bbox
    # The word's longer side lies along the line, whichever way the page is turned.
    length = max(first[2] - first[0], first[3] - first[1]) if len(line.words) > 1 else line.at[2] - line.at[0]
    return before.at[2] + length + 2.0 * line.size < right


def marked(text: str) -> bool:
    """Begins as a list item with a mark that is hardly ever anything else."""
    if checkbox(text) is not None:
        return True
    if bullet(text) is not None:
        return text[0] not in "*-–—·" or text[1:2] == " "
    return ordinal(text) is not None and text[0] in "([" and text[1:2].islower() is False


def _edge(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 5]
