"""Makes lines of words, with their type, out of the text spans of a PDF page."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pymupdf

from pipeline.text_layer_space import PageSpace
from schemas.geometry import Box, union
from schemas.reading import ReadLine, ReadWord

_SPLIT_GAP = 1.5  # of the type size: wider gaps part columns; justified text stays below
_JOIN_GAP = 0.6  # of the type size: what stands closer on one baseline is one line
_ASCENT, _DESCENT = 0.8, 0.2  # of the type size, above and below the baseline: letters fill about that
_PAINTED = 16 | 32 | 64  # char_flags: filled, stroked, or filled with a pattern; none is render mode 3
_PALE = 0xE6  # of 255, in the darkest of red, green and blue
_FAKE_BOLD = 8  # char_flags: the same glyphs printed twice, slightly apart


_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of one type on one baseline, as they come out of the content stream."""

    words: tuple[ReadWord, ...]
    bbox: Box
    size: float
    direction: tuple[float, float]
    bold: bool
    italic: bool
    mono: bool
    pale: bool = False
    """Set in white or nearly: seen only on a dark ground."""

    @property
    def letters(self) -> int:
        return sum(len(word.text) for word in self.words)


@dataclass(frozen=True, slots=True)
class Pieces:
    """What can be seen, and how many characters of the layer cannot."""

    shown: tuple[Piece, ...]
    invisible: int
    """Characters painted with neither fill nor stroke: the layer of an OCR program."""


def read_pieces(textpage: pymupdf.TextPage, blocks: Sequence[dict[str, Any]], space: PageSpace) -> Pieces:
    """Words with boxes come from one call, type and paint from another; block and line number join them."""
    words_of = {
        key: list(group)
        for key, group in groupby(textpage.extractWORDS(), key=lambda word: (word[5], word[6]))
    }
    shown: list[Piece] = []
    invisible = 0
    written = [block for block in blocks if block["type"] == 0]  # words count these, not the drawings between
    for block_number, block in enumerate(written):
        for line_number, line in enumerate(block["lines"]):
            words = words_of.get((block_number, line_number), [])
            spans = [span for span in line["spans"] if span["text"].strip()]
            hidden = [span for span in spans if not span["char_flags"] & _PAINTED or span["alpha"] == 0]
            if hidden:
                invisible += sum(len(span["text"].strip()) for span in hidden)
                words = [word for word in words if not any(_inside(word, span["bbox"]) for span in hidden)]
                spans = [span for span in spans if span not in hidden]
            boxed = [(word[4], space.box(_type_high(word, spans, line["dir"]))) for word in words]
            seen = [(text, box) for text, box in boxed if space.shows(box)]
            if seen and spans:
                shown.append(_piece(seen, spans, space.direction(line["dir"])))
    return Pieces(tuple(shown), invisible)


def to_lines(pieces: Iterable[Piece]) -> tuple[ReadLine, ...]:
    """Lines: pieces of one baseline joined, and parted again where a wide gap stands between words."""
    return tuple(_line(part) for joined in _joined(list(pieces)) for part in _parted(joined))


def _type_high(word: Sequence[Any], spans: Sequence[dict[str, Any]], direction: tuple[float, float]) -> Box:
    """The box as high as the type. Fonts claim up to several times that, and lines would overlap."""
    x0, y0, x1, y1 = word[:4]
    if direction != (1.0, 0.0) or not spans:
        return (x0, y0, x1, y1)
    middle = (x0 + x1) / 2
    span = next((span for span in spans if span["bbox"][0] <= middle <= span["bbox"][2]), spans[0])
    size, baseline = span["size"], span["origin"][1]
    if not y0 - 1 <= baseline <= y1 + 1:
        return (x0, y0, x1, y1)
    return (x0, baseline - _ASCENT * size, x1, baseline + _DESCENT * size)


