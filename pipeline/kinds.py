"""What a paragraph is: heading, list item, caption, footnote, plain text; from its type and its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.grouping import Group
from pipeline.marks import bullet, checkbox, is_caption, is_note
from pipeline.paragraphs import marked
from pipeline.pieces import Piece
from schemas.geometry import Box, union
from schemas.page import BlockKind

_KEPT_HINTS = frozenset(
    {
        BlockKind.FORMULA,
        BlockKind.CAPTION,
        BlockKind.FOOTNOTE,
        BlockKind.CHECKBOX,
        BlockKind.SIGNATURE,
        BlockKind.BARCODE,
    }
)
_LONGEST_HEADING = 200


@dataclass(frozen=True, slots=True)
class Setting:
    """The rest of the page: size and weight of most of its text, its floats, where its lower part begins."""

    body: float
    bold: bool
    capitals: bool
    floats: tuple[Box, ...]
    footnotes_from: float
    pitch: float
    """From line to line in type sizes; 0 where no column has lines enough to tell."""


def setting(groups: Sequence[Group], body: float, floats: Sequence[Box], height: float) -> Setting:
    pieces = [piece for found in groups for piece in found.pieces]
    letters = sum(len(piece.text) for piece in pieces)
    bold = sum(len(piece.text) for piece in pieces if piece.bold)
    capitals = sum(len(piece.text) for piece in pieces if piece.text.isupper())
    return Setting(
        body, bold * 2 > letters, capitals * 4 > letters, tuple(floats), 0.55 * height, _pitch(groups)
    )


def _pitch(groups: Sequence[Group]) -> float:
    found = [
        (lower.middle - upper.middle) / max(upper.size, 0.1)
        for one in groups
        if len(one.pieces) > 2
        for upper, lower in pairwise(one.pieces)
    ]
    return sorted(found)[(len(found) - 1) // 2] if found else 0.0


def kind_of(paragraph: Sequence[Piece], hint: BlockKind | None, page: Setting) -> BlockKind:
    text = " ".join(piece.text for piece in paragraph)
    if all(checkbox(piece.text) for piece in paragraph):
        return BlockKind.CHECKBOX
    if hint is BlockKind.HEADING and _may_head(paragraph, text):
        return BlockKind.HEADING
    if hint is BlockKind.LIST or hint in _KEPT_HINTS:
        return hint
    if is_caption(text) and _captions(paragraph, page):
        return BlockKind.CAPTION
    return _by_type(paragraph, text, hint, page)


def _by_type(paragraph: Sequence[Piece], text: str, hint: BlockKind | None, page: Setting) -> BlockKind:
    if hint is None and _heads(paragraph, text, page):
        return BlockKind.HEADING
    if hint is None and _is_footnote(paragraph, text, page):
        return BlockKind.FOOTNOTE
    if paragraph[0].item or marked(paragraph[0].text):
        return BlockKind.LIST
    return BlockKind.PARAGRAPH


def _captions(paragraph: Sequence[Piece], page: Setting) -> bool:
    """Beside a float, or set apart from the body by its type."""
    first = paragraph[0]
    if first.size < 0.95 * page.body or first.bold or first.italic:
        return True
    at = union([piece.at for piece in paragraph])
    near = 3 * first.size
    beside = [box for box in page.floats if min(at[2], box[2]) > max(at[0], box[0])]
    return any(max(at[1] - box[3], box[1] - at[3]) < near for box in beside)


def _may_head(paragraph: Sequence[Piece], text: str) -> bool:
    return len(text) <= 300 and len(paragraph) <= 5 and any(char.isalpha() for char in text)


def _heads(paragraph: Sequence[Piece], text: str, page: Setting) -> bool:
    if len(text) > _LONGEST_HEADING or len(paragraph) > 4 or not _has_words(text) or bullet(text):
        return False
    first = paragraph[0]
    larger = 1.35 if first.read_by_eye else 1.15
    if min(piece.size for piece in paragraph) >= larger * page.body:
        return True
    if text[-1] in ".,;:" or first.read_by_eye or first.size < 0.95 * page.body:
        return False
    bold = all(piece.bold for piece in paragraph) and not page.bold
    capitals = is_capitals(text) and not page.capitals
    return (bold or capitals) and len(paragraph) <= 2 and len(text) <= 120


def is_capitals(text: str) -> bool:
    """A word or more in capitals alone."""
    return text.isupper() and sum(char.isalpha() for char in text) >= 5


def _has_words(text: str) -> bool:
    letters = sum(char.isalpha() for char in text)
    return letters >= 2 and letters * 2 > len(text.replace(" ", ""))


def _is_footnote(paragraph: Sequence[Piece], text: str, page: Setting) -> bool:
    return paragraph[0].at[1] > page.footnotes_from and paragraph[0].size < 0.93 * page.body and is_note(text)
