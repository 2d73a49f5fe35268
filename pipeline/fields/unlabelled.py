"""Values that need no label: a paper's own date, mail addresses, IBANs, signs of currency."""

from collections.abc import Iterator, Sequence

from pipeline.fields.amounts import ROLES
from pipeline.fields.dates import dates_in
from pipeline.fields.evidence import Place, value_at
from pipeline.fields.labels import Marked
from pipeline.fields.layout import Segment
from pipeline.fields.shapes import FieldCandidate, Kind, Leaf
from pipeline.fields.values import parse
from schemas.field import FieldType

_SCORE, _IN_SUMS = 0.4, 0.1
_SELF_EVIDENT = frozenset({Kind.EMAIL, Kind.IBAN, Kind.URL})
_OTHER_DATES = frozenset({"due_date", "delivery_date", "order_date", "period_start", "period_end"})
_A_PAGE = 12  # the first few of a page say enough
_SHORT = 25  # characters beside a date: more is a sentence that mentions one


def candidates(page: Marked, scalars: Sequence[Leaf]) -> Iterator[FieldCandidate]:
    """Such values for the leaves that mean them."""
    for leaf in scalars:
        if leaf.scalars:
            continue
        if leaf.concept == "date" and leaf.type is FieldType.DATE:
            yield from _dates(page, leaf)
        elif leaf.concept == "time" and leaf.kind is Kind.TIME:
            yield from _times(page, leaf)
        elif leaf.type is FieldType.TEXT and (
            leaf.kind is Kind.CURRENCY or (leaf.kind in _SELF_EVIDENT and leaf.concept is not None)
        ):
            yield from _patterns(page, leaf)


def _patterns(page: Marked, leaf: Leaf) -> Iterator[FieldCandidate]:
    found = 0
    for segment in page.sheet.segments:
        for value in parse(leaf, segment.text):
            place = Place(segment, value.start, value.end)
            score = _SCORE + (_IN_SUMS if leaf.kind is Kind.CURRENCY and _of_a_sum(page, segment) else 0.0)
            yield value_at(page.sheet, leaf.name, place, value.readings, score * value.quality)
            found += 1
            if found >= _A_PAGE:
                return


def _of_a_sum(page: Marked, segment: Segment) -> bool:
    """Whether its row is labelled as a sum: articles are called `Kr` and `Euro` too."""
    hits = page.hits.get(segment.row, ())
    return any(target.concept in ROLES for hit in hits for target in hit.targets)


def _dates(page: Marked, leaf: Leaf) -> Iterator[FieldCandidate]:
    """Dates that no label claims for something else; higher up, with a time, beside the number: likelier."""
    for segment in page.sheet.segments:
        concepts = {
            target.concept
            for hit in page.hits.get(segment.row, ())
            for target in hit.targets
            if target.weight >= 0.5
        }
        if concepts & _OTHER_DATES:
            continue
        for day in dates_in(segment.text):
            place = Place(segment, day.start, day.end)
            score = _SCORE + _extra(page, segment, day.end) + (0.15 if "number" in concepts else 0.0)
            alone = len(segment.text) - (day.end - day.start) < _SHORT
            yield value_at(page.sheet, leaf.name, place, day.readings, score if alone else 0.7 * score)


def _times(page: Marked, leaf: Leaf) -> Iterator[FieldCandidate]:
    """The time beside a date: when it was printed."""
    for row in page.sheet.rows:
        if any(True for segment in row.segments for _ in dates_in(segment.text)):
            for segment in row.segments:
                for value in parse(leaf, segment.text)[:1]:
                    place = Place(segment, value.start, value.end)
                    yield value_at(page.sheet, leaf.name, place, value.readings, _SCORE)


def _extra(page: Marked, segment: Segment, end: int) -> float:
    timed = ":" in segment.text[end : end + 12]
    return 0.05 * (1 - segment.box[1] / max(page.sheet.height, 1.0)) + (0.1 if timed else 0.0)
