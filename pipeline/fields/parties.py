"""Who issued a paper and who receives it: names and addresses, by label or by shape and place."""

from collections.abc import Iterator, Sequence

from pipeline.fields.addresses import address_after, first_address, is_address
from pipeline.fields.evidence import of_segments, of_stretch, of_zone
from pipeline.fields.issuers import issuers
from pipeline.fields.labels import Hit
from pipeline.fields.layout import Segment, Sheet
from pipeline.fields.nearby import Zone, below, ends_with_colon, label_text, right_of
from pipeline.fields.shapes import FieldCandidate, Leaf, Outcome, Reading

CONCEPTS = frozenset({"issuer", "issuer_address", "recipient", "recipient_address", "ship_to"})
_OTHERS = frozenset({"recipient", "recipient_address", "ship_to"})
_LATER_PAGE = 0.9
_NAMES, _ADDRESSES = 4, 2
_BLOCK_LINES = 6


def candidates(
    sheet: Sheet, hits: dict[int, list[Hit]], leaves: Sequence[Leaf], list_at: int
) -> Iterator[FieldCandidate]:
    """Names and addresses of issuer and recipient for the leaves that ask for them."""
    wanted = {leaf.concept: leaf for leaf in leaves if leaf.concept in CONCEPTS}
    if not wanted:
        return
    if "issuer" in wanted or "issuer_address" in wanted:
        yield from _by_shape(sheet, hits, wanted, list_at)
    for party in ("issuer", "recipient", "ship_to"):
        if party in wanted or f"{party}_address" in wanted:
            yield from _by_label(sheet, hits, party, wanted)


def _by_shape(
    sheet: Sheet, hits: dict[int, list[Hit]], wanted: dict[str, Leaf], list_at: int
) -> Iterator[FieldCandidate]:
    names = issuers(sheet, hits, _taken(sheet, hits), list_at)
    later = _LATER_PAGE if sheet.number > 1 else 1.0
    leaf, address = wanted.get("issuer"), wanted.get("issuer_address")
    if leaf is not None:
        for name in names[:_NAMES]:
            evidence = of_stretch(sheet, name.segment, name.start, name.end)
            reading = Reading(name.text)
            yield FieldCandidate(
                leaf.name, Outcome.VALUE, later * name.score, (reading,), name.text, (evidence,), sheet.number
            )
    if address is None:
        return
    for name in names[:_ADDRESSES]:
        lines = address_after(sheet, name.segment)
        if lines:
            yield _lines(sheet, address, lines, later * name.score * 0.9)
    lines = first_address(sheet)
    if lines and not any(id(line) in _taken(sheet, hits) for line in lines):
        yield _lines(sheet, address, lines, later * 0.35)


def _taken(sheet: Sheet, hits: dict[int, list[Hit]]) -> set[int]:
    """Ids of segments that belong to a recipient's block."""
    return {
        id(segment)
        for row_hits in hits.values()
        for hit in row_hits
        if any(target.concept in _OTHERS for target in hit.targets)
        for segment in _block(sheet, hits, hit)
    }


def _by_label(
    sheet: Sheet, hits: dict[int, list[Hit]], party: str, wanted: dict[str, Leaf]
) -> Iterator[FieldCandidate]:
    """Whoever stands beside or below `Bill to`, `Seller`, `Lieferadresse`."""
    leaf, address = wanted.get(party), wanted.get(f"{party}_address")
    for row_hits in hits.values():
        for hit in row_hits:
            named = _weight(hit, party)
            located = max(_weight(hit, f"{party}_address"), 0.9 * named)
            if hit.first > 0 or located == 0.0:
                continue
            zones = [*right_of(hit, sheet.rows[hit.segment.row], row_hits), *below(hit, sheet, hits)]
            if leaf is not None and zones and named:
                yield from _named(sheet, hit, zones[0], leaf, named * zones[0].near)
            block = [s for s in _block(sheet, hits, hit) if is_address(s.text)]
            if address is not None and block and block[0] is not hit.segment:
                yield _lines(sheet, address, block, located)


def _weight(hit: Hit, concept: str) -> float:
    return max((target.weight for target in hit.targets if target.concept == concept), default=0.0)


def _named(sheet: Sheet, hit: Hit, zone: Zone, leaf: Leaf, score: float) -> Iterator[FieldCandidate]:
    text = zone.text.strip(" :;,#-.")
    letters = sum(char.isalpha() for char in text)
    if letters < 2 or letters * 2 < len(text.replace(" ", "")) or is_address(text):
        return
    start = zone.start + zone.text.index(text)
    evidence = of_zone(sheet, zone, start, start + len(text), label_text(hit), exact=hit.exact)
    yield FieldCandidate(leaf.name, Outcome.VALUE, score, (Reading(text),), text, (evidence,), sheet.number)


def _lines(sheet: Sheet, leaf: Leaf, lines: list[Segment], score: float) -> FieldCandidate:
    raw = ", ".join(segment.text.strip(" ,;") for segment in lines)
    evidence = of_segments(sheet, lines)
    return FieldCandidate(leaf.name, Outcome.VALUE, score, (Reading(raw),), raw, (evidence,), sheet.number)


def _block(sheet: Sheet, hits: dict[int, list[Hit]], hit: Hit) -> list[Segment]:
    """A name-and-address block: the rest of the label's line, then the lines below, left-aligned."""
    found: list[Segment] = []
    first = next(right_of(hit, sheet.rows[hit.segment.row], hits[hit.segment.row]), None)
    if first is not None and (first.same_segment or first.near > 0.9):
        found.append(first.segment)
    beside = bool(found) and found[0] is not hit.segment
    left = found[0].box[0] if beside else hit.segment.tokens[hit.first].box[0]
    bottom = hit.segment.box[3]
    for row in sheet.rows[hit.segment.row + 1 :]:
        segment = next((s for s in row.segments if abs(s.box[0] - left) < 1.5 * sheet.line_height), None)
        if segment is None:
            if row.box[1] - bottom > 1.2 * sheet.line_height:
                break
            continue
        labelled = any(
            h.segment is segment and h.first == 0 and ends_with_colon(h) for h in hits.get(row.index, ())
        )
        if labelled or segment.box[1] - bottom > 1.4 * sheet.line_height or len(found) >= _BLOCK_LINES:
            break
        found.append(segment)
        bottom = segment.box[3]
    return found
