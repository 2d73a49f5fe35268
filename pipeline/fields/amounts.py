"""Amounts of a paper's foot: total, net, tax, rounding, cash and change, by the words beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.fields.currencies import in_currency_of
from pipeline.fields.evidence import value_at
from pipeline.fields.folding import fold
from pipeline.fields.labels import Hit, Target
from pipeline.fields.layout import Sheet
from pipeline.fields.nearby import Zone, place_of
from pipeline.fields.shapes import FieldCandidate, Leaf
from pipeline.fields.values import Parsed, parse
from pipeline.fields.wordlists import folded
from schemas.field import FieldType

ROLES = frozenset({"total", "net", "tax", "rounding", "cash", "change"})
_ANY_MONEY = Leaf(path=(), type=FieldType.MONEY)
_LEFT_IN_ROW = 0.75  # an amount with another to its right: the last of a row is its sum
_MOST_BELOW = 2


@dataclass(frozen=True, slots=True)
class Announced:
    """A label that announces an amount, and where the amount may stand."""

    hit: Hit
    target: Target
    leaf: Leaf | None
    right: Sequence[Zone]
    under: Sequence[Zone]
    weight: float


@dataclass(frozen=True, slots=True)
class _Found:
    zone: Zone
    value: Parsed
    between: str


def candidates(sheet: Sheet, label: Announced) -> Iterator[FieldCandidate]:
    """Amounts of the label's row, the rightmost first; only where it has none, those below it."""
    leaf = label.leaf or _ANY_MONEY
    in_row = list(_amounts(label.right, leaf))
    for at, found in enumerate(reversed(in_row)):
        yield from _candidate(sheet, label, found, 1.0 if at == 0 else _LEFT_IN_ROW)
    if not in_row and label.leaf is not None:
        for found in list(_amounts(label.under, leaf))[:_MOST_BELOW]:
            yield from _candidate(sheet, label, found, 1.0)


def _amounts(zones: Sequence[Zone], leaf: Leaf) -> Iterator[_Found]:
    between = ""
    for zone in zones:
        for value in parse(leaf, zone.text):
            words = "" if zone.below else f"{between} {zone.text[: value.start]}"
            yield _Found(zone, value, words)
        between += " " + zone.text


def _means(concept: str, hit: Hit, between: str) -> tuple[str, float]:
    """What the whole label says, words between it and the amount included."""
    before = hit.segment.text[: hit.start]
    if concept != "total":
        # `Total incl. GST: 79.50` is no amount of tax.
        inside = set(fold(before).split()) & folded("with")
        return ("total", 0.0) if concept == "tax" and inside else (concept, 1.0)
    after = set(fold(between).split())
    words = set(fold(hit.segment.text[: hit.end]).split()) | after
    taxed = folded("tax_words")
    if after & folded("sums_of_other_things"):
        return "other", 0.0
    if words & folded("without") and after & (taxed | folded("without")):
        return "net", 0.5
    if after & taxed and not words & folded("with"):
        return "tax", 0.5
    return "total", 1.05 if words & folded("with") and words & taxed else 1.0


def _is_term(concept: str, hit: Hit, value: Parsed) -> bool:
    """`Net 30` and `netto 30 Tage` are days to pay in."""
    label, reading = fold(hit.segment.text[hit.start : hit.end]), value.readings[0]
    plain = reading.currency is None and "." not in (reading.decimal or "")
    return concept == "net" and label in ("net", "netto") and plain


def _candidate(sheet: Sheet, label: Announced, found: _Found, factor: float) -> Iterator[FieldCandidate]:
    hit, zone, value = label.hit, found.zone, found.value
    concept = label.target.concept or ""
    role, trust = _means(concept, hit, found.between)
    if role != concept or _is_term(concept, hit, value):
        return
    place = place_of(hit, zone, value)
    slip = 1.0 if hit.exact else 0.9
    score = label.weight * trust * slip * factor * zone.near * value.quality
    # `Total (RM): 9.00` and `Summe EUR 34,73` name the currency in the label.
    readings = in_currency_of(value.readings, hit.segment.text[: hit.end] + found.between)
    name = label.leaf.name if label.leaf else ""
    yield value_at(sheet, name, place, readings, score, role=role)
