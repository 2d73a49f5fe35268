"""Who issued a paper and who receives it: names and addresses, by label or by shape and place."""

import re
from collections.abc import Iterator, Sequence

from pipeline.fields.addresses import (
    Fence,
    address_lines,
    address_of,
    first_address,
    has_date,
    has_postcode,
    is_address,
    is_contact,
    is_title,
    names_place,
    parts,
)
from pipeline.fields.evidence import Place, lines_at, value_at
from pipeline.fields.folding import key
from pipeline.fields.issuers import Name, issuers
from pipeline.fields.labels import SAYS_SO, Hit, Marked, ends_with_colon
from pipeline.fields.layout import Segment
from pipeline.fields.nearby import Zone, below, label_text, right_of
from pipeline.fields.shapes import FieldCandidate, Leaf, Reading

CONCEPTS = frozenset({"issuer", "issuer_address", "recipient", "recipient_address", "ship_to"})
_OTHERS = frozenset({"recipient", "recipient_address", "ship_to"})
_ITS_OWN = CONCEPTS - _OTHERS
_LATER_PAGE = 0.9
_NAMES, _ADDRESSES = 4, 2
_BLOCK_LINES = 6
_WINDOW = 0.6
_UNLABELLED = 0.45
_UPPER = 0.4  # of the page
_CLEAR = 0.7  # score of an issuer that is beyond doubt
_WINDOW_BELOW = 0.08  # of the page: how far under the sender's line the window begins


def candidates(page: Marked, leaves: Sequence[Leaf], list_at: int) -> Iterator[FieldCandidate]:
    """Names and addresses for the leaves that ask for them; ``list_at`` is the row where line items begin."""
    wanted = [leaf for leaf in leaves if leaf.concept in CONCEPTS]
    if not wanted:
        return
    fence = Fence(_taken(page), _labelled_otherwise(page), list_at)
    names = issuers(page, fence.others, list_at)
    for leaf in wanted:
        if leaf.concept == "issuer":
            yield from _names(page, leaf, names)
        elif leaf.concept == "issuer_address":
            yield from _addresses(page, leaf, names, fence)
        yield from _by_label(page, leaf, fence)
        if leaf.concept in ("recipient", "recipient_address"):
            yield from _in_window(page, leaf, fence)
            yield from _elsewhere(page, leaf, names[0] if names else None, fence)


def _later(page: Marked) -> float:
    return _LATER_PAGE if page.sheet.number > 1 else 1.0


def _names(page: Marked, leaf: Leaf, names: Sequence[Name]) -> Iterator[FieldCandidate]:
    for name in names[:_NAMES]:
        score = _later(page) * name.score
        if name.begun is not None:
            yield lines_at(page.sheet, leaf.name, name.places, score, glue=" ")
        else:
            (place,) = name.places
            yield value_at(page.sheet, leaf.name, place, (Reading(place.raw),), score)


def _addresses(page: Marked, leaf: Leaf, names: Sequence[Name], fence: Fence) -> Iterator[FieldCandidate]:
    for name in names[:_ADDRESSES]:
        lines = address_of(page.sheet, name.segment, name.end, fence)
        if lines:
            yield lines_at(page.sheet, leaf.name, lines, _later(page) * name.score * 0.9)
    lines = first_address(page.sheet, fence)
    if lines:
        yield lines_at(page.sheet, leaf.name, lines, _later(page) * 0.35)


def _taken(page: Marked) -> set[int]:
    """Ids of segments that belong to a recipient's block."""
    return {
        id(segment)
        for hit in page.all_hits()
        if any(target.concept in _OTHERS for target in hit.targets)
        for segment in _block(page, hit)
    }


def _labelled_otherwise(page: Marked) -> set[int]:
    """Ids of segments that begin with the label of what is not the issuer's; `Order Street 5` does not."""
    return {
        id(hit.segment)
        for hit in page.all_hits()
        if hit.first == 0 and hit.exact and not names_place(hit.segment.text)
        if any(target.weight >= SAYS_SO and target.concept not in _ITS_OWN for target in hit.targets)
    }


def _by_label(page: Marked, leaf: Leaf, fence: Fence) -> Iterator[FieldCandidate]:
    """Whoever stands beside or below `Bill to`, `Seller`, `Lieferadresse`."""
    concept = leaf.concept or ""
    party = concept.removesuffix("_address")
    for hit in page.all_hits():
        named, located = _weight(hit, party), _weight(hit, f"{party}_address")
        if hit.first > 0 or not (named or located):
            continue
        if concept == party:
            zones = [*right_of(hit, page), *below(hit, page)]
            if zones and named:
                yield from _named(page, hit, zones[0], leaf, named * zones[0].near)
            continue
        block = address_lines(_block(page, hit), fence)
        if block and block[0].segment is not hit.segment:
            yield lines_at(page.sheet, leaf.name, block, max(located, 0.9 * named))


