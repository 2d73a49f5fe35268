"""What a page shows that tells whether it begins a document, and of which class; small, whatever the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.fields.folding import fold
from pipeline.splitting.numbering import Place, place_of
from pipeline.splitting.titles import Title, title_of
from pipeline.splitting.words import number_labels, phrases, terms
from schemas.page import Block, BlockKind, PageContent, PageResult
from schemas.split import DocumentClass

_TOP = 0.42  # of the page: where titles stand
_HEAD = 0.2
_FOOT = 0.86
_HEAD_LINES = 18
_EDGE_LINES = 8
_MOST_CHARACTERS = 12_000  # of a page's text that are looked at for terms
_MOST_LINES = 60  # that are looked at for numbers
_LONGEST_LABEL = 4
_LONGEST_NUMBER = 5
_LONGEST_MACHINE_LINE = 200  # passports have 44 characters; a search takes the square of the length
_MACHINE_LINE = re.compile(r"[A-Z0-9<]{12,}<<[A-Z0-9<]*")
_LETTERS = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Traits:
    """Of one page. ``numbers``: those of the document itself, by kind; ``terms``: how many of a class."""

    number: int
    size: tuple[float, float]
    words: int = 0
    language: str | None = None
    place: Place | None = None
    title: Title | None = None
    numbers: dict[str, str] = field(default_factory=dict)
    head: frozenset[str] = frozenset()
    foot: frozenset[str] = frozenset()
    codes: tuple[str, ...] = ()
    opens: bool = False
    closes: bool = False
    machine_lines: bool = False
    terms: dict[DocumentClass, int] = field(default_factory=dict)


def traits_of(content: PageContent) -> Traits:
    """Of a page that was read."""
    page = content.page
    lines = [line for line in page.text.splitlines() if line.strip()]
    edge = [*lines[:_EDGE_LINES], *lines[-_EDGE_LINES:], *_margin_lines(page)]
    folded = f" {fold(page.text[:_MOST_CHARACTERS])} "
    return Traits(
        number=page.number,
        size=(page.width, page.height),
        words=len(folded.split()),
        language=page.language,
        place=place_of(edge),
        title=title_of(_head_lines(page)),
        numbers=numbers_of(lines[:_MOST_LINES]),
        head=_tokens(page, 0.0, _HEAD),
        foot=_tokens(page, _FOOT, 1.0),
        codes=tuple(block.text for block in page.blocks if block.kind is BlockKind.BARCODE),
        opens=any(_begins(line, "greetings") for line in lines[:_MOST_LINES]),
        closes=any(_begins(line, "closings") for line in lines[-_MOST_LINES:]),
        machine_lines=any(map(_is_machine_line, lines[-_EDGE_LINES:])),
        terms=_terms(folded),
    )


def _is_machine_line(line: str) -> bool:
    joined = "".join(line[:_LONGEST_MACHINE_LINE].split())
    return bool(_MACHINE_LINE.search(joined))


def _margin_lines(page: PageResult) -> list[str]:
    kinds = (BlockKind.HEADER, BlockKind.FOOTER, BlockKind.PAGE_NUMBER)
    return [line for block in page.blocks if block.kind in kinds for line in block.text.splitlines()]


def _head_lines(page: PageResult) -> list[tuple[str, bool]]:
    """From the top, each with whether it is a heading; where nothing has a place, in reading order."""
    upper = [block for block in page.blocks if block.text and _within(block, page, 0.0, _TOP)]
    upper.sort(key=lambda block: block.bbox[1] if block.bbox else 0.0)
    found = [
        (line, block.kind is BlockKind.HEADING)
        for block in upper
        if block.kind is not BlockKind.BARCODE
        for line in block.text.splitlines()
    ]
    return found[:_HEAD_LINES]


def _within(block: Block, page: PageResult, start: float, end: float) -> bool:
    """Whether its upper edge lies between two shares of the page's height."""
    if block.bbox is None:
        return start == 0.0
    return start * page.height <= block.bbox[1] <= end * page.height


def _tokens(page: PageResult, start: float, end: float) -> frozenset[str]:
    """Words of a band of the page: letterheads and footers repeat themselves."""
    texts = [
        block.text for block in page.blocks if block.bbox is not None and _within(block, page, start, end)
    ]
    return frozenset(_LETTERS.findall(fold(" ".join(texts))[:2000]))


def numbers_of(lines: Sequence[str]) -> dict[str, str]:
    """The first number after a label of each kind, on its line or on the one below."""
    labels, found = number_labels(), {}
    split = [fold(line).split() for line in lines]
    for row, words in enumerate(split):
        below = split[row + 1] if row + 1 < len(split) else []
        for at in range(len(words)):
            for count in range(min(_LONGEST_LABEL, len(words) - at), 0, -1):
                kind = labels.get(" ".join(words[at : at + count]))
                if kind is None:
                    continue
                value = _number(words[at + count :] or (below if at == 0 else []))
                if value and kind not in found:
                    found[kind] = value
                break
    return found


def _number(words: Sequence[str]) -> str:
    """`RE 2024 00815 Datum …`: the parts of a number up to the next word."""
    parts: list[str] = []
    for word in words[:_LONGEST_NUMBER]:
        digits = any(char.isdigit() for char in word)
        if not digits and len(word) > (1 if parts else 4):
            break
        if not digits and word in ("nr", "no", "n", "num"):
            continue
        parts.append(word)
    text = "".join(parts)
    return text if any(char.isdigit() for char in text) and len(text) >= 3 else ""


def _begins(line: str, name: str) -> bool:
    text = fold(line[:80]) + " "
    return any(text.startswith(phrase + " ") for phrase in phrases(name))


def _terms(folded: str) -> dict[DocumentClass, int]:
    counts = {kind: sum(_holds(folded, phrase) for phrase in found) for kind, found in terms().items()}
    return {kind: count for kind, count in counts.items() if count}


def _holds(folded: str, phrase: str) -> bool:
    return f" {phrase} " in folded if phrase.isascii() else phrase in folded
