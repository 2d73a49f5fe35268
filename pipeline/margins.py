"""Running headers, footers and page numbers as far as a single page shows them: by place and pattern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.marks import is_caption, is_note, roman
from pipeline.pieces import Piece, rows_of
from schemas.geometry import Box, union
from schemas.page import BlockKind
from schemas.reading import Region

# How much of the page's height may be header or footer, and how many rows.
ZONE = 0.12
HINTED_ZONE = 0.25
_MOST_ROWS = 4

_NUMBER = re.compile(
    r"[-–—\[(|.\s]*(?:(?:page|pg\.?|p\.|seite|s\.|página|pagina|pág\.?|strona|стр\.?|sayfa|side|sida|sivu|第)\s*)?"
    r"(?P<number>\d{1,5}|[ivxlcdm]{1,8}|[IVXLCDM]{1,8}|[A-Z]-?\d{1,4})"
    r"\s*(?:(?:/|of|von|de|di|sur|из|van|av)\s*\d{1,5})?(?:\s*(?:页|頁|ページ))?[-–—\])|.\s]*",
    re.IGNORECASE,
)
_FURNITURE = re.compile(
    r"https?://|www\.|\bdoi\b|©|\(c\)\s*\d{4}|copyright|all rights reserved|downloaded (?:from|by|on)|"
    r"download date|\bvol(?:ume|\.)?\s*\d|\bissue\s*\d|\bissn\b|\bpage\s+\d+|\bseite\s+\d+|\bpágina\s+\d+|"
    r"confidential|vertraulich|"
    r"proprietary|preprint|\bdraft\b|printed (?:on|by|from)|last (?:updated|modified)|\brev(?:ision|\.)\s*\d|"
    r"open access|creative commons|licen[sc]ed under",
    re.IGNORECASE,
)


def page_number(text: str) -> str | None:
    """The number in text that is nothing but a page number, as printed ("12", "xiv"); None otherwise."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    number = match["number"]
    if number.isalpha() and not roman(number):
        return None
    return number


@dataclass(frozen=True, slots=True)
class Sheet:
    """What margins are judged against: the page, its rules, its layout regions, the body's size."""

    page: Box
    rules: Sequence[Box]
    regions: Sequence[Region]
    body: float
    floats: Sequence[Box] = ()
    leading: float = 0.0
    """The usual gap between rows; negative where boxes overlap."""


