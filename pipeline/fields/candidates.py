"""All that one page prints which may be a value the schema asks for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pipeline.fields import amounts, items, parties
from pipeline.fields.clues import clues_of
from pipeline.fields.dates import dates_in
from pipeline.fields.evidence import of_stretch, of_zone
from pipeline.fields.labels import Hit, Target, all_hits, index_of
from pipeline.fields.layout import Sheet, sheet_of
from pipeline.fields.leaves import leaves
from pipeline.fields.nearby import Zone, below, ends_with_colon, label_text, right_of
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf, Outcome
from pipeline.fields.values import Parsed, parse
from schemas.field import FieldType
from schemas.page import PageContent

_FORM_LABEL = 0.8  # labels this clear make an empty place `blank` and a strange value `invalid`
_UNLABELLED = 0.4
_SIGNS_A_PAGE = 12
_SENTENCE = 5  # words before a label in its segment: it stands in running text


def candidates(schema: Mapping[str, Any], content: PageContent) -> list[FieldCandidate]:
    """Candidates of one page for every leaf, and the page's clues; `resolve` chooses among all pages'."""
    found = _leaves(json.dumps(schema, sort_keys=False, default=str))
    sheet = sheet_of(content)
    if not sheet.rows:
        return []
    scalars = tuple(leaf for leaf in found if not leaf.in_array or leaf.scalars)
    hits = all_hits(index_of(scalars, items=False), sheet.rows)
    by_name = {leaf.name: leaf for leaf in scalars}
    header_rows = items.header_rows(sheet)
    result = [FieldCandidate("", Outcome.CLUES, page=sheet.number, clues=clues_of(sheet))]
    for row_hits in hits.values():
        for hit in row_hits:
            weaker = 0.45 if hit.segment.row in header_rows else 1.0
            for target in hit.targets:
                result += _announced(sheet, hits, hit, target, by_name, weaker)
    result += _unlabelled(sheet, hits, scalars)
    result += parties.candidates(sheet, hits, scalars, min(header_rows, default=len(sheet.rows)))
    result += items.candidates(sheet, content, found)
    return result


@lru_cache(maxsize=8)
def _leaves(text: str) -> tuple[Leaf, ...]:
    return leaves(json.loads(text))


def _announced(
    sheet: Sheet,
    hits: dict[int, list[Hit]],
    hit: Hit,
    target: Target,
    by_name: Mapping[str, Leaf],
    weaker: float,
) -> Iterator[FieldCandidate]:
    """Candidates right of and below one label for one of the leaves it announces."""
    row, row_hits = sheet.rows[hit.segment.row], hits[hit.segment.row]
    right = list(right_of(hit, row, row_hits))
    leaf = by_name.get(target.leaf) if target.leaf else None
    if target.concept in amounts.ROLES and (leaf is None or leaf.type is FieldType.MONEY):
        under = [] if leaf is None else list(below(hit, sheet, hits))
        yield from amounts.candidates(sheet, hit, target, leaf, right, under, weaker * _standing(hit))
        return
    if leaf is None or (leaf.kind in (Kind.ORGANISATION, Kind.ADDRESS) and leaf.concept in parties.CONCEPTS):
        return
    weight = target.weight * weaker * _standing(hit) * (1.0 if hit.exact else 0.9)
    found = list(_values(sheet, hit, leaf, right, weight))
    if not any(c.score >= 0.8 * weight for c in found):
        found += _values(sheet, hit, leaf, below(hit, sheet, hits), weight)
    yield from found
    if not found and target.weight >= _FORM_LABEL and hit.exact:
        yield from _nothing(sheet, hit, leaf, right, weight)


def _standing(hit: Hit) -> float:
    """1 for a label that opens its segment, less in the middle of words."""
    if hit.first == 0:
        return 1.0
    before = hit.segment.text[: hit.start].rstrip()
    if before[-1:] in ":;,|/(•*-" or ends_with_colon(hit):
        return 0.95
    return 0.75 if hit.first < _SENTENCE else 0.5


def _values(
    sheet: Sheet, hit: Hit, leaf: Leaf, zones: Sequence[Zone] | Iterator[Zone], weight: float
) -> Iterator[FieldCandidate]:
    for order, zone in enumerate(zones):
        parsed = parse(leaf, zone.text)
        if leaf.scalars and parsed and leaf.type is FieldType.TEXT:
            parsed = list(_list_of(parsed[0], zone.text))
        for at, value in enumerate(parsed[: 20 if leaf.scalars else 3]):
            score = weight * zone.near * value.quality * (1.0 if leaf.scalars else 0.9**at * 0.9**order)
            yield _candidate(sheet, hit, leaf, zone, value, score)
        if parsed and leaf.type is FieldType.TEXT and leaf.kind is Kind.PLAIN:
            return


def _list_of(whole: Parsed, text: str) -> Iterator[Parsed]:
    from pipeline.fields.shapes import Reading

    at = whole.start
    for part in text[whole.start : whole.end].replace(";", ",").split(","):
        stripped = part.strip()
        if stripped:
            start = at + part.index(stripped)
            yield Parsed(start, start + len(stripped), (Reading(stripped),), whole.quality)
        at += len(part) + 1


def _candidate(sheet: Sheet, hit: Hit, leaf: Leaf, zone: Zone, value: Parsed, score: float) -> FieldCandidate:
    start, end = zone.start + value.start, zone.start + value.end
    label = label_text(hit)
    return FieldCandidate(
        path=leaf.name,
        outcome=Outcome.VALUE,
        score=score,
        readings=value.readings,
        raw=zone.segment.text[start:end],
        evidence=(of_zone(sheet, zone, start, end, label, exact=hit.exact),),
        page=sheet.number,
    )


def _nothing(
    sheet: Sheet, hit: Hit, leaf: Leaf, right: Sequence[Zone], weight: float
) -> Iterator[FieldCandidate]:
    """The label stands there: with nothing beside it, or with something that is not of the type."""
    strange = next((zone for zone in right if zone.same_segment or zone.near > 0.85), None)
    label = of_stretch(sheet, hit.segment, hit.start, hit.end, exact=hit.exact)
    if strange is None:
        if ends_with_colon(hit) or (hit.first == 0 and hit.last == len(hit.segment.tokens)):
            yield FieldCandidate(leaf.name, Outcome.BLANK, weight * 0.5, evidence=(label,), page=sheet.number)
        return
    if not ends_with_colon(hit):
        return
    raw = strange.text.strip(" :")
    start = strange.start + strange.text.index(raw)
    evidence = of_zone(
        sheet, strange, start, start + len(raw), hit.segment.text[hit.start : hit.end], exact=hit.exact
    )
    yield FieldCandidate(
        leaf.name, Outcome.INVALID, weight * 0.4, raw=raw, evidence=(evidence,), page=sheet.number
    )


_SELF_EVIDENT = (Kind.EMAIL, Kind.IBAN, Kind.URL)


def _unlabelled(
    sheet: Sheet, hits: dict[int, list[Hit]], scalars: Sequence[Leaf]
) -> Iterator[FieldCandidate]:
    """Values recognisable without a label: a paper's only date, addresses of mail and web, IBANs."""
    for leaf in scalars:
        if leaf.scalars:
            continue
        if leaf.concept == "date" and leaf.type is FieldType.DATE:
            yield from _dates(sheet, hits, leaf)
        elif leaf.kind is Kind.CURRENCY and leaf.type is FieldType.TEXT:
            yield from _currencies(sheet, leaf)
        elif leaf.kind in _SELF_EVIDENT and leaf.concept is not None:
            for segment in sheet.segments:
                for value in parse(leaf, segment.text)[:2]:
                    evidence = of_stretch(sheet, segment, value.start, value.end)
                    raw = segment.text[value.start : value.end]
                    yield FieldCandidate(
                        leaf.name, Outcome.VALUE, _UNLABELLED, value.readings, raw, (evidence,), sheet.number
                    )


