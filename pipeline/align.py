"""Lays a transcription over the words another reader saw, line by line: places, omissions, inventions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.approximate import nearest
from pipeline.ground import Reference, confusable, folded
from schemas.geometry import Box, union
from schemas.seen import SeenWord

_EDITS = 0.2
_SHORTEST_FUZZY = 8
_MOST_FUZZY = 150  # searches a page; a page of noise must not take minutes
_SHORT = 5


@dataclass(frozen=True, slots=True)
class Alignment:
    """``words``: of each piece of text, placed where they were found.

    ``coverage``: share of the other reader's letters that the transcription has; ``support``: share of the
    transcription's letters that the other reader saw too. None where there is nothing to compare with; of
    text where the other reader saw none at all, the support is 0.
    """

    words: tuple[tuple[SeenWord, ...], ...]
    coverage: float | None
    support: float | None

    def box(self, piece: int) -> Box | None:
        """Around the placed words, when they are most of the piece."""
        placed = [word for word in self.words[piece] if word.bbox is not None]
        letters = sum(len(word.text) for word in self.words[piece])
        if not placed or sum(len(word.text) for word in placed) * 2 < letters:
            return None
        return union([word.bbox for word in placed if word.bbox is not None])


@dataclass(frozen=True, slots=True)
class _Spot:
    """A word of the other reader, over characters of the joined and folded text."""

    start: int
    end: int
    box: Box


def align(pieces: Sequence[str], reference: Reference | None) -> Alignment:
    """Lines are searched one by one: both readers keep them whole, whatever order each has of columns."""
    joined = "\n".join(pieces)
    text, origins = folded(joined)
    laid = _Laid(confusable(text))
    if reference:
        laid.all(reference)
    by_char = _by_char(laid.spots, origins)
    words: list[tuple[SeenWord, ...]] = []
    at = 0
    for piece in pieces:
        words.append(tuple(_words(piece, at, by_char)))
        at += len(piece) + 1
    covered = min(1.0, laid.covered / len(reference.text)) if reference else None
    supported = sum(laid.used) / len(text) if reference is not None and text else None
    return Alignment(tuple(words), covered, supported)


class _Laid:
    def __init__(self, text: str) -> None:
        self._text = text
        self.used = bytearray(len(text))
        self.spots: list[_Spot] = []
        self.covered = 0
        self._fuzzy = 0

    def all(self, reference: Reference) -> None:
        """Long lines first, in order: they fix where the short ones belong."""
        ends: dict[int, int] = {}
        keys = [confusable(folded("".join(w.text for w in line.words))[0]) for line in reference.lines]
        for long in (True, False):
            cursor = 0
            for index in range(len(keys)):
                if (len(keys[index]) > _SHORT) is not long or not keys[index]:
                    cursor = ends.get(index, cursor)
                    continue
                found = self._exact(keys[index], cursor) or self._near(keys[index])
                if found is not None:
                    self._lay(reference, index, *found)
                    ends[index] = cursor = found[1]
        for index in range(len(keys)):
            if index not in ends and keys[index]:
                self._word_by_word(reference, index)

    def _exact(self, pattern: str, cursor: int) -> tuple[int, int] | None:
        """The first free occurrence after the line before, else the first free one anywhere."""
        for start in (cursor, 0):
            at = self._text.find(pattern, start)
            while at >= 0:
                if not any(self.used[at : at + len(pattern)]):
                    return at, at + len(pattern)
                at = self._text.find(pattern, at + 1)
        return None

    def _near(self, pattern: str) -> tuple[int, int] | None:
        if len(pattern) < _SHORTEST_FUZZY or self._fuzzy >= _MOST_FUZZY:
            return None
        self._fuzzy += 1
        free = "".join("\0" if used else char for char, used in zip(self._text, self.used, strict=True))
        found = nearest(pattern, free, int(len(pattern) * _EDITS))
        return (found.start, found.end) if found is not None and found.end > found.start else None

    def _lay(self, reference: Reference, index: int, start: int, end: int) -> None:
        """The words of a line, each over its share of the stretch."""
        line = reference.lines[index]
        lengths = [len(folded(word.text)[0]) for word in line.words]
        total, at = sum(lengths), 0
        for word, length in zip(line.words, lengths, strict=True):
            first = start + round((end - start) * at / total)
            last = start + round((end - start) * (at + length) / total)
            at += length
            if last > first:
                self.spots.append(_Spot(first, last, word.bbox))
        self.used[start:end] = b"\1" * (end - start)
        self.covered += total

    def _word_by_word(self, reference: Reference, index: int) -> None:
        """A line that both readers cut differently: its longer words still have places."""
        for word in reference.lines[index].words:
            pattern = confusable(folded(word.text)[0])
            found = self._exact(pattern, 0) if len(pattern) > 3 else None
            if found is not None:
                self.spots.append(_Spot(*found, word.bbox))
                self.used[found[0] : found[1]] = b"\1" * len(pattern)
                self.covered += len(pattern)


def _by_char(spots: Sequence[_Spot], origins: Sequence[int]) -> dict[int, Box]:
    boxes: dict[int, Box] = {}
    for spot in spots:
        for at in range(spot.start, spot.end):
            boxes.setdefault(origins[at], spot.box)
    return boxes


def _words(piece: str, offset: int, boxes: dict[int, Box]) -> Iterator[SeenWord]:
    at = 0
    for text in piece.split():
        start = piece.index(text, at)
        at = start + len(text)
        for first, last in _cuts(text, start + offset, boxes):
            around = [
                box
                for char in range(start + offset + first, start + offset + last)
                if (box := boxes.get(char)) is not None
            ]
            yield SeenWord(text[first:last], union(list(dict.fromkeys(around))) if around else None)


def _cuts(text: str, offset: int, boxes: dict[int, Box]) -> list[tuple[int, int]]:
    """Scripts without spaces run on over lines: such a run is cut where the other reader cut it."""
    if not any("\u3040" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0e7f" for char in text):
        return [(0, len(text))]
    edges = [0]
    for at in range(1, len(text)):
        before, after = boxes.get(offset + at - 1), boxes.get(offset + at)
        if before is not None and after is not None and before != after:
            edges.append(at)
    return list(zip(edges, [*edges[1:], len(text)], strict=True))
