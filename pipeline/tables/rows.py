"""Groups words into the rows and stretches a reader's eye makes of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.geometry import Box, union
from schemas.reading import ReadLine, ReadWord


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words of one line with no wide gap between them: what may be the content of one cell."""

    words: tuple[ReadWord, ...]
    bbox: Box
    size: float

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def stretches(lines: Iterable[ReadLine], gap: float = 1.0) -> list[Stretch]:
    """The lines cut wherever words stand further apart than ``gap`` times the type size."""
    out: list[Stretch] = []
    for line in lines:
        run: list[ReadWord] = []
        for word in sorted(line.words, key=lambda w: w.bbox[0]):
            if run and word.bbox[0] - run[-1].bbox[2] > gap * line.size:
                out.append(_stretch(run, line.size))
                run = []
            run.append(word)
        if run:
            out.append(_stretch(run, line.size))
    return out


def _stretch(words: Sequence[ReadWord], size: float) -> Stretch:
    return Stretch(tuple(words), union([word.bbox for word in words]), size)


def rows(parts: Iterable[Stretch]) -> list[list[Stretch]]:
    """Stretches that stand side by side, top to bottom; each row left to right."""
    found: list[list[Stretch]] = []
    bands: list[tuple[float, float]] = []
    for part in sorted(parts, key=lambda p: (p.bbox[1] + p.bbox[3]) / 2):
        top, bottom = part.bbox[1], part.bbox[3]
        if found:
            low, high = bands[-1]
            shared = min(bottom, high) - max(top, low)
            if shared > 0.5 * min(bottom - top, high - low):
                found[-1].append(part)
                continue
        found.append([part])
        bands.append((top, bottom))
    for row in found:
        row.sort(key=lambda p: p.bbox[0])
    return found