def find(pieces: Sequence[Piece], sheet: Sheet) -> None:
    """Set ``margin`` of the pieces that are headers, footers or page numbers, from the edges inwards."""
    rows = rows_of(pieces)
    gaps = sorted(_gap(upper, lower) for upper, lower in pairwise(rows))
    sheet = replace(sheet, leading=gaps[len(gaps) // 2] if gaps else 0.0)
    _from_edge(rows, sheet, footer=False)
    _from_edge(rows[::-1], sheet, footer=True)
    if all(piece.margin for piece in pieces):
        # The only line of a page is its text, whatever it looks like; a number may still number it.
        for piece in pieces:
            piece.margin = BlockKind.PAGE_NUMBER if piece.margin is BlockKind.PAGE_NUMBER else None


def _from_edge(rows: Sequence[Sequence[Piece]], sheet: Sheet, *, footer: bool) -> None:
    """Rows that look like it, up to the last one that white space or a rule sets apart from the body."""
    found = 0
    for depth, row in enumerate(rows[:_MOST_ROWS]):
        following = rows[depth + 1] if depth + 1 < len(rows) else None
        if any(piece.margin for piece in row) or not _looks(row, following, sheet, footer=footer):
            break
        if _hinted(row, sheet.regions) or (following is not None and _apart(row, following, sheet)):
            found = depth + 1
    for row in rows[:found]:
        _mark(row, footer)


def _mark(row: Sequence[Piece], footer: bool) -> None:
    for piece in row:
        if page_number(piece.text) is not None:
            piece.margin = BlockKind.PAGE_NUMBER
        else:
            piece.margin = BlockKind.FOOTER if footer else BlockKind.HEADER


def _hinted(row: Sequence[Piece], regions: Sequence[Region]) -> bool:
    kinds = (BlockKind.HEADER, BlockKind.FOOTER, BlockKind.PAGE_NUMBER)
    return all(piece.region >= 0 and regions[piece.region].kind in kinds for piece in row)


def _looks(row: Sequence[Piece], following: Sequence[Piece] | None, sheet: Sheet, *, footer: bool) -> bool:
    """Whether a row by itself may be a running header or footer."""
    height = sheet.page[3] - sheet.page[1]
    reach = (
        (sheet.page[3] - min(p.at[1] for p in row)) if footer else (max(p.at[3] for p in row) - sheet.page[1])
    )
    if _hinted(row, sheet.regions):
        if following is not None and _runs_on(row, following, sheet):
            return False
        return reach < HINTED_ZONE * height or _lone_number(row, following, sheet)
    size = max(piece.size for piece in row)
    text = "   ".join(piece.text for piece in row)
    if following is None or size > 1.25 * sheet.body or len(text) > 250:
        return False
    if reach > ZONE * height:
        return footer and _lone_number(row, following, sheet)
    return _numbered(row) or _FURNITURE.search(text) is not None or _lesser(row, following, sheet)


def _runs_on(row: Sequence[Piece], following: Sequence[Piece], sheet: Sheet) -> bool:
    """The layout may take the first line of a page that begins in the middle of its text for a header."""
    size = max(piece.size for piece in row)
    usual = abs(size - sheet.body) < 0.05 * sheet.body and len(row) == 1 and len(row[0].words) > 5
    return usual and _gap(row, following) < sheet.leading + 0.15 * size


def _lone_number(row: Sequence[Piece], following: Sequence[Piece] | None, sheet: Sheet) -> bool:
    """A number by itself in the middle, well below the last line of a page that is not full."""
    if len(row) != 1 or following is None or page_number(row[0].text) is None:
        return False
    left, _, right, _ = union([piece.at for piece in following])
    width = sheet.page[2] - sheet.page[0]
    middle = (row[0].at[0] + row[0].at[2]) / 2
    centred = min(abs(middle - (left + right) / 2), abs(middle - (sheet.page[0] + sheet.page[2]) / 2))
    return centred < 0.03 * width and _gap(row, following) > sheet.leading + 1.5 * row[0].size


def _numbered(row: Sequence[Piece]) -> bool:
    """A page number alone, or at one end of a row of few."""
    numbers = [index for index, piece in enumerate(row) if page_number(piece.text) is not None]
    return bool(numbers) and len(row) <= 3 and (numbers[0] == 0 or numbers[-1] == len(row) - 1)


def _lesser(row: Sequence[Piece], following: Sequence[Piece], sheet: Sheet) -> bool:
    """Small type set well apart, or a line that a rule parts from the body; but not a footnote."""
    size = max(piece.size for piece in row)
    if is_note(row[0].text) or is_caption(row[0].text) or _at_float(row, sheet.floats):
        return False
    if size <= 1.05 * sheet.body and any(_between(rule, row, following) for rule in sheet.rules):
        return True
    return size < 0.93 * sheet.body and _gap(row, following) > 1.5 * size


def _at_float(row: Sequence[Piece], floats: Sequence[Box]) -> bool:
    """Right above or below a table or picture: a caption or a note to it."""
    left, top, right, bottom = union([piece.at for piece in row])
    near = 2.0 * max(piece.size for piece in row)
    beside = [box for box in floats if min(right, box[2]) > max(left, box[0])]
    return any(max(top - box[3], box[1] - bottom) < near for box in beside)


def _apart(row: Sequence[Piece], following: Sequence[Piece], sheet: Sheet) -> bool:
    size = max(piece.size for piece in row)
    if any(_between(rule, row, following) for rule in sheet.rules):
        return True
    return _gap(row, following) > sheet.leading + (0.15 if _numbered(row) and len(row) > 1 else 0.35) * size


def _gap(row: Sequence[Piece], following: Sequence[Piece]) -> float:
    return max(
        min(p.at[1] for p in following) - max(p.at[3] for p in row),
        min(p.at[1] for p in row) - max(p.at[3] for p in following),
    )


def _between(rule: Box, row: Sequence[Piece], following: Sequence[Piece]) -> bool:
    """A rule as wide as half the text that parts the row from its neighbour."""
    ours, theirs = sorted((row[0].middle, following[0].middle))
    both = [*row, *following]
    width = max(p.at[2] for p in both) - min(p.at[0] for p in both)
    return ours < (rule[1] + rule[3]) / 2 < theirs and rule[2] - rule[0] > 0.5 * width