def _inside(word: Sequence[Any], box: Box) -> bool:
    x, y = (word[0] + word[2]) / 2, (word[1] + word[3]) / 2
    return bool(box[0] - 1 <= x <= box[2] + 1 and box[1] - 1 <= y <= box[3] + 1)


def _piece(
    words: list[tuple[str, Box]], spans: list[dict[str, Any]], direction: tuple[float, float]
) -> Piece:
    weights = [(len(span["text"].strip()), span) for span in spans]
    total = sum(weight for weight, _ in weights)

    def mostly(style: Callable[[dict[str, Any]], int]) -> bool:
        return sum(weight for weight, span in weights if style(span)) * 2 > total

    main = max(weights, key=lambda pair: pair[0])[1]
    return Piece(
        words=tuple(ReadWord(text, box) for text, box in words),
        bbox=union([box for _, box in words]),
        size=float(main["size"]),
        direction=direction,
        bold=mostly(_bold),
        italic=mostly(lambda span: span["flags"] & pymupdf.TEXT_FONT_ITALIC),
        mono=mostly(lambda span: span["flags"] & pymupdf.TEXT_FONT_MONOSPACED),
        pale=any(_pale(int(span["color"])) or span["alpha"] < 60 for span in spans),
    )


def _pale(color: int) -> bool:
    return min(color >> 16 & 255, color >> 8 & 255, color & 255) >= _PALE


def _bold(span: dict[str, Any]) -> bool:
    name = span["font"].lower()
    return bool(
        span["flags"] & pymupdf.TEXT_FONT_BOLD
        or span["char_flags"] & _FAKE_BOLD
        or any(part in name for part in ("bold", "black", "heavy", "-bd", "demi"))
    )


def _horizontal(piece: Piece) -> bool:
    return piece.direction[0] > 0.7


def _joined(pieces: list[Piece]) -> list[list[Piece]]:
    """Pieces that continue each other on one baseline, in the order in which the first of each came.

    A rule or a change of type between two words makes MuPDF begin a new line where no reader sees one.
    """
    groups: list[list[Piece]] = []
    recent: dict[int, list[int]] = {}  # rows of the page, 8 units high, to the groups that end there
    for piece in pieces:
        found = None
        row = int((piece.bbox[1] + piece.bbox[3]) / 16)
        if _horizontal(piece):
            near = [index for key in (row - 1, row, row + 1) for index in recent.get(key, ())]
            found = next((index for index in reversed(near) if _continues(groups[index][-1], piece)), None)
        if found is None:
            found = len(groups)
            groups.append([])
        groups[found].append(piece)
        recent.setdefault(row, []).append(found)
    return groups


def _continues(before: Piece, after: Piece) -> bool:
    if not _horizontal(before):
        return False
    size = max(before.size, after.size)
    gap = after.bbox[0] - before.bbox[2]
    shared = min(before.bbox[3], after.bbox[3]) - max(before.bbox[1], after.bbox[1])
    lower = min(before.bbox[3] - before.bbox[1], after.bbox[3] - after.bbox[1])
    return -0.3 * size <= gap <= _JOIN_GAP * size and shared > 0.6 * lower


def _parted(group: list[Piece]) -> list[list[Piece]]:
    """The words of a joined line cut at wide gaps; pieces keep their type."""
    parts: list[list[Piece]] = [[]]
    end: float | None = None
    for piece in group:
        if not _horizontal(piece):
            parts[-1].append(piece)
            continue
        start = 0
        for index, word in enumerate(piece.words):
            if end is not None and word.bbox[0] - end > _SPLIT_GAP * piece.size:
                _add(parts, piece, start, index)
                parts.append([])
                start = index
            end = word.bbox[2]
        _add(parts, piece, start, len(piece.words))
    return [part for part in parts if part]


def _add(parts: list[list[Piece]], piece: Piece, start: int, end: int) -> None:
    words = piece.words[start:end]
    if words:
        parts[-1].append(replace(piece, words=words, bbox=union([word.bbox for word in words])))


