"""Amounts of a paper's foot: total, net, tax, rounding, cash and change, by the words beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.fields.currencies import currencies_in
from pipeline.fields.evidence import of_zone
from pipeline.fields.folding import fold
from pipeline.fields.labels import Hit, Target
from pipeline.fields.layout import Sheet
from pipeline.fields.nearby import Zone, label_text
from pipeline.fields.shapes import FieldCandidate, Leaf, Outcome, Reading
from pipeline.fields.values import Parsed, parse
from schemas.field import FieldType

ROLES = frozenset({"total", "net", "tax", "rounding", "cash", "change"})
_ANY_MONEY = Leaf(path=("amount",), type=FieldType.MONEY)
# Words after `total` that make it a total of something else.
_OTHER_THINGS = frozenset(
    [
        "qty",
        "quantity",
        "item",
        "items",
        "pcs",
        "pieces",
        "saving",
        "savings",
        "saved",
        "discount",
        "disc",
        "points",
        "point",
        "weight",
        "units",
        "disc",
        "rabatt",
        "remise",
        "descuento",
        "sconto",
        "korting",
        "stk",
        "anzahl",
        "menge",
    ]
)
_TAX_WORDS = frozenset(["tax", "gst", "vat", "mwst", "ust", "tva", "iva", "btw", "sst", "moms"])
_WITHOUT = frozenset(
    [
        "excl",
        "excluding",
        "exclusive",
        "ex",
        "before",
        "without",
        "w",
        "o",
        "ohne",
        "excl",
        "exkl",
        "netto",
        "ht",
        "hors",
        "sin",
        "senza",
        "exclusief",
        "zzgl",
        "net",
        "untaxed",
    ]
)
_WITH = frozenset(
    [
        "incl",
        "including",
        "inclusive",
        "inc",
        "inkl",
        "ttc",
        "con",
        "compreso",
        "inclusief",
        "with",
        "after",
        "brutto",
    ]
)


@dataclass(frozen=True, slots=True)
class _Found:
    zone: Zone
    value: Parsed
    between: str


def candidates(
    sheet: Sheet,
    hit: Hit,
    target: Target,
    leaf: Leaf | None,
    right: Sequence[Zone],
    under: Sequence[Zone],
    weaker: float,
) -> Iterator[FieldCandidate]:
    """Amounts a label of a role announces; the rightmost of its row counts most, as in a column of sums."""
    concept = target.concept or ""
    weight = target.weight * weaker * (1.0 if hit.exact else 0.9)
    in_row = list(_amounts(right, leaf or _ANY_MONEY))
    for at, found in enumerate(reversed(in_row)):
        role, factor = _role(concept, hit, found.between)
        if role == concept:
            yield _candidate(sheet, hit, leaf, found, weight * factor * (1.0 if at == 0 else 0.75), role)
    if in_row or leaf is None:
        return
    for found in list(_amounts(under, leaf))[:2]:
        role, factor = _role(concept, hit, "")
        if role == concept:
            yield _candidate(sheet, hit, leaf, found, weight * factor, role)


def _amounts(zones: Sequence[Zone], leaf: Leaf) -> Iterator[_Found]:
    between = ""
    for zone in zones:
        for value in parse(leaf, zone.text):
            yield _Found(zone, value, f"{between} {zone.text[: value.start]}")
        between += " " + zone.text


def _role(concept: str, hit: Hit, between: str) -> tuple[str, float]:
    """What the whole label says, words between it and the amount included."""
    words = set(fold(hit.segment.text[: hit.end] + " " + between).split())
    after = set(fold(between).split())
    if concept != "total":
        return concept, 1.0
    if after & _OTHER_THINGS:
        return "other", 0.0
    if words & _WITHOUT and after & (_TAX_WORDS | _WITHOUT):
        return "net", 0.5
    if after & _TAX_WORDS and not words & _WITH:
        return "tax", 0.5
    return "total", 1.05 if words & _WITH and words & _TAX_WORDS else 1.0


def _candidate(
    sheet: Sheet, hit: Hit, leaf: Leaf | None, found: _Found, weight: float, role: str
) -> FieldCandidate:
    zone, value = found.zone, found.value
    start, end = zone.start + value.start, zone.start + value.end
    label = label_text(hit)
    readings = _with_currency(value.readings, hit.segment.text[: hit.end] + found.between)
    return FieldCandidate(
        path=leaf.name if leaf else "",
        outcome=Outcome.VALUE,
        score=weight * zone.near * value.quality,
        readings=readings,
        raw=zone.segment.text[start:end],
        evidence=(of_zone(sheet, zone, start, end, label, exact=hit.exact),),
        page=sheet.number,
        role=role,
    )


def _with_currency(readings: tuple[Reading, ...], label: str) -> tuple[Reading, ...]:
    """``Total (RM): 9.00`` and ``Summe EUR 34,73`` name the currency in the label."""
    codes = next((codes for _, _, codes in currencies_in(label)), None)
    if codes is None or any(reading.currency for reading in readings):
        return readings
    return tuple(Reading(r.value, r.decimal, "|".join(codes), r.convention) for r in readings)
