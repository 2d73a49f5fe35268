"""Postal addresses: the lines, and the parts of lines, that make one up."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.fields.dates import dates_in
from pipeline.fields.evidence import Place
from pipeline.fields.folding import fold, key
from pipeline.fields.layout import Segment, Sheet
from pipeline.fields.vocabulary import by_key
from pipeline.fields.wordlists import keys, pieces, whole_words, words

_POSTCODE = re.compile(
    r"(?<![\w.,/#\-])(?:[A-Z]{1,2}-)?\d{4,6}(?:-\d{3,4})?\s+[^\W\d_]"  # D-63571 Gelnhausen
    r"|(?<!\w)\d{3}\s\d{2}\s[^\W\d_]"  # 111 22 Stockholm
    r"|(?<!\w)\d{4}\s?[A-Z]{2}(?!\w)"  # 1025 RX
    r"|(?<!\w)[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}(?!\w)"  # SW1A 1AA
    r"|〒|[都道府県市区町村]"
)
_HOUSE = re.compile(
    r"^(?:no\.?\s?)?\d{1,5}[\-/a-z]?(?:\s?[-&,]\s?\d{1,5}){0,4}[,.\s]\s{0,2}[^\W\d_]{2,}"
    r"|(?<![^\W\d_])[^\W\d_]{3,40},?\s\d{1,4}\s?[a-z]?(?:\s?-\s?\d{1,4})?(?:$|,)",
    re.IGNORECASE,
)
_SET_OFF = re.compile(r"^(?:no\.?\s?)?\d{1,5}[a-z]?\s?,\s?[^\W\d_]", re.IGNORECASE)  # 109, SS21/1A
_PRICE = re.compile(r"\d[.,]\s?\d{2}\s?[A-Z]?$")  # where prices stand: at the end
_REGISTRATION = re.compile(
    r"^\W{0,3}(?:(?:co|company|reg|roc|gst|no|id|rog)[\w\s.:/]{0,20})?\W{0,3}[A-Z]{0,3}\s?\d{4,12}\s?-?\s?[A-Z0-9]?\W{0,3}$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s[-–|·•*]\s|\s?[·•|]\s?")
_MOST_LINES = 12
_FIRST_GAP, _NEXT_GAP = 3.0, 1.3  # line heights
_HIGH = 0.4  # of the page: letterheads stand above


@dataclass(frozen=True, slots=True)
class Fence:
    """Where an address cannot be: ``others`` and ``labelled`` are ids of segments, of somebody else's block
    and of those that begin with the label of something else; from row ``below`` on stand line items."""

    others: Collection[int]
    labelled: Collection[int]
    below: int


@lru_cache(maxsize=1)
def us_address() -> re.Pattern[str]:
    """`Seattle, WA 98109-5210`: the state, then the code."""
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(words('us_states'))}),?\s+\d{{5}}(?:-\d{{4}})?(?!\d)")


def parts(text: str) -> list[tuple[int, int]]:
    """The stretches of a line between dots, bars and dashes: ``Name · Street 1 · 12345 Town``."""
    found, at = [], 0
    for cut in _SEPARATOR.finditer(text):
        found.append((at, cut.start()))
        at = cut.end()
    return [*found, (at, len(text))]


def is_contact(text: str) -> bool:
    """Telephone, mail, web or tax numbers: what ends an address."""
    return "@" in text or bool(whole_words("contacts").search(text))


def has_date(text: str) -> bool:
    return any(True for _ in dates_in(text))


def has_postcode(text: str) -> bool:
    """A town with its code."""
    return bool(_POSTCODE.search(text) or us_address().search(text))


def is_address(text: str) -> bool:
    """A line that looks like part of a postal address."""
    if ":" in text or is_contact(text) or has_date(text) or _has_price(text):
        return False
    return names_place(text) or bool(_HOUSE.search(text))


def names_place(text: str) -> bool:
    """A street, a town with its code, a number set off by a comma: articles and shops have numbers too."""
    return bool(
        whole_words("streets").search(text)
        or pieces("street_endings", ending=True).search(text)
        or has_postcode(text)
        or _SET_OFF.search(text)
    )


def _has_price(text: str) -> bool:
    return bool(_PRICE.search(text))


def is_title(text: str) -> bool:
    """`Tax invoice`, `Rechnung`: what a paper calls itself."""
    return key(text) in keys("titles")


def address_in(segment: Segment, start: int = 0) -> Place | None:
    """The run of address parts of a line from ``start`` on; the whole line where it has no parts."""
    text = segment.text
    stretches = [(max(a, start), b) for a, b in parts(text) if b > start]
    good = [(a, b) for a, b in stretches if is_address(text[a:b])]
    if not good:
        return None
    return Place(segment, good[0][0], good[-1][1])


def address_of(sheet: Sheet, name: Segment, end: int, fence: Fence) -> list[Place]:
    """The address of a name that ends at ``end``: in the rest of its line, or in the lines below."""
    beside = address_in(name, end) if end < len(name.text) else None
    if beside is not None:
        return [beside]
    return _collected(sheet, name.row + 1, (name.box[0], name.box[2]), name.box[3], fence)


def first_address(sheet: Sheet, fence: Fence) -> list[Place]:
    """The first address of a page, for papers whose letterhead holds no readable name."""
    for row in sheet.rows[: min(_MOST_LINES, fence.below)]:
        for segment in row.segments:
            own = id(segment) not in fence.others
            if own and is_address(segment.text) and segment.box[1] < _HIGH * sheet.height:
                return _collected(sheet, row.index, (segment.box[0], segment.box[2]), segment.box[1], fence)
    return []


def address_lines(segments: Sequence[Segment], fence: Fence) -> list[Place]:
    """The address among the lines of a block: from its first address line to a contact or a title."""
    found: list[Place] = []
    for segment in segments:
        if segment.row >= fence.below or (found and id(segment) in fence.labelled):
            break
        if is_address(segment.text) or (found and _goes_on(segment.text)):
            found.append(Place(segment, 0, len(segment.text)))
        elif found:
            break
    return found


def _collected(
    sheet: Sheet, first: int, extent: tuple[float, float], bottom: float, fence: Fence
) -> list[Place]:
    found: list[Place] = []
    for segment in _below(sheet, first, extent):
        if segment.row >= fence.below or id(segment) in fence.others:
            break
        if found and id(segment) in fence.labelled:
            break
        if segment.box[1] - bottom > (_NEXT_GAP if found else _FIRST_GAP) * sheet.line_height:
            break
        bottom = segment.box[3]
        place = address_in(segment)
        if place is None and found and _goes_on(segment.text):
            place = Place(segment, 0, len(segment.text))
        if place is not None:
            found.append(place)
        elif found or not _may_precede(segment.text):
            break
        if place is not None and place.end < len(segment.text):
            break  # contacts follow in the same line
    return found if any(names_place(place.raw) for place in found) else []


def _below(sheet: Sheet, first: int, extent: tuple[float, float]) -> Iterator[Segment]:
    """In each row the first segment under the extent."""
    for row in sheet.rows[first : first + _MOST_LINES]:
        for segment in row.segments:
            if min(segment.box[2], extent[1]) > max(segment.box[0], extent[0]):
                yield segment
                break


def _may_precede(text: str) -> bool:
    """What may stand between a name and its address: registration numbers, dates, titles, a second name."""
    return bool(
        _REGISTRATION.search(text) or is_contact(text) or has_date(text) or is_title(text) or len(text) < 40
    )


def _heads_columns(text: str) -> bool:
    """`Item Quantity Amount`: nothing but what columns of line items are called."""
    words = text.split()
    return len(words) > 1 and all(key(word) in by_key(items=True) for word in words)


def _goes_on(text: str) -> bool:
    """A town or a state below a street: few words, no digits worth mentioning."""
    if is_contact(text) or has_date(text) or is_title(text) or _REGISTRATION.search(text) or _has_price(text):
        return False
    if _heads_columns(text):
        return False
    named = [word for word in fold(text).split() if len(word) > 1]
    digits = sum(char.isdigit() for char in text)
    return 0 < len(named) <= 5 and digits < 6 and not any(char in text for char in ":=#")
