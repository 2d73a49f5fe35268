"""Sets text on imaginary pages: readings whose right order and paragraphs are known, without any PDF."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from schemas.reading import PageReading, ReadLine, ReadWord, Region, Rule, Unread, line_of

# Every character is as wide as this share of the type size, a space included.
ADVANCE = 0.5
LEADING = 1.2


@dataclass
class Sheet:
    """A page that is filled line by line."""

    width: float = 600
    height: float = 800
    lines: list[ReadLine] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def line(self, text: str, x: float, y: float, size: float = 10, **more: object) -> float:
        """One line with its top left corner at (x, y); returns where the next would stand."""
        self.lines.append(set_line(text, x, y, size, **more))
        return y + LEADING * size

    def centred(self, text: str, y: float, size: float = 10, **more: object) -> float:
        return self.line(text, (self.width - len(text) * ADVANCE * size) / 2, y, size, **more)

    def paragraph(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        size: float = 10,
        *,
        indent: float = 0,
        hang: float = 0,
    ) -> float:
        """Running text filled into a width; words longer than the rest of a line go to the next."""
        for index, line in enumerate(fill(text, width, size, indent=indent, hang=hang)):
            y = self.line(line, x + (indent if index == 0 else hang), y, size)
        return y

    def reading(self, **more: object) -> PageReading:
        return PageReading(
            width=self.width,
            height=self.height,
            lines=tuple(self.lines),
            regions=tuple(self.regions),
            rules=tuple(self.rules),
            unread=tuple(self.unread),
            **more,  # type: ignore[arg-type]  # keywords of PageReading
        )


def set_line(text: str, x: float, y: float, size: float = 10, **more: object) -> ReadLine:
    words, left = [], x
    for token in text.split(" "):
        right = left + len(token) * ADVANCE * size
        if token:
            words.append(ReadWord(token, (left, y, right, y + size)))
        left = right + ADVANCE * size
    return line_of(words, size, **more)


def fill(text: str, width: float, size: float = 10, *, indent: float = 0, hang: float = 0) -> list[str]:
    """The lines a paragraph breaks into."""
    lines: list[str] = []
    for word in text.split():
        room = int((width - (hang if len(lines) > 1 else indent)) / (ADVANCE * size))
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def columns(  # noqa: PLR0917  # coordinates
    sheet: Sheet, paragraphs: Iterable[str], lefts: Sequence[float], width: float, top: float, bottom: float
) -> float:
    """Pour paragraphs into columns, broken at column ends; returns the lowest line's foot."""
    column, y, low = 0, top, top
    for text in paragraphs:
        for index, line in enumerate(fill(text, width, indent=12)):
            if y + 10 > bottom and column + 1 < len(lefts):
                column, y = column + 1, top
            y = sheet.line(line, lefts[column] + (12 if index == 0 else 0), y)
            low = max(low, y)
    return low


def mirrored(reading: PageReading) -> PageReading:
    """The page as right-to-left script would fill it: the same lines from the right."""
    lines = []
    for line in reading.lines:
        words = [
            ReadWord(w.text, (reading.width - w.bbox[2], w.bbox[1], reading.width - w.bbox[0], w.bbox[3]))
            for w in line.words
        ]
        lines.append(line_of(words, line.size, rtl=True))
    return PageReading(width=reading.width, height=reading.height, lines=tuple(lines))


def turned(reading: PageReading) -> PageReading:
    """The page put in the scanner sideways: its content must be turned by 90 degrees clockwise to stand."""
    lines = []
    for line in reading.lines:
        words = [
            ReadWord(w.text, (w.bbox[1], reading.width - w.bbox[2], w.bbox[3], reading.width - w.bbox[0]))
            for w in line.words
        ]
        lines.append(line_of(words, line.size))
    return PageReading(width=reading.height, height=reading.width, lines=tuple(lines), content_rotation=90)
