"""Decides which of the readings of a printed value holds in this document, and says why."""

from dataclasses import dataclass, replace

from pipeline.fields.clues import date_order, decimal_mark, document_currency, pick_currency
from pipeline.fields.shapes import Clues, FieldCandidate, Kind, Leaf, Reading
from schemas.field import FieldType

_NUMERIC = (FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER)


@dataclass(frozen=True, slots=True)
class Choice:
    """Readings, the likeliest first. ``open``: nothing in the document decides between them."""

    readings: tuple[Reading, ...]
    open: bool = False
    reason: str | None = None


def choose(leaf: Leaf, candidate: FieldCandidate, clues: Clues) -> Choice:
    readings = tuple(_with_currency(leaf, reading, clues) for reading in candidate.readings)
    if len({str(reading.value) for reading in readings}) < 2:
        return Choice(readings[:1])
    if leaf.type is FieldType.DATE:
        return _decided(readings, date_order(clues), leaf)
    if leaf.type in _NUMERIC:
        return _decided(readings, decimal_mark(clues), leaf)
    return Choice(readings, open=True)


def _decided(readings: tuple[Reading, ...], decision: tuple[str, str] | None, leaf: Leaf) -> Choice:
    if decision is not None:
        convention, reason = decision
        chosen = [r for r in readings if r.convention == convention]
        if chosen:
            rest = [r for r in readings if r.convention != convention]
            return Choice((*chosen, *rest), reason=reason)
    if leaf.type is FieldType.MONEY:
        # Prices have two decimals or none; three digits after a mark are thousands.
        return Choice(readings[:1])
    return Choice(readings, open=True)


def _with_currency(leaf: Leaf, reading: Reading, clues: Clues) -> Reading:
    if leaf.kind is Kind.CURRENCY and leaf.type is FieldType.TEXT:
        return replace(
            reading, value=pick_currency(reading.convention or str(reading.value), clues), convention=None
        )
    if leaf.type is not FieldType.MONEY:
        return replace(reading, currency=None)
    codes = reading.currency
    return replace(reading, currency=pick_currency(codes, clues) if codes else document_currency(clues))
