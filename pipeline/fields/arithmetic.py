"""Sums that must hold on a paper's foot, as evidence for which amount is the total."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import product

from pipeline.fields.choosing import choose
from pipeline.fields.shapes import Clues, FieldCandidate, Leaf, Outcome
from schemas.field import FieldType

_ANY = Leaf(path=("amount",), type=FieldType.MONEY)
_CENT = Decimal("0.011")
_SUM, _ROUNDED, _CASH = 0.15, 0.25, 0.2
_AT_MOST = 12  # amounts of one role that are tried


def support(candidates: Iterable[FieldCandidate], clues: Clues) -> Mapping[Decimal, float]:
    """For amounts that sums speak for or against: how much to add to their score as the total."""
    by_role: dict[str, list[Decimal]] = {}
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if candidate.role and candidate.outcome is Outcome.VALUE and candidate.readings:
            value = Decimal(choose(_ANY, candidate, clues).readings[0].decimal or "0")
            known = by_role.setdefault(candidate.role, [])
            if value not in known and len(known) < _AT_MOST:
                known.append(value)
    bonus: dict[Decimal, float] = {}

    def add(value: Decimal, some: float) -> None:
        bonus[value] = max(bonus.get(value, 0.0), some) if some > 0 else bonus.get(value, 0.0) + some

    totals, nets = by_role.get("total", []), by_role.get("net", [])
    for net, tax in product(nets, by_role.get("tax", [])):
        if tax != 0:
            for total in totals:
                if abs(net + tax - total) < _CENT:
                    add(total, _SUM)
    for paid, change in product(by_role.get("cash", []), by_role.get("change", [])):
        for total in totals:
            if abs(paid - abs(change) - total) < _CENT and total > 0:
                add(total, _CASH)
    for before, rounding in product([*totals, *nets], by_role.get("rounding", [])):
        if 0 < abs(rounding) <= Decimal("0.5"):
            for total in totals:
                if abs(before + rounding - total) < Decimal("0.001"):
                    add(total, _ROUNDED)
                    if before != total:
                        add(before, -0.1)
    return bonus
