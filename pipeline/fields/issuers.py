"""The name of whoever issued a paper: judged by legal form, place, size and what stands around it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.fields.addresses import (
    has_date,
    is_address,
    is_contact,
    is_title,
    names_place,
    parts,
)
from pipeline.fields.currencies import amounts_in
from pipeline.fields.evidence import Place
from pipeline.fields.folding import fold, key
from pipeline.fields.labels import SAYS_SO, Marked
from pipeline.fields.layout import Segment, Sheet
from pipeline.fields.vocabulary import by_key
from pipeline.fields.wordlists import folded, keys, pieces, whole_words

_TOP_LINES = 14
_DOMAIN = re.compile(r"(?:@|www\.|//)([\w\-]{3,40})\.[a-z]{2,6}")
_SHORTEST_DOMAIN = 4
_MOST_DOMAINS = 50  # each is held against each line: bounds the work on a page of addresses
_MOST_WORDS, _HEADING_WORDS = 8, 4
_LARGE = 0.2  # of the usual line height more
_LOWEST = 0.35
_DOUBTFUL = 0.85  # mean confidence of the words: scribbles and stamps lie below
_FEW_WORDS = 2  # before a legal form: the name may begin above
_ALIKE = 0.3  # of the height
_LOWER = re.compile(r"\.?\s+[^\W\d_A-Z]{2,}\s")
_EDGES = " *:-–|"


@dataclass(frozen=True, slots=True)
class Name:
    segment: Segment
    start: int
    end: int
    score: float
    begun: Segment | None = None
    """The line above, where the name begins: ``LION TEA & COFFEE`` over ``TRADING SDN BHD``."""

    @property
    def text(self) -> str:
        rest = self.segment.text[self.start : self.end]
        return f"{self.begun.text} {rest}" if self.begun is not None else rest

    @property
    def places(self) -> list[Place]:
        above = [Place(self.begun, 0, len(self.begun.text))] if self.begun is not None else []
        return [*above, Place(self.segment, self.start, self.end)]


def has_legal_form(text: str) -> bool:
    """`Sdn Bhd`, `GmbH`, `株式会社`: the text names a company."""
    return bool(whole_words("legal_forms").search(text) or pieces("legal_forms_eastern").search(text))


def has_trade(text: str) -> bool:
    """`Restaurant`, `Enterprise`: a word for what is done there."""
    return bool(set(fold(text).split()) & folded("trades"))


def issuers(page: Marked, recipients: Collection[int], list_at: int) -> list[Name]:
    """Possible names of the issuer, best first.

    ``recipients`` are ids of segments that name somebody else; ``list_at`` is the row where line items begin.
    """
    sheet = page.sheet
    domains, bill = _domains(sheet), _sums_up(page)
    found: list[Name] = []
    for segment in sheet.segments:
        if id(segment) in recipients:
            continue
        start, end = _name_part(segment.text)
        text = segment.text[start:end]
        if _impossible(text, segment, page) or (segment.row >= list_at and not has_legal_form(text)):
            continue
        heads = bill and segment.row == 0 and len(text.split()) <= _HEADING_WORDS
        score = _score(text, segment, sheet, domains, heads=heads)
        if score is not None:
            # Whatever heads a paper most often names who wrote it.
            first = 0.12 if score > 0.3 and not found and segment.row < _TOP_LINES else 0.0
            begun = _begun(segment, text, page) if start == 0 else None
            found.append(Name(segment, start, end, score + first, begun))
    return sorted((n for n in found if n.score >= _LOWEST), key=lambda name: -name.score)


def _begun(segment: Segment, text: str, page: Marked) -> Segment | None:
    """The line right above, set alike, when this one is little more than the legal form that ends a name."""
    above = page.sheet.rows[segment.row - 1].segments if segment.row else []
    if len(above) != 1 or not has_legal_form(text) or len(_before_legal_form(text).split()) > _FEW_WORDS:
        return None
    (line,) = above
    alike = abs(line.height - segment.height) < _ALIKE * segment.height
    close = segment.box[1] - line.box[3] < _ALIKE * 2 * segment.height
    shared = min(line.box[2], segment.box[2]) - max(line.box[0], segment.box[0])
    under = shared > 0.6 * min(line.box[2] - line.box[0], segment.box[2] - segment.box[0])
    whole = _name_part(line.text) == (0, len(line.text))
    named = whole and not has_legal_form(line.text) and not _impossible(line.text, line, page)
    same_case = line.text.isupper() == text.isupper()
    return line if alike and close and under and named and same_case else None


def _before_legal_form(text: str) -> str:
    found = whole_words("legal_forms").search(text)
    return text[: found.start()] if found else text


def _name_part(text: str) -> tuple[int, int]:
    """Where the name stands: before the address in a sender line, before a title in a heading."""
    first, *rest = parts(text)
    end = first[1] if any(is_address(text[a:b]) for a, b in rest) else len(text)
    words = text[:end].split(" ")
    for last in range(len(words) - 1, 0, -1):
        if is_title(" ".join(words[last:])):
            end = len(" ".join(words[:last]))
    if (legal := _last_legal_form(text[:end])) and _LOWER.match(text[legal:end]):
        end = legal  # `Bluewater B.V. on behalf of …`
    start = len(text[:end]) - len(text[:end].lstrip(_EDGES))
    return start, max(start, len(text[:end].rstrip(_EDGES)))


def _last_legal_form(text: str) -> int:
    """Where the last legal form in the text ends; 0 without one."""
    return max((found.end() for found in whole_words("legal_forms").finditer(text)), default=0)


def _domains(sheet: Sheet) -> list[str]:
    """Second-level names of web and mail addresses, the first of them: ``qualityhosting`` says who writes."""
    texts = (segment.text.lower() for segment in sheet.segments)
    found = (key(match.group(1)) for text in texts for match in _DOMAIN.finditer(text))
    hosts = keys("mail_hosts")
    named = dict.fromkeys(name for name in found if len(name) >= _SHORTEST_DOMAIN and name not in hosts)
    return list(named)[:_MOST_DOMAINS]


def _impossible(text: str, segment: Segment, page: Marked) -> bool:
    letters = sum(char.isalpha() for char in text)
    if letters < 3 or letters * 2 < len(text.replace(" ", "")) or len(text) > 80 or is_title(text):
        return True
    if has_date(text) or text.endswith((":", "?", "!", ",")) or _priced(text):
        return True
    if has_legal_form(text):
        return False
    labels = [h for h in page.hits.get(segment.row, ()) if h.segment is segment and h.first == 0]
    if not re.search(r"[^\W\d_]{3}", text) or _is_label(text):
        return True
    other = any(t.weight >= SAYS_SO and t.concept not in ("issuer", None) for h in labels for t in h.targets)
    located = is_address(text) and (names_place(text) or not has_trade(text))  # `Point Enterprise 666`
    return other or located or is_contact(text)


def _priced(text: str) -> bool:
    """Whether an amount with decimals stands there, after a point or a comma."""
    return any("." in one.raw or "." in (one.readings[0].decimal or "") for one in amounts_in(text))


def _is_label(text: str) -> bool:
    return key(text) in by_key(items=True) or key(text) in by_key(items=False)


def _confidence(segment: Segment) -> float:
    known = [token.confidence for token in segment.tokens if token.confidence is not None]
    return sum(known) / len(known) if known else 1.0


def _sums_up(page: Marked) -> bool:
    """Whether the page prints a total, as letters do not."""
    return any(target.concept == "total" for hit in page.all_hits() for target in hit.targets)


def _score(text: str, segment: Segment, sheet: Sheet, domains: Sequence[str], *, heads: bool) -> float | None:
    """How much a line looks like the issuer's name; None far from the top without a legal form.

    ``heads``: it is the first line of a bill.
    """
    legal = has_legal_form(text)
    top = segment.row < _TOP_LINES and segment.box[1] < 0.5 * sheet.height
    if not top and not legal:
        return None
    words = fold(text).split()
    trade = has_trade(text)
    addressed = _near_address(sheet, segment, after=True)
    name = key(text)
    own_domain = any(domain in name or name in domain for domain in domains)
    large = segment.height / sheet.line_height - 1.0
    if not (legal or trade or addressed or own_domain or heads or large > _LARGE):
        return None  # the first words of a letter name nobody
    score = 0.3 + (0.3 if legal else 0.12 if trade else 0.0)
    score += 0.2 * (1 - segment.row / _TOP_LINES) + 0.12 * max(-1.0, min(1.0, large)) if top else -0.1
    score += (0.15 if addressed else 0.0) + (0.25 if own_domain else 0.0)
    if text == text.lower():
        score -= 0.5
    if _confidence(segment) < _DOUBTFUL:
        score -= 0.25
    if not legal and _near_address(sheet, segment, after=False):
        score -= 0.3  # the town below the street
    return score - (0.3 if len(words) > _MOST_WORDS else 0.0)


def _near_address(sheet: Sheet, segment: Segment, *, after: bool) -> bool:
    """Whether address or contact lines follow within three lines, or an address ends right above."""
    rows = (
        sheet.rows[segment.row + 1 : segment.row + 4]
        if after
        else sheet.rows[max(0, segment.row - 1) : segment.row]
    )
    near = [
        s
        for row in rows
        for s in row.segments
        if min(s.box[2], segment.box[2]) > max(s.box[0], segment.box[0])
        and abs(s.box[1] - segment.box[3]) < 4 * sheet.line_height
    ]
    return any(is_address(s.text) or (after and is_contact(s.text)) for s in near)