def _currencies(sheet: Sheet, leaf: Leaf) -> Iterator[FieldCandidate]:
    """Signs beside amounts; the first few of a page say enough."""
    found = 0
    for segment in sheet.segments:
        for value in parse(leaf, segment.text):
            evidence = of_stretch(sheet, segment, value.start, value.end)
            raw = segment.text[value.start : value.end]
            yield FieldCandidate(
                leaf.name, Outcome.VALUE, _UNLABELLED, value.readings, raw, (evidence,), sheet.number
            )
            found += 1
            if found >= _SIGNS_A_PAGE:
                return


def _dates(sheet: Sheet, hits: dict[int, list[Hit]], leaf: Leaf) -> Iterator[FieldCandidate]:
    for segment in sheet.segments:
        beside = hits.get(segment.row, ())
        concepts = {target.concept for hit in beside for target in hit.targets if target.weight >= 0.5}
        if concepts & {"due_date", "delivery_date", "order_date", "period_start", "period_end"}:
            continue
        for day in dates_in(segment.text):
            timed = ":" in segment.text[day.end : day.end + 12]
            ahead = 0.05 * (1 - segment.box[1] / max(sheet.height, 1))
            score = _UNLABELLED + ahead + (0.1 if timed else 0) + (0.15 if "number" in concepts else 0)
            alone = len(segment.text) - (day.end - day.start) < 25
            evidence = of_stretch(sheet, segment, day.start, day.end)
            raw = segment.text[day.start : day.end]
            yield FieldCandidate(
                leaf.name,
                Outcome.VALUE,
                score if alone else score * 0.7,
                day.readings,
                raw,
                (evidence,),
                sheet.number,
            )
