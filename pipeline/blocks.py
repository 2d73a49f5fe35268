"""Blocks of a page: paragraphs with their kind, text and level, list items gathered, words attributed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log

from pipeline.grouping import WHOLE, Group
from pipeline.joining import Lexicon, join_lines
from pipeline.kinds import Setting, kind_of
from pipeline.marks import bullet, section_depth
from pipeline.paragraphs import has_room, split
from pipeline.pieces import Piece
from schemas.geometry import Box, union
from schemas.page import BlockKind
from schemas.reading import ReadWord

# Four lines of at most so many letters that all begin with a capital or a figure are no sentence.
_SHORT = 32
# How far right lines could have run: the right edge of their column, and of the free space beyond it.
Width = tuple[float, float]


@dataclass(slots=True)
class Draft:
    """A block in the making. ``at`` is in the reading frame, ``box`` as printed."""

    kind: BlockKind
    at: Box
    box: Box
    pieces: list[Piece] = field(default_factory=list)
    text: str = ""
    level: int | None = None
    confidence: float | None = None
    table: int | None = None

    @property
    def words(self) -> list[ReadWord]:
        return [word for piece in self.pieces for word in piece.words]


def drafts_of(found: Group, page: Setting, lexicon: Lexicon) -> list[Draft]:
    """The blocks of one group of lines, in order."""
    drafts: list[Draft] = []
    pieces, hint = found.pieces, found.hint
    for paragraph in [pieces] if hint in WHOLE else split(pieces, hint, page.pitch):
        kind = kind_of(paragraph, hint, page)
        width = (found.at[2], found.room) if kind is BlockKind.PARAGRAPH else (0.0, 0.0)
        if kind is BlockKind.LIST and drafts and drafts[-1].kind is BlockKind.LIST:
            _extend(drafts[-1], paragraph, lexicon)
        else:
            drafts.append(draft(kind, paragraph, lexicon, width))
    return drafts


def draft(kind: BlockKind, pieces: Sequence[Piece], lexicon: Lexicon, width: Width = (0.0, 0.0)) -> Draft:
    return Draft(
        kind=kind,
        at=union([piece.at for piece in pieces]),
        box=union([piece.box for piece in pieces]),
        pieces=list(pieces),
        text=paragraph_text(pieces, lexicon, width),
        confidence=confidence_of([word for piece in pieces for word in piece.words]),
    )


def _extend(to: Draft, pieces: Sequence[Piece], lexicon: Lexicon) -> None:
    merge(to, draft(to.kind, pieces, lexicon))


def merge(to: Draft, more: Draft) -> None:
    """One list out of two that follow each other; each item on a line of its own."""
    to.at, to.box = union([to.at, more.at]), union([to.box, more.box])
    to.pieces += more.pieces
    to.text = f"{to.text}\n{more.text}"
    to.confidence = confidence_of(to.words)


def paragraph_text(pieces: Sequence[Piece], lexicon: Lexicon, width: Width = (0.0, 0.0)) -> str:
    """Running text; lines that were broken on purpose (addresses, verse) stay lines."""
    lines = [piece.text for piece in pieces]
    if any(line[-1] in "-\u00ad" for line in lines[:-1]) or not _broken_on_purpose(pieces, width):
        return join_lines(lines, lexicon)
    return "\n".join(line.replace("\u00ad", "") for line in lines)


def _broken_on_purpose(pieces: Sequence[Piece], width: Width) -> bool:
    if len(pieces) < 2:
        return False
    if sum(piece.pair for piece in pieces) * 2 > len(pieces):
        return True
    own = max(piece.at[2] for piece in pieces)
    column, room = width
    early = sum(has_room(upper, lower, own) for upper, lower in pairwise(pieces))
    if early and early * 3 >= len(pieces) - 1:
        return True
    if all(has_room(upper, lower, column) for upper, lower in pairwise(pieces)) or _centred(pieces):
        return True
    # Lines that could have been half as long again, each beginning like a new thing.
    begun = sum(piece.text[0].isupper() or piece.text[0].isdigit() for piece in pieces)
    if begun == len(pieces) > 3 and max(len(piece.text) for piece in pieces) <= _SHORT:
        return True
    return room - own > 0.5 * (own - min(piece.at[0] for piece in pieces)) and begun >= 0.75 * len(pieces)


def _centred(pieces: Sequence[Piece]) -> bool:
    """Lines of a letterhead or title page: on one axis, of different lengths, few of them beginning small."""
    size = pieces[0].size
    middles = [piece.at[0] + piece.at[2] for piece in pieces]
    lefts = [piece.at[0] for piece in pieces]
    on_axis = max(middles) - min(middles) < 1.2 * size and max(lefts) - min(lefts) > 1.5 * size
    return on_axis and sum(piece.text[0].islower() for piece in pieces) * 2 < len(pieces)


def confidence_of(words: Sequence[ReadWord]) -> float | None:
    """Mean over the letters of words that have a confidence."""
    known = [(word.confidence, len(word.text)) for word in words if word.confidence is not None]
    letters = sum(length for _, length in known)
    return sum(value * length for value, length in known) / letters if letters else None


def gather_lists(drafts: Sequence[Draft]) -> list[Draft]:
    """Items that follow each other in order and in place become one list."""
    gathered: list[Draft] = []
    for item in drafts:
        last = gathered[-1] if gathered else None
        if last is not None and last.kind is item.kind is BlockKind.LIST and _adjoin(last, item):
            merge(last, item)
        else:
            gathered.append(item)
    return gathered


def gather_headings(drafts: Sequence[Draft]) -> list[Draft]:
    """A heading of several lines that were seen one by one: the next begins in the middle of a sentence."""
    gathered: list[Draft] = []
    for item in drafts:
        last = gathered[-1] if gathered else None
        if last is not None and last.kind is item.kind is BlockKind.HEADING and _goes_on(last, item):
            text = join_lines([last.text, item.text])
            merge(last, item)
            last.text = text
        else:
            gathered.append(item)
    return gathered


def _goes_on(upper: Draft, lower: Draft) -> bool:
    above, below = upper.pieces[-1], lower.pieces[0]
    alike = max(above.size, below.size) < 1.1 * min(above.size, below.size) and above.bold == below.bold
    close = -above.size < lower.at[1] - upper.at[3] < 0.6 * above.size
    return alike and close and lower.text[:1].islower()


def _adjoin(upper: Draft, lower: Draft) -> bool:
    size = max(upper.pieces[-1].size, lower.pieces[0].size)
    gap = lower.at[1] - upper.at[3]
    alike = (bullet(upper.text) is None) == (bullet(lower.text) is None)
    over = min(upper.at[2], lower.at[2]) > max(upper.at[0], lower.at[0])
    return over and -size < gap < (2.5 if alike else 0.6) * size


def set_levels(drafts: Sequence[Draft], body: float) -> None:
    """Heading levels from type size, then weight, then how deep a section number goes."""
    headings = [item for item in drafts if item.kind is BlockKind.HEADING]
    ranks: list[tuple[float, int]] = []
    for style in sorted({_style(item, body) for item in headings}, reverse=True):
        if not ranks or ranks[-1][0] > 1.08 * style[0] or ranks[-1][1] != style[1]:
            ranks.append(style)
    for item in headings:
        own = _style(item, body)
        rank = min(range(len(ranks)), key=lambda i: (ranks[i][1] != own[1], abs(ranks[i][0] - own[0])))
        depth = section_depth(item.text) or 1
        item.level = min(6, max(rank + 1, min(depth, rank + 2)))


def _style(item: Draft, body: float) -> tuple[float, int]:
    size = max(piece.size for piece in item.pieces)
    if item.pieces[0].read_by_eye:  # sizes are estimates: steps of a third
        size = body * 1.3 ** round(log(size / body, 1.3))
    bold = all(piece.bold for piece in item.pieces)
    return (round(size, 1), int(bold))