def _in_window(page: Marked, leaf: Leaf, fence: Fence) -> Iterator[FieldCandidate]:
    """Whoever stands under a sender's line in small print, where an envelope has its window."""
    for segment in page.sheet.segments:
        stretches = [segment.text[a:b] for a, b in parts(segment.text)]
        if len(stretches) < 2 or not any(map(is_address, stretches)):
            continue
        if segment.box[1] > _UPPER * page.sheet.height:
            continue
        reach = _WINDOW_BELOW * page.sheet.height / page.sheet.line_height
        block = _lines_below(page, segment, segment.box[0], first_gap=reach)
        # Below a sender's name stands whom it writes to; below a bare address only another address.
        if len(block) < 2 or (is_address(stretches[0]) and not address_lines(block[1:], fence)):
            continue
        yield from _addressed(page, leaf, block, _WINDOW, fence)


def _elsewhere(page: Marked, leaf: Leaf, issuer: Name | None, fence: Fence) -> Iterator[FieldCandidate]:
    """Whoever has a name and an address in the upper part of a first page that says clearly who issued it."""
    if page.sheet.number > 1 or issuer is None or issuer.score < _CLEAR:
        return
    for name in page.sheet.segments:
        if (
            name.row >= fence.below
            or name.box[1] > _UPPER * page.sheet.height
            or not _may_be_named(page, name)
        ):
            continue
        block = _lines_below(page, name, name.box[0])
        address = address_lines(block, fence)
        if not address or address[0].segment not in block[:2]:
            continue
        if not any(has_postcode(line.raw) for line in address):
            continue
        if key(issuer.text) in key(name.text) or any(line is issuer.segment for line in (name, *block)):
            continue
        yield from _addressed(page, leaf, [name, *block], _UNLABELLED, fence)


def _may_be_named(page: Marked, segment: Segment) -> bool:
    text = segment.text
    plain = not (is_address(text) or is_title(text) or is_contact(text) or has_date(text) or ":" in text)
    return plain and sum(char.isalpha() for char in text) >= 3 and not _labelled(page, segment)


def _addressed(
    page: Marked, leaf: Leaf, block: Sequence[Segment], score: float, fence: Fence
) -> Iterator[FieldCandidate]:
    """The block's first line as the name, the address among the others."""
    if leaf.concept == "recipient":
        place = Place(block[0], 0, len(block[0].text))
        yield value_at(page.sheet, leaf.name, place, (Reading(place.raw),), score)
    elif address := address_lines(block[1:], fence):
        yield lines_at(page.sheet, leaf.name, address, score)


def _weight(hit: Hit, concept: str) -> float:
    return max((target.weight for target in hit.targets if target.concept == concept), default=0.0)


def _named(page: Marked, hit: Hit, zone: Zone, leaf: Leaf, score: float) -> Iterator[FieldCandidate]:
    # A second label may stand between: `Buyer  Name: …`.
    text = re.split(r"[:：]\s?", zone.text)[-1].strip(" ;,#-").lstrip(".")
    letters = sum(char.isalpha() for char in text)
    if letters < 2 or letters * 2 < len(text.replace(" ", "")) or is_address(text):
        return
    start = zone.start + zone.text.index(text)
    label = "" if zone.below else label_text(hit)
    place = Place(zone.segment, start, start + len(text), label, exact=hit.exact)
    yield value_at(page.sheet, leaf.name, place, (Reading(text),), score)


def _block(page: Marked, hit: Hit) -> list[Segment]:
    """A name-and-address block: the rest of the label's line, then the lines below, left-aligned."""
    found: list[Segment] = []
    first = next(right_of(hit, page), None)
    if first is not None and (first.same_segment or first.near > 0.9):
        found.append(first.segment)
    beside = bool(found) and found[0] is not hit.segment
    left = found[0].box[0] if beside else hit.segment.tokens[hit.first].box[0]
    return found + _lines_below(page, hit.segment, left, _BLOCK_LINES - len(found))


def _lines_below(
    page: Marked, top: Segment, left: float, most: int = _BLOCK_LINES, first_gap: float = 1.4
) -> list[Segment]:
    """Lines that follow closely and begin at ``left``, up to a labelled one."""
    sheet, bottom = page.sheet, top.box[3]
    found: list[Segment] = []
    for row in sheet.rows[top.row + 1 :]:
        segment = next((s for s in row.segments if abs(s.box[0] - left) < 1.5 * sheet.line_height), None)
        gap = ((segment or row).box[1] - bottom) / sheet.line_height
        if gap > (1.4 if found else first_gap) or len(found) >= most:
            break
        if segment is None:
            continue
        if _labelled(page, segment):
            break
        found.append(segment)
        bottom = segment.box[3]
    return found


def _labelled(page: Marked, segment: Segment) -> bool:
    hits = page.hits.get(segment.row, ())
    return any(h.segment is segment and h.first == 0 and ends_with_colon(h) for h in hits)
