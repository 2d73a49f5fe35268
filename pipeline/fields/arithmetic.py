"""Sums that must hold on a paper's foot, as evidence for which amount is the total."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product

from pipeline.fields.choosing import choose
from pipeline.fields.shapes import Clues, FieldCandidate, Leaf, Outcome
from schemas.field import FieldType

_ANY = Leaf(path=(), type=FieldType.MONEY)
_CENT = Decimal("0.011")
_EXACT = Decimal("0.001")
_MOST_ROUNDING = Decimal("0.5")
_SUM, _CASH, _ROUNDED, _NOT_YET_ROUNDED = 0.15, 0.2, 0.25, -0.1
_AT_MOST = 12  # amounts of one role that are tried

_Roles = Mapping[str, Sequence[Decimal]]


def support(candidates: Iterable[FieldCandidate], clues: Clues) -> Mapping[Decimal, float]:
    """For amounts that sums speak for or against: how much to add to their score as the total."""
    roles = _by_role(candidates, clues)
    gains: dict[Decimal, float] = {}
    losses: dict[Decimal, float] = {}
    for proof in (_net_and_tax, _cash_and_change, _rounding):
        for amount, gain in proof(roles):
            known = gains if gain > 0 else losses
            known[amount] = gain if gain < 0 else max(known.get(amount, 0.0), gain)
    return {amount: gains.get(amount, 0.0) + losses.get(amount, 0.0) for amount in {*gains, *losses}}


def _by_role(candidates: Iterable[FieldCandidate], clues: Clues) -> _Roles:
    roles: dict[str, list[Decimal]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if candidate.role and candidate.outcome is Outcome.VALUE and candidate.readings:
            amount = Decimal(choose(_ANY, candidate, clues).readings[0].decimal or "0")
            known = roles[candidate.role]
            if amount not in known and len(known) < _AT_MOST:
                known.append(amount)
    return roles


def _net_and_tax(roles: _Roles) -> Iterator[tuple[Decimal, float]]:
    for net, tax, total in product(roles["net"], roles["tax"], roles["total"]):
        if tax != 0 and abs(net + tax - total) < _CENT:
            yield total, _SUM


def _cash_and_change(roles: _Roles) -> Iterator[tuple[Decimal, float]]:
    for cash, change, total in product(roles["cash"], roles["change"], roles["total"]):
        if total > 0 and abs(cash - abs(change) - total) < _CENT:
            yield total, _CASH


def _rounding(roles: _Roles) -> Iterator[tuple[Decimal, float]]:
    """The amount after rounding is the one that was paid."""
    before_rounding = [*roles["total"], *roles["net"]]
    for before, rounding, total in product(before_rounding, roles["rounding"], roles["total"]):
        if 0 < abs(rounding) <= _MOST_ROUNDING and abs(before + rounding - total) < _EXACT:
            yield total, _ROUNDED
            yield before, _NOT_YET_ROUNDED
