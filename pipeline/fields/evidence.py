"""Evidence of a value: its page, the words it stands in, the box around the value itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.fields.layout import Segment, Sheet, boxes_of
from pipeline.fields.shapes import FieldCandidate, Outcome, Reading
from schemas.field import Evidence, Match
from schemas.geometry import Box

_LONGEST_QUOTE = 300


@dataclass(frozen=True, slots=True)
class Place:
    """Characters of a segment, and what is quoted with them.

    ``label``: the label beside them; ``exact``: it was read as expected; ``outer``: with their currency.
    """

    segment: Segment
    start: int
    end: int
    label: str = ""
    exact: bool = True
    outer: tuple[int, int] | None = None

    @property
    def raw(self) -> str:
        return self.segment.text[self.start : self.end]


def at(sheet: Sheet, place: Place) -> Evidence:
    start, end = place.outer or (place.start, place.end)
    printed = place.segment.text[start:end]
    quote = f"{place.label} {printed}" if place.label else printed
    boxes = boxes_of(place.segment, place.start, place.end)
    return evidence_of(sheet.number, quote, boxes, Match.EXACT if place.exact else Match.FUZZY)


def evidence_of(page: int, quote: str, boxes: list[Box] | None, match: Match = Match.EXACT) -> Evidence:
    """``match``: of the quote, where it was located; nobody but the reader says so where it was not."""
    return Evidence(
        page=page,
        quote=quote[:_LONGEST_QUOTE],
        boxes=boxes or None,
        match=match if boxes else Match.MODEL,
    )


def value_at(  # who, where, what, how much: always in this order
    sheet: Sheet,
    path: str,
    place: Place,
    readings: tuple[Reading, ...],
    score: float,
    *,
    role: str | None = None,
    row: int | None = None,
) -> FieldCandidate:
    """A candidate for the leaf ``path`` with its evidence."""
    return FieldCandidate(
        path=path,
        outcome=Outcome.VALUE,
        score=score,
        readings=readings,
        raw=place.raw,
        evidence=(at(sheet, place),),
        page=sheet.number,
        row=row,
        role=role,
    )


def lines_at(
    sheet: Sheet,
    path: str,
    places: Sequence[Place],
    score: float,
    *,
    row: int | None = None,
    glue: str = ", ",
) -> FieldCandidate:
    """A candidate made of several lines, such as an address: one box a line."""
    raw = glue.join(place.raw.strip(" ,;") for place in places)
    boxes: list[Box] = [
        box for place in places for box in boxes_of(place.segment, place.start, place.end) or []
    ]
    evidence = evidence_of(sheet.number, " ".join(place.raw for place in places), boxes)
    return FieldCandidate(
        path, Outcome.VALUE, score, (Reading(raw),), raw=raw, evidence=(evidence,), page=sheet.number, row=row
    )
