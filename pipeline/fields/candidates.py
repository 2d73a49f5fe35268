"""All that one page prints which may be a value the schema asks for."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pipeline.fields import amounts, items, parties, unlabelled
from pipeline.fields.clues import clues_of
from pipeline.fields.evidence import Place, at, value_at
from pipeline.fields.found import found_candidates
from pipeline.fields.labels import Hit, Marked, Target, ends_with_colon, index_of, marked
from pipeline.fields.layout import sheet_of
from pipeline.fields.leaves import leaves
from pipeline.fields.nearby import Zone, below, label_text, place_of, right_of
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf, Outcome, Reading
from pipeline.fields.values import Parsed, parse
from schemas.field import FieldType
from schemas.page import PageContent

_FORM_LABEL = 0.8  # labels this clear make an empty place `blank` and a strange value `invalid`
_IN_HEADER = 0.45  # labels in the header of a list name its columns first
_SLIP = 0.9
_IN_SENTENCE = 0.2
_SENTENCE = 5  # words before a label in its segment: it stands in running text
_VALUES_A_ZONE, _VALUES_A_LIST = 3, 20


@dataclass(frozen=True, slots=True)
class _Label:
    """One label found, one leaf it announces, and how much it says. ``alone``: of a value with nothing beside
    it: `Customer: 4711` has a number, `Customer: Studio 54 Ltd` a name."""

    hit: Hit
    leaf: Leaf
    weight: float
    alone: bool = False


def candidates(schema: Mapping[str, Any], content: PageContent) -> list[FieldCandidate]:
    """Candidates of one page for every leaf, and the page's clues; `resolve` chooses among all pages'."""
    found = _leaves(json.dumps(schema, default=str))
    if content.findings is not None:
        return found_candidates(found, content)
    sheet = sheet_of(content)
    if not sheet.rows:
        return []
    scalars = tuple(leaf for leaf in found if not leaf.in_array or leaf.scalars)
    page = marked(index_of(scalars, items=False), sheet)
    headers = items.header_rows(sheet)
    lists = items.lists(sheet, found)
    listed = headers | items.counted_rows(lists)
    result = [FieldCandidate("", Outcome.CLUES, page=sheet.number, clues=clues_of(sheet))]
    by_name = {leaf.name: leaf for leaf in scalars}
    for hit in page.all_hits():
        weaker = _IN_HEADER if hit.segment.row in listed else 1.0
        for target in hit.targets:
            result += _announced(page, hit, target, by_name, weaker)
    result += unlabelled.candidates(page, scalars)
    result += parties.candidates(page, scalars, min(headers, default=len(sheet.rows)))
    result += items.candidates(sheet, content, lists)
    return result


@lru_cache(maxsize=8)
def _leaves(text: str) -> tuple[Leaf, ...]:
    return leaves(json.loads(text))


def _announced(
    page: Marked, hit: Hit, target: Target, by_name: Mapping[str, Leaf], weaker: float
) -> Iterator[FieldCandidate]:
    """Candidates right of and below one label for one of the leaves it announces."""
    leaf = by_name.get(target.leaf) if target.leaf else None
    choices = leaf is not None and leaf.type in (FieldType.ENUM, FieldType.BOOLEAN)
    right = list(right_of(hit, page, choices=choices))
    weight = target.weight * weaker * _standing(hit)
    if target.concept in amounts.ROLES and (leaf is None or leaf.type is FieldType.MONEY):
        # Below the header of a list stand the amounts of its items.
        under = [] if leaf is None or weaker < 1.0 else list(below(hit, page))
        yield from amounts.candidates(page.sheet, amounts.Announced(hit, target, leaf, right, under, weight))
    elif leaf is not None and leaf.concept not in parties.CONCEPTS:
        label = _Label(hit, leaf, weight * (1.0 if hit.exact else _SLIP), target.colon)
        found = list(_values(page, label, right))
        if not any(c.score >= 0.8 * label.weight for c in found):
            found += _values(page, label, below(hit, page))
        yield from found
        if not found and target.weight >= _FORM_LABEL and hit.exact:
            yield from _nothing(page, label, right)


def _standing(hit: Hit) -> float:
    """1 for a label that opens its segment, less in the middle of words."""
    if hit.first == 0:
        return 1.0
    before = hit.segment.text[: hit.start].rstrip()
    if before[-1:] in ":;,|/(•*-" or ends_with_colon(hit):
        return 0.95
    return 0.75 if hit.first < _SENTENCE else 0.5


def _values(page: Marked, label: _Label, zones: Iterable[Zone]) -> Iterator[FieldCandidate]:
    leaf, hit = label.leaf, label.hit
    for order, zone in enumerate(zones):
        parsed = parse(leaf, zone.text)
        if leaf.scalars and parsed and leaf.type is FieldType.TEXT:
            parsed = list(_list_of(parsed[0], zone.text))
        for place_in_zone, value in enumerate(parsed[: _VALUES_A_LIST if leaf.scalars else _VALUES_A_ZONE]):
            if label.alone and any(map(str.isalnum, zone.text[: value.start] + zone.text[value.end :])):
                continue
            farther = 1.0 if leaf.scalars else 0.9 ** (place_in_zone + order)
            place = place_of(hit, zone, value)
            score = label.weight * zone.near * value.quality * farther
            if _runs_on(label, zone):
                score *= _IN_SENTENCE
            yield value_at(page.sheet, leaf.name, place, value.readings, score)
        if parsed and leaf.type is FieldType.TEXT and leaf.kind is Kind.PLAIN:
            return


def _runs_on(label: _Label, zone: Zone) -> bool:
    """Free text right after a label without a colon, with more words than a form has: a sentence."""
    free = label.leaf.type is FieldType.TEXT and label.leaf.kind is Kind.PLAIN
    words = len(zone.segment.tokens)
    sentence = label.hit.first > 0 or words > _SENTENCE + label.hit.last
    return free and zone.same_segment and not ends_with_colon(label.hit) and sentence


def _list_of(whole: Parsed, text: str) -> Iterator[Parsed]:
    """The parts of ``red, green; blue``."""
    at_char = whole.start
    for part in text[whole.start : whole.end].replace(";", ",").split(","):
        stripped = part.strip()
        if stripped:
            start = at_char + part.index(stripped)
            yield Parsed(start, start + len(stripped), (Reading(stripped),), whole.quality)
        at_char += len(part) + 1


def _nothing(page: Marked, label: _Label, right: Sequence[Zone]) -> Iterator[FieldCandidate]:
    """The label stands there: with nothing beside it, or with something that is not of the type."""
    hit, leaf, number = label.hit, label.leaf, page.sheet.number
    strange = next((zone for zone in right if zone.same_segment or zone.near > 0.85), None)
    if strange is None and (ends_with_colon(hit) or len(hit.segment.tokens) == hit.last - hit.first):
        evidence = at(page.sheet, Place(hit.segment, hit.start, hit.end))
        yield FieldCandidate(leaf.name, Outcome.BLANK, label.weight, evidence=(evidence,), page=number)
    elif strange is not None and ends_with_colon(hit):
        raw = strange.text.strip(" :")
        start = strange.start + strange.text.index(raw)
        place = Place(strange.segment, start, start + len(raw), label=label_text(hit))
        evidence = at(page.sheet, place)
        yield FieldCandidate(
            leaf.name, Outcome.INVALID, label.weight, raw=raw, evidence=(evidence,), page=number
        )