def _line(pieces: list[Piece]) -> ReadLine:
    total = sum(piece.letters for piece in pieces) or 1
    main = max(pieces, key=lambda piece: piece.letters)
    words = _glued(pieces)
    text = " ".join(word.text for word in words)
    apart = [part for word in words for part in by_script(word)]
    return ReadLine(
        words=tuple(apart),
        bbox=union([piece.bbox for piece in pieces]),
        size=main.size,
        bold=sum(piece.letters for piece in pieces if piece.bold) * 2 > total,
        italic=sum(piece.letters for piece in pieces if piece.italic) * 2 > total,
        mono=sum(piece.letters for piece in pieces if piece.mono) * 2 > total,
        rtl=bool(_RIGHT_TO_LEFT.search(text)) and _mostly_right_to_left(text),
        text_=text if len(apart) != len(words) else None,
    )


def _mostly_right_to_left(text: str) -> bool:
    return sum(unicodedata.bidirectional(c) in ("R", "AL") for c in text) * 2 > len(text)


def _glued(pieces: list[Piece]) -> list[ReadWord]:
    """The words of a line; two that touch where one piece ends and the next begins are one word."""
    words: list[ReadWord] = []
    for piece in pieces:
        first = piece.words[0]
        if words and first.bbox[0] - words[-1].bbox[2] < 0.1 * piece.size and _horizontal(piece):
            last = words.pop()
            words.append(ReadWord(last.text + first.text, union([last.bbox, first.bbox])))
            words.extend(piece.words[1:])
        else:
            words.extend(piece.words)
    return words


def by_script(word: ReadWord) -> list[ReadWord]:
    """A run of Chinese or Japanese cut where the script changes, so that a quote finds a narrow box."""
    if not _HAN_OR_KANA.search(word.text):
        return [word]
    runs = ["".join(group) for _, group in groupby(word.text, key=_kind)]
    widths = [sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.5 for c in run) for run in runs]
    x0, y0, x1, y1 = word.bbox
    step = (x1 - x0) / sum(widths)
    parts, x = [], x0
    for run, width in zip(runs, widths, strict=True):
        parts.append(ReadWord(run, (x, y0, x + width * step, y1)))
        x += width * step
    return parts


_HAN_OR_KANA = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def _kind(character: str) -> str:
    code = ord(character)
    if 0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x3FFFF or 0xF900 <= code <= 0xFAFF:
        return "han"
    if 0x3040 <= code <= 0x30FF:
        return "kana"
    if 0x3000 <= code <= 0x303F or 0xFF00 <= code <= 0xFFEF:
        return "mark"
    return "other"


def content_rotation(pieces: Iterable[Piece]) -> int:
    """Degrees clockwise the text must be turned to stand upright, when most of it does not."""
    weight = {0: 0, 90: 0, 180: 0, 270: 0}
    for piece in pieces:
        weight[_quarter(piece.direction)] += piece.letters
    best = max(weight, key=lambda turn: (weight[turn], -turn))
    return best if weight[best] * 2 > sum(weight.values()) else 0


def skew(pieces: Iterable[Piece]) -> float | None:
    """Degrees the lines climb, weighed by their letters; None when they stand straight."""
    angles: list[tuple[float, int]] = []
    for piece in pieces:
        x, y = piece.direction
        angle = -math.degrees(math.atan2(y, x))
        angles.append((angle - 90 * round(angle / 90), piece.letters))
    angles.sort()
    half, seen = sum(weight for _, weight in angles) / 2, 0
    for angle, weight in angles:
        seen += weight
        if seen >= half:
            return round(angle, 2) if abs(angle) >= 0.1 else None
    return None


def _quarter(direction: tuple[float, float]) -> int:
    """Text that runs upwards (0, -1) is turned 90 clockwise to stand upright."""
    x, y = direction
    if abs(x) >= abs(y):
        return 0 if x >= 0 else 180
    return 90 if y < 0 else 270
